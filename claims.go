package tenon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// Claims is what an access token says (RFC 9068 §2.2). Times are whole seconds. Every field but NotBefore, Scope, Details,
// Person, Status and Log is required in a token that Tenon issues.
type Claims struct {
	Issuer       string
	Subject      string // the client's id when the client acts for itself (RFC 9068 §2.2)
	ClientID     string
	ID           string // jti
	Audience     []string
	IssuedAt     time.Time
	NotBefore    time.Time // zero when absent
	Expires      time.Time
	Scope        Scope
	Confirmation Confirmation
	Details      json.RawMessage // authorization_details, a JSON array; nil when there are none (RFC 9396 §9.1)
	Person       *Authentication // nil when the client acts for itself
	Status       *StatusReference
	Log          *LogReference
}

// An Authentication is how and when a person proved who they are (RFC 9068 §2.2.1). It is settled when the grant is made and
// stays the same in every token of it.
type Authentication struct {
	Time time.Time `json:"auth_time"`     // whole seconds
	ACR  string    `json:"acr,omitempty"` // OpenID Connect Core §2
	AMR  []string  `json:"amr,omitempty"` // RFC 8176
}

// A StatusReference is the place of a token in a token status list (Token Status List §6.2).
type StatusReference struct {
	Index uint64 `json:"idx"`
	URI   string `json:"uri"`
}

// A LogReference is the entry of the binding log that records the issuance of a token.
type LogReference struct {
	Origin string `json:"o"` // of the log, as its checkpoints name it
	Index  uint64 `json:"i"`
}

// MarshalJSON gives the payload of a JWT, members always in the same order. Status and Log come last: they hold an index that
// is known only after the rest has been logged, so the log's digest of the claims ends before them. A single audience is written as a string. An
// unbound confirmation is left out: whether a token may be without one is decided where tokens are signed.
func (c Claims) MarshalJSON() ([]byte, error) {
	payload := struct {
		Issuer    string          `json:"iss"`
		Subject   string          `json:"sub"`
		Audience  any             `json:"aud"`
		Expires   int64           `json:"exp"`
		NotBefore int64           `json:"nbf,omitempty"`
		IssuedAt  int64           `json:"iat"`
		ID        string          `json:"jti"`
		ClientID  string          `json:"client_id"`
		Scope     string          `json:"scope,omitempty"`
		Cnf       *Confirmation   `json:"cnf,omitempty"`
		AuthTime  int64           `json:"auth_time,omitempty"`
		ACR       string          `json:"acr,omitempty"`
		AMR       []string        `json:"amr,omitempty"`
		Details   json.RawMessage `json:"authorization_details,omitempty"`
		Status    *statusWrapper  `json:"status,omitempty"`
		Log       *LogReference   `json:"tlog,omitempty"`
	}{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, Expires: c.Expires.Unix(), NotBefore: unixOrZero(c.NotBefore),
		IssuedAt: c.IssuedAt.Unix(), ID: c.ID, ClientID: c.ClientID, Scope: c.Scope.String(), Details: c.Details, Log: c.Log,
	}
	if c.Person != nil {
		payload.AuthTime, payload.ACR, payload.AMR = unixOrZero(c.Person.Time), c.Person.ACR, c.Person.AMR
	}
	if len(c.Audience) == 1 {
		payload.Audience = c.Audience[0]
	}
	if c.Confirmation.Bound() {
		payload.Cnf = &c.Confirmation
	}
	if c.Status != nil {
		payload.Status = &statusWrapper{c.Status}
	}
	return json.Marshal(payload)
}

// statusWrapper is the status claim, which names the mechanism (Token Status List §6.2).
type statusWrapper struct {
	List *StatusReference `json:"status_list"`
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// UnmarshalJSON reads the payload of a JWT access token strictly: a duplicate member, a value of the wrong type, a cnf or
// status that is not fully understood and a missing required claim (RFC 9068 §2.2) are errors. Unknown claims are ignored.
func (c *Claims) UnmarshalJSON(data []byte) error {
	var read Claims
	err := strictjson.Object(data, func(name string, v strictjson.Value) error {
		if err := read.member(name, v); err != nil {
			return fmt.Errorf("claim %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if p := read.Person; p != nil && p.Time.IsZero() {
		return errors.New("claim auth_time is missing beside acr or amr")
	}
	if err := read.complete(); err != nil {
		return err
	}
	*c = read
	return nil
}

// member reads one claim.
func (c *Claims) member(name string, v strictjson.Value) (err error) {
	switch name {
	case "iss":
		c.Issuer, err = v.Str()
	case "sub":
		c.Subject, err = v.Str()
	case "client_id":
		c.ClientID, err = v.Str()
	case "jti":
		c.ID, err = v.Str()
	case "aud":
		c.Audience, err = oneOrMore(v)
	case "iat":
		c.IssuedAt, err = numericDate(v)
	case "nbf":
		c.NotBefore, err = numericDate(v)
	case "exp":
		c.Expires, err = numericDate(v)
	case "scope":
		c.Scope, err = scopeClaim(v)
	case "cnf":
		err = c.Confirmation.UnmarshalJSON(v)
	case "auth_time":
		c.person().Time, err = numericDate(v)
	case "acr":
		c.person().ACR, err = v.Str()
	case "amr":
		c.person().AMR, err = v.Strings()
	case "authorization_details":
		c.Details, err = detailsClaim(v)
	case "status":
		c.Status, err = statusClaim(v)
	case "tlog":
		c.Log, err = logReference(v)
	}
	return err
}

// person gives the authentication to fill in.
func (c *Claims) person() *Authentication {
	if c.Person == nil {
		c.Person = &Authentication{}
	}
	return c.Person
}

// detailsClaim keeps authorization details as they are; what they mean is for who registered their types.
func detailsClaim(v strictjson.Value) (json.RawMessage, error) {
	if len(v) == 0 || v[0] != '[' {
		return nil, errors.New("not an array") // RFC 9396 §9.1
	}
	return json.RawMessage(slices.Clone(v)), nil
}

// complete names every required claim that is missing or empty (RFC 9068 §2.2).
func (c *Claims) complete() error {
	var missing []error
	for _, claim := range []struct {
		name  string
		there bool
	}{
		{"iss", c.Issuer != ""},
		{"sub", c.Subject != ""},
		{"client_id", c.ClientID != ""},
		{"jti", c.ID != ""},
		{"aud", len(c.Audience) > 0},
		{"iat", !c.IssuedAt.IsZero()},
		{"exp", !c.Expires.IsZero()},
	} {
		if !claim.there {
			missing = append(missing, fmt.Errorf("claim %s is missing or empty", claim.name))
		}
	}
	return errors.Join(missing...)
}

// oneOrMore reads an audience: a string, or an array of strings without an empty one (RFC 7519 §4.1.3).
func oneOrMore(v strictjson.Value) ([]string, error) {
	one, err := v.Str()
	if err == nil {
		if one == "" {
			return nil, errors.New("empty")
		}
		return []string{one}, nil
	}
	all, err := v.Strings()
	if err != nil {
		return nil, errors.New("neither a string nor an array of strings")
	}
	if slices.Contains(all, "") {
		return nil, errors.New("an empty entry")
	}
	return all, nil
}

// numericDate reads seconds since 1970 (RFC 7519 §2). Fractions are not used by Tenon and refused.
func numericDate(v strictjson.Value) (time.Time, error) {
	n, err := v.Int()
	if err != nil || n <= 0 {
		return time.Time{}, errors.New("not a positive whole number of seconds")
	}
	return time.Unix(n, 0).UTC(), nil
}

func scopeClaim(v strictjson.Value) (Scope, error) {
	s, err := v.Str()
	if err != nil {
		return nil, err
	}
	return ParseScope(s)
}

// statusClaim reads the status claim. A mechanism that is not known here cannot be checked, so it is an error.
func statusClaim(v strictjson.Value) (*StatusReference, error) {
	var ref *StatusReference
	err := v.Object(func(mechanism string, v strictjson.Value) error {
		if mechanism != "status_list" {
			return fmt.Errorf("status mechanism %q is not known here", mechanism)
		}
		var err error
		ref, err = statusReference(v)
		return err
	})
	if err == nil && ref == nil {
		err = errors.New("no status mechanism")
	}
	return ref, err
}

func statusReference(v strictjson.Value) (*StatusReference, error) {
	var ref StatusReference
	index := int64(-1)
	err := v.Object(func(name string, v strictjson.Value) (err error) {
		switch name {
		case "idx":
			index, err = v.Int()
		case "uri":
			ref.URI, err = v.Str()
		}
		return err
	})
	if err == nil && (index < 0 || ref.URI == "") {
		err = errors.New("status_list needs idx, a whole number from 0, and uri")
	}
	if err != nil {
		return nil, err
	}
	ref.Index = uint64(index)
	return &ref, nil
}

// logReference reads the tlog claim. Both members are required; a reference that names nothing cannot be checked.
func logReference(v strictjson.Value) (*LogReference, error) {
	var ref LogReference
	index := int64(-1)
	err := v.Object(func(name string, v strictjson.Value) (err error) {
		switch name {
		case "o":
			ref.Origin, err = v.Str()
		case "i":
			index, err = v.Int()
		}
		return err
	})
	if err == nil && (index < 0 || ref.Origin == "") {
		err = errors.New("tlog needs o, the origin of a log, and i, a whole number from 0")
	}
	if err != nil {
		return nil, err
	}
	ref.Index = uint64(index)
	return &ref, nil
}

package issuer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

const (
	assertionTypeJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2
	maxAssertion     = 8 << 10                                                  // bytes
	maxAssertionJTI  = 256                                                      // bytes
	maxAssertionLife = 5 * time.Minute                                          // ours: how far ahead exp may be, on our clock
	clockSkew        = 10 * time.Second                                         // FAPI 2.0 §5.3.2.1 (13): up to 10 s ahead is accepted
)

// An assertion is a client assertion (RFC 7523 §3) that was read strictly. Its claims are not to be believed before its
// signature has been checked with a key of the client it names. It is read here and not by go-jose because every token request
// pays for it; a fuzz test holds that go-jose accepts whatever is accepted here.
type assertion struct {
	signed    []byte // what the signature covers
	signature []byte
	kid       string
	algorithm dpop.Algorithm
	issuer    string
	subject   string
	id        string // jti
	audience  string // "" when aud is missing or is not a JSON string
	expires   time.Time
	issuedAt  time.Time // zero when absent
	notBefore time.Time // zero when absent
}

// parseAssertion reads a compact JWS the one way it can be read: three parts, canonical base64url, JSON without duplicates.
func parseAssertion(compact string) (*assertion, error) {
	if len(compact) > maxAssertion {
		return nil, badAssertion("malformed", "the client assertion is longer than %d bytes", maxAssertion)
	}
	if strings.Count(compact, ".") != 2 {
		return nil, badAssertion("malformed", "the client assertion is not a JWT of three parts")
	}
	parts := strings.Split(compact, ".")
	var decoded [3][]byte
	for n, part := range parts {
		b, err := decodeSegment(part)
		if err != nil {
			return nil, badAssertion("malformed", "a part of the client assertion is not base64url").Because(err)
		}
		decoded[n] = b
	}
	a := &assertion{signed: []byte(compact[:strings.LastIndexByte(compact, '.')]), signature: decoded[2]}
	if err := a.readHeader(decoded[0]); err != nil {
		return nil, err
	}
	if err := strictjson.Object(decoded[1], a.readClaim); err != nil {
		return nil, badAssertion("malformed", "the claims of the client assertion: %v", err)
	}
	return a, nil
}

// decodeSegment takes canonical base64url only: one text a value.
func decodeSegment(s string) ([]byte, error) {
	if s == "" || strings.ContainsAny(s, "\r\n") { // encoding/base64 skips line breaks
		return nil, errors.New("empty, or with a line break")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

func badAssertion(reason, format string, args ...any) *tenon.Error {
	return tenon.Refuse(tenon.InvalidClient, reason, format, args...)
}

// readHeader reads the JOSE header. Only alg, kid and typ mean anything; what would bring a key along, or change how the rest is
// read, is refused.
func (a *assertion) readHeader(data []byte) error {
	typ := ""
	err := strictjson.Object(data, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "alg":
			var alg string
			alg, err = v.Str()
			a.algorithm = dpop.Algorithm(alg)
		case "kid":
			a.kid, err = v.Str()
		case "typ":
			typ, err = v.Str()
			if err == nil && typ == "" {
				err = errors.New("typ is empty")
			}
		case "crit", "b64", "zip", "jwk", "jku", "x5u", "x5c": // RFC 7515 §4.1.11, RFC 8725 §3.10
			err = fmt.Errorf("the header parameter %s is not taken", name)
		}
		return err
	})
	if err != nil {
		return badAssertion("malformed", "the header of the client assertion: %v", err)
	}
	if !supported(a.algorithm) {
		return badAssertion("alg", "the client assertion must be signed with one of %v", dpop.Algorithms()) // FAPI 2.0 §5.4.1 (1)
	}
	if !isAssertionType(typ) {
		return badAssertion("typ", "the typ of the client assertion is that of another kind of JWT: use client-authentication+jwt") // RFC 8725 §3.11
	}
	return nil
}

// isAssertionType accepts the explicit type, no type, and the JWT that many libraries write unasked. Any other is the type of
// something else that the client signs.
func isAssertionType(typ string) bool {
	typ = strings.ToLower(typ) // media types are compared without regard to case (RFC 7515 §4.1.9)
	return slices.Contains([]string{"", "jwt", "client-authentication+jwt"}, strings.TrimPrefix(typ, "application/"))
}

// readClaim reads one claim. Claims that are not known are ignored (RFC 7519 §4).
func (a *assertion) readClaim(name string, v strictjson.Value) (err error) {
	switch name {
	case "iss":
		a.issuer, err = v.Str()
	case "sub":
		a.subject, err = v.Str()
	case "jti":
		a.id, err = v.Str()
	case "aud":
		a.audience, _ = v.Str() // an array is an audience that is not ours; see check
	case "exp":
		a.expires, err = timeOf(v)
	case "iat":
		a.issuedAt, err = timeOf(v)
	case "nbf":
		a.notBefore, err = timeOf(v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func timeOf(v strictjson.Value) (time.Time, error) {
	n, err := v.Int()
	if err != nil || n <= 0 {
		return time.Time{}, errors.New("not a time in whole seconds")
	}
	return time.Unix(n, 0), nil
}

// check holds the claims to what can be judged without knowing the client. Whoever is told what is wrong learns nothing that he
// did not write himself.
func (a *assertion) check(issuer, clientID string, now time.Time) error {
	switch {
	case a.issuer == "" || a.issuer != a.subject:
		return badAssertion("subject", "iss and sub of the client assertion must both be the client_id") // RFC 7523 §3 (1), (2)
	case clientID != "" && clientID != a.subject:
		return badAssertion("subject", "client_id is not the sub of the client assertion") // RFC 7521 §4.2
	case a.audience != issuer:
		return badAssertion("audience", "aud of the client assertion must be %s, as a string", issuer) // FAPI 2.0 §5.3.2.1 (8)
	case a.expires.IsZero():
		return badAssertion("expired", "exp is missing from the client assertion") // RFC 7523 §3 (4)
	case !now.Before(a.expires):
		return badAssertion("expired", "the client assertion expired at %s; server time is %s", stamp(a.expires), stamp(now)) // RFC 7523 §3 (4)
	case a.expires.After(now.Add(maxAssertionLife + clockSkew)):
		return badAssertion("expired", "the client assertion expires at %s, more than %v after server time %s", stamp(a.expires), maxAssertionLife, stamp(now))
	case a.issuedAt.After(now.Add(clockSkew)):
		return badAssertion("iat", "iat of the client assertion is %s, ahead of server time %s", stamp(a.issuedAt), stamp(now)) // FAPI 2.0 §5.3.2.1 (13)
	case a.notBefore.After(now.Add(clockSkew)):
		return badAssertion("nbf", "the client assertion is not valid before %s; server time is %s", stamp(a.notBefore), stamp(now)) // RFC 7523 §3 (5)
	case a.id == "":
		return badAssertion("jti", "jti is missing from the client assertion") // OIDC Core §9
	case len(a.id) > maxAssertionJTI:
		return badAssertion("jti", "jti of the client assertion is longer than %d bytes", maxAssertionJTI)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

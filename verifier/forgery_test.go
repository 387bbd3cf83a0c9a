package verifier_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// A forgery says how a token or a proof differs from a good one.
type forgery struct {
	Omit      bool                       `json:"omit"`      // nothing is sent
	Key       string                     `json:"key"`       // signs it, and its public half is in a proof's header
	SignedBy  string                     `json:"signed_by"` // signs it in place of Key
	Header    map[string]json.RawMessage `json:"header"`    // members to set; null removes one
	Claims    map[string]json.RawMessage `json:"claims"`
	HeaderRaw string                     `json:"header_text"` // in place of the members
	ClaimsRaw string                     `json:"claims_text"`
	Signature string                     `json:"signature"` // how it is spoilt, see signatures in forgedkeys_test.go
	Compact   string                     `json:"compact"`   // how the parts are joined, in place of {header}.{claims}.{signature}
	Opaque    string                     `json:"opaque"`    // a token that says nothing itself: what it would say, the issuer does
	Answer    string                     `json:"answer"`    // what the issuer says about it, in place of its claims
}

// A forger makes tokens and proofs. vars are the templates that have the same value in the whole step, by name.
type forger struct {
	now     time.Time
	vars    map[string]string
	answers map[string]string // of the issuer to questions about opaque tokens
}

var template = regexp.MustCompile(`"?\{[^{}"]+\}"?`)

// expand replaces the templates in text. {now-60} and {jwk client} are JSON values, so "{now-60}" loses its quotes.
func (f *forger) expand(text string) string {
	return template.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.Trim(match, `"{}`)
		value, isJSON, known := f.value(name)
		switch {
		case !known:
			return match
		case isJSON:
			return value
		}
		return strings.Replace(match, "{"+name+"}", value, 1)
	})
}

// value gives what a template stands for.
func (f *forger) value(name string) (value string, isJSON, known bool) {
	if value, ok := f.vars[name]; ok {
		return value, false, true
	}
	if name == "null" {
		return "null", true, true
	}
	if unit, count, found := strings.Cut(name, "*"); found {
		n, err := strconv.Atoi(count)
		return strings.Repeat(unit, n), false, err == nil
	}
	if offset, found := strings.CutPrefix(name, "now"); found {
		n, err := strconv.ParseInt("0"+strings.TrimLeft(offset, "+-"), 10, 64)
		if strings.HasPrefix(offset, "-") {
			n = -n
		}
		return strconv.FormatInt(f.now.Unix()+n, 10), true, err == nil
	}
	kind, keyName, _ := strings.Cut(name, " ")
	if kind == "byte" {
		b, err := strconv.ParseUint(keyName, 16, 8)
		return string([]byte{byte(b)}), false, err == nil
	}
	return keyTemplate(kind, keyName)
}

// make gives the compact form.
func (f *forger) make(good *forgery, changed *forgery) string {
	if changed == nil {
		changed = &forgery{}
	}
	header := f.text(good.Header, changed.Header, changed.HeaderRaw)
	claims := f.text(good.Claims, changed.Claims, changed.ClaimsRaw)
	signer := or(changed.SignedBy, changed.Key, good.Key)
	input := encode(header) + "." + encode(claims)
	parts := map[string]string{
		"header": encode(header), "claims": encode(claims), "signature": sign(signer, changed.Signature, input),
		"header padded": base64.URLEncoding.EncodeToString([]byte(header)), "claims standard": base64.RawStdEncoding.EncodeToString([]byte(claims)),
		"header json": header,
	}
	compact := or(changed.Compact, "{header}.{claims}.{signature}")
	whole := forger{now: f.now, vars: maps.Clone(f.vars)}
	maps.Copy(whole.vars, parts)
	return whole.expand(compact)
}

// text gives the JSON of an object: the good members with the changed ones over them, or raw.
func (f *forger) text(good, changed map[string]json.RawMessage, raw string) string {
	if raw != "" {
		return f.expand(raw)
	}
	members := maps.Clone(good)
	maps.Copy(members, changed)
	maps.DeleteFunc(members, func(_ string, v json.RawMessage) bool { return string(v) == "null" })
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // the raw messages come out of a JSON file
	}
	return f.expand(string(text))
}

// goodToken is the token of the good request, bound to the client's key.
func goodToken() *forgery {
	return &forgery{
		Key:    "issuer",
		Header: members(`{"typ": "at+jwt", "alg": "ES256", "kid": "issuer"}`),
		Claims: members(`{"iss": "https://as.example.com", "sub": "client-1", "client_id": "client-1", "jti": "token-1", "aud": "https://api.example.com",
			"iat": "{now-10}", "exp": "{now+300}", "scope": "payments", "cnf": {"jkt": "{jkt client}"}}`),
	}
}

// goodProof is the proof of the good request. key is in its header.
func goodProof(key string) *forgery {
	header := members(fmt.Sprintf(`{"typ": "dpop+jwt", "alg": %q, "jwk": "{jwk %s}"}`, keyAlgorithm(key), key))
	return &forgery{
		Key:    key,
		Header: header,
		Claims: members(`{"jti": "{jti}", "htm": "{htm}", "htu": "{htu}", "iat": "{now}", "ath": "{ath}"}`),
	}
}

func members(text string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err) // the text is a literal of this file
	}
	return m
}

// token makes the token of a request.
func (f *forger) token(changed *forgery) string {
	if changed == nil || changed.Opaque == "" {
		return f.make(goodToken(), changed)
	}
	text := f.expand(changed.Opaque)
	f.answers[text] = f.expand(changed.Answer)
	if changed.Answer == "" {
		f.answers[text] = `{"active": true, ` + f.text(goodToken().Claims, changed.Claims, changed.ClaimsRaw)[1:]
	}
	return text
}

// proof makes the proof of a request that carries token.
func (f *forger) proof(changed *forgery, token string) string {
	key := "client"
	if changed != nil && changed.Key != "" {
		key = changed.Key
	}
	f.vars["ath"] = dpop.AccessTokenHash(token)
	f.vars["ath with scheme"] = dpop.AccessTokenHash("DPoP " + token)
	short, long := sha256.Sum256([]byte(token)), sha512.Sum512([]byte(token))
	f.vars["ath hex"], f.vars["ath sha512"] = hex.EncodeToString(short[:]), encode(string(long[:]))
	return f.make(goodProof(key), changed)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// or gives the first text that is not empty.
func or(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

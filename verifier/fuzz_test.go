package verifier_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
)

// forgetful is a memory that remembers nothing, for tests that send one proof many times.
type forgetful struct{}

func (forgetful) Use(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

// fuzzed makes a verifier with a memory that forgets, and the stage to make requests for it.
func fuzzed(f testing.TB) (*stage, *verifier.Verifier) {
	t := &testing.T{} // a stage that never fails does not need its own
	s := newStage(t, attackConfig{})
	c := s.verifierConfig()
	c.Replays = forgetful{}
	v, err := verifier.New(c)
	if err != nil {
		f.Fatal(err)
	}
	return s, v
}

// FuzzTarget holds that a target which is let through has one reading: it is a path in origin form that decoding, cleaning and
// cutting off parameters leaves where it is.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/", "/payments?x=1", "/a/../b", "//a", "/%2e%2E/a", "/a%2fb", "/a;v=1/..;/b", "/%252e", "/a#b", "*", "https://h/a", "/a\\b", "/é", "/%00", "/a?b#c"} {
		f.Add(target)
	}
	s, v := fuzzed(f)
	token := s.forger(presentation{}).token(&forgery{Claims: members(`{"cnf": {"x5t#S256": "{x5t client}"}}`)})
	f.Fuzz(func(t *testing.T, target string) {
		_, err := v.Verify(t.Context(), verifier.Request{
			Method: "GET", Target: target, Authorization: []string{"Bearer " + token}, Certificate: certificates()["client"].Leaf,
		})
		if err != nil {
			if !errors.Is(err, tenon.InvalidRequest) {
				t.Errorf("%q: %v", target, err)
			}
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Query().Has("access_token") || strings.ContainsAny(target, "#\\ \r\n") {
			t.Fatalf("%q was let through: %v", target, err)
		}
		twice, err := url.PathUnescape(u.Path)
		if err != nil {
			twice = u.Path
		}
		for _, decoded := range []string{u.Path, twice} {
			if cleaned := path.Clean(decoded); cleaned != strings.TrimSuffix(decoded, "/") && decoded != "/" && !strings.Contains(u.EscapedPath(), "%2") {
				t.Errorf("%q may be read as %q", target, cleaned)
			}
			if strings.Contains(decoded, "/../") || strings.HasSuffix(decoded, "/..") || strings.ContainsRune(decoded, 0) {
				t.Errorf("%q may be read as %q", target, decoded)
			}
		}
	})
}

// FuzzAuthorization holds that only the scheme, spaces and the one good token are let through.
func FuzzAuthorization(f *testing.F) {
	s, v := fuzzed(f)
	r := s.request(attackRequest{})
	token := strings.TrimPrefix(r.Authorization[0], "DPoP ")
	for _, value := range []string{"DPoP TOKEN", "dpop  TOKEN", "Bearer TOKEN", "DPoP TOKEN ", "DPoP TOKEN, DPoP TOKEN", "DPoP\tTOKEN", "DPoP", "", "Basic x", "DPoP TOKEN=", "DPoPTOKEN"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := r
		r.Authorization = []string{strings.ReplaceAll(value, "TOKEN", token)}
		_, err := v.Verify(t.Context(), r)
		scheme, rest, _ := strings.Cut(r.Authorization[0], " ")
		good := strings.EqualFold(scheme, "DPoP") && strings.TrimLeft(rest, " ") == token
		if (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	})
}

// FuzzToken holds that whatever is accepted as a token, go-jose accepts too, and reads the same claims from it.
func FuzzToken(f *testing.F) {
	s, v := fuzzed(f)
	forge := s.forger(presentation{})
	header := `{"typ":"at+jwt","alg":"ES256","kid":"issuer"}`
	claims := forge.expand(`{"iss":"https://as.example.com","sub":"a","client_id":"a","jti":"1","aud":"https://api.example.com","iat":{now},"exp":{now+60},"cnf":{"x5t#S256":"{x5t client}"}}`)
	f.Add(header, claims)
	f.Add(`{"alg":"ES256","kid":"issuer","typ":"application/at+jwt","x":{"y":[1,2.5,null]}}`, claims)
	f.Add(`{"typ":"at+jwt","alg":"ES256","kid":"issuer","alg":"none"}`, claims)
	f.Add(header, strings.Replace(claims, `"aud":"https://api.example.com"`, `"aud":["x","https://api.example.com"]`, 1))
	f.Add(header, strings.Replace(claims, `"sub":"a"`, `"sub":"\u00e9\ud83d\ude00\/"`, 1))
	f.Add(header, strings.Replace(claims, `"sub"`, `"sub":"b","sub"`, 1))
	f.Add(header, strings.Replace(claims, `"jti"`, `"JTI":"2","jti"`, 1))
	f.Add(header, " \n"+claims+"\t")
	f.Fuzz(func(t *testing.T, header, claims string) {
		input := encode(header) + "." + encode(claims)
		compact := input + "." + sign("issuer", "", input)
		access, err := v.Verify(t.Context(), verifier.Request{
			Method: "GET", Target: "/", Authorization: []string{"Bearer " + compact}, Certificate: certificates()["client"].Leaf,
		})
		if err != nil {
			return
		}
		parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatalf("accepted, and go-jose says: %v", err)
		}
		payload, err := parsed.Verify(forgedKeys()["issuer"].Public())
		if err != nil {
			t.Fatalf("accepted, and go-jose says: %v", err)
		}
		compareClaims(t, access.Claims, payload)
	})
}

// compareClaims compares claims with what a kind reader makes of the same payload.
func compareClaims(t *testing.T, got tenon.Claims, payload []byte) {
	t.Helper()
	var want map[string]any
	if err := json.Unmarshal(payload, &want); err != nil {
		t.Fatal(err)
	}
	audience, ok := want["aud"].([]any)
	if !ok {
		audience = []any{want["aud"]}
	}
	same := slices.EqualFunc(got.Audience, audience, func(a string, b any) bool { return b == a })
	if !same || want["iss"] != got.Issuer || want["sub"] != got.Subject || want["jti"] != got.ID || want["client_id"] != got.ClientID || want["exp"] != float64(got.Expires.Unix()) {
		t.Errorf("read as %+v from %s", got, payload)
	}
}

// FuzzIntrospectionAnswer holds that whatever an issuer answers, a token is active only when every JSON reader would say so, and comes
// with all that is needed to judge it.
func FuzzIntrospectionAnswer(f *testing.F) {
	for _, answer := range []string{
		activeToken(time.Hour), `{"active": false}`, `{"active": true}`, `{"active": "true"}`, `{"ACTIVE": true}`, `{"active": false, "active": true}`,
		`{"active": true, "iss": "a", "sub": "a", "client_id": "a", "jti": "a", "aud": "a", "iat": 1, "exp": 1e3}`, `[]`, ``, `null`,
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		claims, err := newIntrospection(t, saying(answer), nil).Claims(t.Context(), opaqueToken)
		if err != nil {
			return
		}
		var said map[string]any
		if json.Unmarshal([]byte(answer), &said) != nil || said["active"] != true {
			t.Fatalf("%q is taken for an active token", answer)
		}
		if claims.Issuer == "" || claims.Subject == "" || claims.ID == "" || len(claims.Audience) == 0 || claims.Expires.IsZero() {
			t.Errorf("%q gives %+v", answer, claims)
		}
	})
}

// FuzzOpaque holds that nothing that a JOSE library would read is sent to an issuer as an opaque token.
func FuzzOpaque(f *testing.F) {
	s := newStage(&testing.T{}, attackConfig{Opaque: "gullible"})
	good := s.forger(presentation{}).token(nil)
	for _, token := range []string{good, strings.ReplaceAll(good, ".", ".."), good + "=", opaqueToken, "e30.e30.e30", "IHt9.e30", "eyJ9", "a.b.c.d.e", "{}", "", " 0", "===="} {
		f.Add(token)
	}
	algorithms := []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.HS256, jose.RS256, jose.ES384}
	f.Fuzz(func(t *testing.T, token string) {
		r := saying(`{"active": false}`)
		c := s.verifierConfig()
		c.Opaque = newIntrospection(t, r, nil)
		_, _ = must(verifier.New(c)).Verify(t.Context(), verifier.Request{Method: "GET", Target: "/", Authorization: []string{"Bearer " + token}})
		if r.count() == 0 {
			return
		}
		sent := r.forms[0].Get("token")
		if _, err := jose.ParseSignedCompact(sent, algorithms); err == nil {
			t.Fatalf("%q is a JWS", sent)
		}
		if _, err := jose.ParseEncryptedCompact(sent, []jose.KeyAlgorithm{jose.DIRECT, jose.RSA_OAEP}, []jose.ContentEncryption{jose.A128GCM, jose.A256GCM}); err == nil {
			t.Fatalf("%q is a JWE", sent)
		}
		if len(sent) > 512 || strings.ContainsAny(sent, " \t\r\n\"{}") {
			t.Errorf("%q was sent", sent)
		}
	})
}

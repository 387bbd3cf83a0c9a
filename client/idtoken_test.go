package client_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// OpenID Connect Core §3.1.3.7, one change at a time. The numbers are those of its list.
func TestIDTokenThatIsNotBelieved(t *testing.T) {
	set := func(name string, value any) func(obj) { return func(c obj) { c[name] = value } }
	frozen := time.Now()
	now := frozen.Unix()
	for _, tt := range []struct {
		clause, check string
		change        func(claims obj)
	}{
		{"(2) another issuer", "iss", set("iss", "https://attacker.example")},
		{"(2) nearly the issuer", "iss", func(c obj) { c["iss"] = c["iss"].(string) + "/" }},
		{"§2: no issuer", "iss", func(c obj) { delete(c, "iss") }},
		{"(3) another audience", "aud", set("aud", "tpp-4712")},
		{"(3) one more audience, which is not trusted", "aud", set("aud", []string{"tpp-4711", "tpp-4712"})},
		{"(3) an empty audience", "aud", set("aud", []string{})},
		{"§2: no audience", "aud", func(c obj) { delete(c, "aud") }},
		{"(5) made for another client", "azp", set("azp", "tpp-4712")},
		{"(9) expired", "exp", set("exp", now-11)},
		{"§2: no expiry", "malformed", func(c obj) { delete(c, "exp") }},
		{"(9) an expiry that is text", "malformed", set("exp", "later")},
		{"(10) made long ago", "iat", set("iat", now-601)},
		{"(10) made tomorrow", "iat", set("iat", now+62)},
		{"§2: not said when it was made", "malformed", func(c obj) { delete(c, "iat") }},
		{"(11) another nonce", "nonce", set("nonce", "n")},
		{"(11) no nonce", "nonce", func(c obj) { delete(c, "nonce") }},
		{"(12) a weaker login", "acr", set("acr", "urn:tenon:acr:password")},
		{"(12) not said how strong", "acr", func(c obj) { delete(c, "acr") }},
		{"(13) logged in too long ago", "auth_time", set("auth_time", now-71)},
		{"(13) not said when", "auth_time", func(c obj) { delete(c, "auth_time") }},
		{"§3.1.3.8: another access token", "at_hash", set("at_hash", "77QmUPtjPfzWtF2AnpK9RQ")},
		{"§2: no subject", "malformed", func(c obj) { delete(c, "sub") }},
		{"§2: an empty subject", "malformed", set("sub", "")},
		{"§2: a subject that is too long", "malformed", set("sub", strings.Repeat("a", 256))},
		{"§2: a subject that is not ASCII", "malformed", set("sub", "älice")},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.claims = func(_ url.Values, claims obj) { tt.change(claims) }
			vault := newFileVault(t)
			_, err := bank.tryLogin(newClient(t, bank.frozenAt(frozen)), client.Login{ACR: []string{"phrh", "phr"}, MaxAge: time.Minute, Vault: vault})
			wantDistrust(t, err, "ID token", tt.check)
			if data, _ := vault.Load(t.Context()); data != nil {
				t.Error("a session was kept")
			}
		})
	}
	bank := newFakeBank(t)
	if _, err := bank.tryLogin(newClient(t, bank.config()), client.Login{ACR: []string{"phrh", "phr"}, MaxAge: time.Minute}); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestIDTokenThatIsAccepted(t *testing.T) {
	frozen := time.Now()
	for name, change := range map[string]func(claims obj){
		"an array of one audience (§2)":             func(c obj) { c["aud"] = []string{"tpp-4711"} },
		"azp names this client":                     func(c obj) { c["azp"] = "tpp-4711" },
		"the hash of the access token (§3.1.3.6)":   func(c obj) { c["at_hash"] = "PwiqzhIu4jaEMsHKI6BJvA" }, // of token-1, by SHA-256
		"within the clocks' tolerance, just over":   func(c obj) { c["exp"] = frozen.Unix() - 9 },
		"made by a server whose clock is ahead":     func(c obj) { c["iat"] = frozen.Unix() + 60 },
		"claims that nobody knows":                  func(c obj) { c["https://example.com/x"] = obj{"a": []int{1}} },
		"a subject of 255 characters":               func(c obj) { c["sub"] = strings.Repeat("a", 255) },
		"no acr and no auth_time: nobody has asked": func(c obj) { delete(c, "acr"); delete(c, "auth_time") },
	} {
		t.Run(name, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.claims = func(_ url.Values, claims obj) { change(claims) }
			bank.login(newClient(t, bank.frozenAt(frozen)), nil)
		})
	}
}

// OpenID Connect Core §3.1.3.7 (6) to (8), FAPI 2.0 §5.4: what may have signed it.
func TestIDTokenSignature(t *testing.T) {
	payload := func(claims obj) []byte { data, _ := json.Marshal(claims); return data }
	stranger := newKey(t)
	for _, tt := range []struct {
		clause, check string
		sign          func(b *fakeBank, claims obj) string
	}{
		{"(6) another key", "signature", func(b *fakeBank, c obj) string { return signJWT(b.t, stranger, "bank-1", c) }},
		{"(6) a kid that nobody has", "signature", func(b *fakeBank, c obj) string { return signJWT(b.t, b.key, "bank-2", c) }},
		{"(6) claims changed afterwards", "signature", func(b *fakeBank, c obj) string {
			part := strings.Split(signJWT(b.t, b.key, "bank-1", c), ".")
			c["sub"] = "person:mallory"
			return part[0] + "." + base64.RawURLEncoding.EncodeToString(payload(c)) + "." + part[2]
		}},
		{"(7) none", "alg", func(b *fakeBank, c obj) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload(c)) + "."
		}},
		{"FAPI 2.0 §5.4.1 (1): RS256", "alg", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "RS256", "kid": "bank-1"}, payload(c))
		}},
		{"(8) HS256 with a public key", "alg", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "HS256", "kid": "bank-1"}, payload(c))
		}},
		{"the algorithm of another kind of key", "signature", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "PS256", "kid": "bank-1"}, payload(c))
		}},
		{"RFC 8725 §3.11: an access token", "typ", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "ES256", "kid": "bank-1", "typ": "at+jwt"}, payload(c))
		}},
		{"a logout token", "typ", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "ES256", "kid": "bank-1", "typ": "logout+jwt"}, payload(c))
		}},
		{"RFC 7515 §4.1.11: a critical header", "signature", func(b *fakeBank, c obj) string {
			return signRaw(b.t, b.key, obj{"alg": "ES256", "kid": "bank-1", "crit": []string{"x"}, "x": 1}, payload(c))
		}},
		{"FAPI 2.0 §5.4.2: a key that it brings itself", "signature", func(b *fakeBank, c obj) string {
			return signRaw(b.t, stranger, obj{"alg": "ES256", "kid": "bank-1", "jwk": json.RawMessage(stranger.JWK())}, payload(c))
		}},
		{"a claim that comes twice", "malformed", func(b *fakeBank, c obj) string {
			twice := append([]byte(`{"sub":"person:mallory",`), payload(c)[1:]...)
			return signRaw(b.t, b.key, obj{"alg": "ES256", "kid": "bank-1"}, twice)
		}},
		{"no JWT", "alg", func(*fakeBank, obj) string { return "x" }},
		{"five parts: encrypted", "alg", func(*fakeBank, obj) string { return "a.b.c.d.e" }},
		{"a megabyte", "malformed", func(b *fakeBank, c obj) string {
			c["x"] = strings.Repeat("a", 70<<10)
			return signJWT(b.t, b.key, "bank-1", c)
		}},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.sign = func(claims obj) string { return tt.sign(bank, claims) }
			_, err := bank.tryLogin(newClient(t, bank.config()), client.Login{})
			wantDistrust(t, err, "ID token", tt.check)
		})
	}
	t.Run("an algorithm that the server does not list", func(t *testing.T) {
		bank := newFakeBank(t)
		bank.alter(func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"PS256", "RS256"} })
		_, err := bank.tryLogin(newClient(t, bank.config()), client.Login{})
		wantDistrust(t, err, "ID token", "alg")
	})
	t.Run("§3.1.3.3: none at all", func(t *testing.T) {
		bank := newFakeBank(t)
		bank.response = func(_ url.Values, m obj) { delete(m, "id_token") }
		_, err := bank.tryLogin(newClient(t, bank.config()), client.Login{})
		wantDistrust(t, err, "ID token", "missing")
	})
}

func TestIDTokenOfEveryAlgorithm(t *testing.T) {
	hashes := map[dpop.Algorithm]string{ // of token-1 (OpenID Connect Core §3.1.3.6)
		dpop.ES256: "PwiqzhIu4jaEMsHKI6BJvA", dpop.PS256: "PwiqzhIu4jaEMsHKI6BJvA",
		dpop.EdDSA: "rWaN4wJH6TNT5x9EtFq_XX9IBJJHESNXIWaktFgyZU8", dpop.Ed25519: "rWaN4wJH6TNT5x9EtFq_XX9IBJJHESNXIWaktFgyZU8",
	}
	for _, alg := range dpop.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			bank := newFakeBank(t)
			key, err := dpop.GenerateKey(alg)
			if err != nil {
				t.Fatal(err)
			}
			bank.key = key
			bank.claims = func(_ url.Values, claims obj) { claims["at_hash"] = hashes[alg] }
			bank.login(newClient(t, bank.config()), nil)
		})
	}
}

// OpenID Connect Core §10.1.1: the server may begin to use a new key at any time. FAPI 2.0 §5.4.3: two keys of one name.
func TestKeysOfTheIssuer(t *testing.T) {
	bank := newFakeBank(t)
	clock := time.Now()
	cfg := bank.config()
	cfg.Now = func() time.Time { return clock }
	bank.claims = func(_ url.Values, claims obj) {
		claims["iat"], claims["exp"], claims["auth_time"] = clock.Unix(), clock.Unix()+300, clock.Unix()
	}
	c := newClient(t, cfg)
	bank.login(c, nil)
	bank.login(c, nil)
	if bank.jwks != 1 {
		t.Errorf("the keys were asked for %d times", bank.jwks)
	}
	old, next := bank.key, newKey(t)
	bank.key = next
	bank.keys = func() []jose.JSONWebKey {
		return []jose.JSONWebKey{{Key: old.Signer().Public(), KeyID: "bank-1", Algorithm: "ES256"}, {Key: next.Signer().Public(), KeyID: "bank-2", Algorithm: "ES256"}}
	}
	bank.sign = func(claims obj) string { return signJWT(t, next, "bank-2", claims) }
	_, err := bank.tryLogin(c, client.Login{}) // who makes up kids cannot make us ask all the time
	wantDistrust(t, err, "ID token", "signature")
	clock = clock.Add(11 * time.Second)
	bank.login(c, nil)
	if bank.jwks != 2 {
		t.Errorf("the keys were asked for %d times", bank.jwks)
	}
	// Two keys go by one name, and one of them is for encryption.
	clock = clock.Add(2 * time.Hour)
	bank.keys = func() []jose.JSONWebKey {
		return []jose.JSONWebKey{
			{Key: old.Signer().Public(), KeyID: "bank-2", Use: "sig"},
			{Key: next.Signer().Public(), KeyID: "bank-2", Use: "sig"},
			{Key: newKey(t).Signer().Public(), KeyID: "bank-2", Use: "enc"},
		}
	}
	bank.login(c, nil)
	// The key is there, but not for signatures.
	clock = clock.Add(2 * time.Hour)
	bank.keys = func() []jose.JSONWebKey {
		return []jose.JSONWebKey{{Key: next.Signer().Public(), KeyID: "bank-2", Use: "enc"}}
	}
	_, err = bank.tryLogin(c, client.Login{})
	wantDistrust(t, err, "ID token", "signature")
}

// What cannot be known is not a verdict on the token.
func TestKeysThatCannotBeHad(t *testing.T) {
	for name, change := range map[string]func(m map[string]any){
		"no jwks_uri":          func(m map[string]any) { delete(m, "jwks_uri") },
		"jwks_uri without TLS": func(m map[string]any) { m["jwks_uri"] = strings.Replace(m["jwks_uri"].(string), "https", "http", 1) },
		"nothing there":        func(m map[string]any) { m["jwks_uri"] = m["jwks_uri"].(string) + "/none" },
	} {
		t.Run(name, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.alter(change)
			if _, err := bank.tryLogin(newClient(t, bank.config()), client.Login{}); err == nil || strings.Contains(err.Error(), "not believed") {
				t.Errorf("%v", err)
			}
		})
	}
}

// OpenID Connect Core §5.3.2: userinfo about somebody else must not be used.
func TestUserInfo(t *testing.T) {
	signed := func(b *fakeBank, change func(c obj)) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			claims := obj{"iss": b.front.URL, "aud": "tpp-4711", "sub": "person:alice", "name": "Alice"}
			change(claims)
			w.Header().Set("Content-Type", "application/jwt")
			w.Write([]byte(signJWT(b.t, b.key, "bank-1", claims)))
		}
	}
	for _, tt := range []struct {
		name, check string
		answer      func(b *fakeBank) func(w http.ResponseWriter)
	}{
		{"about Alice", "", func(*fakeBank) func(w http.ResponseWriter) { return nil }},
		{"about Alice, signed", "", func(b *fakeBank) func(w http.ResponseWriter) { return signed(b, func(obj) {}) }},
		{"about Mallory", "sub", func(*fakeBank) func(w http.ResponseWriter) {
			return func(w http.ResponseWriter) { writeJSON(w, 200, `{"sub":"person:mallory","name":"Alice"}`) }
		}},
		{"about nobody", "sub", func(*fakeBank) func(w http.ResponseWriter) {
			return func(w http.ResponseWriter) { writeJSON(w, 200, `{"name":"Alice"}`) }
		}},
		{"about two", "malformed", func(*fakeBank) func(w http.ResponseWriter) {
			return func(w http.ResponseWriter) { writeJSON(w, 200, `{"sub":"person:alice","sub":"person:mallory"}`) }
		}},
		{"about Mallory, signed", "sub", func(b *fakeBank) func(w http.ResponseWriter) {
			return signed(b, func(c obj) { c["sub"] = "person:mallory" })
		}},
		{"signed by another issuer", "iss", func(b *fakeBank) func(w http.ResponseWriter) {
			return signed(b, func(c obj) { c["iss"] = "https://attacker.example" })
		}},
		{"signed for another client", "aud", func(b *fakeBank) func(w http.ResponseWriter) { return signed(b, func(c obj) { c["aud"] = "tpp-4712" }) }},
		{"signed for nobody", "aud", func(b *fakeBank) func(w http.ResponseWriter) { return signed(b, func(c obj) { delete(c, "aud") }) }},
		{"signed by another key", "signature", func(b *fakeBank) func(w http.ResponseWriter) {
			other := newKey(b.t)
			return func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/jwt")
				w.Write([]byte(signJWT(b.t, other, "bank-1", obj{"iss": b.front.URL, "aud": "tpp-4711", "sub": "person:alice"})))
			}
		}},
		{"a page", "type", func(*fakeBank) func(w http.ResponseWriter) {
			return func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html"); w.Write([]byte("Alice")) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.userInfo = tt.answer(bank)
			s := bank.login(newClient(t, bank.config()), nil)
			var claims struct{ Name string }
			err := s.UserInfo(t.Context(), &claims)
			if tt.check == "" {
				if err != nil || claims.Name != "Alice" {
					t.Errorf("%v %v", claims, err)
				}
				return
			}
			wantDistrust(t, err, "userinfo", tt.check)
			if claims.Name != "" {
				t.Error("it was used")
			}
		})
	}
}

func TestIdentityGivesOtherClaims(t *testing.T) {
	bank := newFakeBank(t)
	bank.claims = func(_ url.Values, c obj) { c["email"] = "alice@example.com"; c["groups"] = []string{"a", "b"} }
	var claims struct {
		Email  string
		Groups []string
	}
	err := bank.login(newClient(t, bank.config()), nil).Identity().Claims(&claims)
	if err != nil || claims.Email != "alice@example.com" || !slices.Equal(claims.Groups, []string{"a", "b"}) {
		t.Errorf("%v %v", claims, err)
	}
}

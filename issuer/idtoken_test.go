package issuer_test

import (
	"crypto"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
)

// What an ID token says, to the letter (OpenID Connect Core §2, §3.1.3.6).
func TestIDTokenSaysWhoLoggedIn(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	nonce := strings.Repeat("n", 64) // FAPI 2.0 §5.3.2.2 (14)
	got := f.redeem(p, url.Values{"nonce": {nonce}})
	access := f.open(got.body.AccessToken).claims
	half := hashOf(crypto.SHA256, got.body.AccessToken)[:16]
	want := map[string]any{
		"iss": f.url, "sub": f.person.Subject, "aud": "app", "exp": float64(access.Expires.Unix()), "iat": float64(access.IssuedAt.Unix()),
		"auth_time": float64(f.approval.AuthTime.Unix()), "nonce": nonce, "acr": f.approval.ACR, "amr": []any{"pwd", "otp", "mfa"},
		"sid": "session-1", "at_hash": base64.RawURLEncoding.EncodeToString(half),
	}
	if diff := cmp.Diff(want, f.idToken(got.body.IDToken)); diff != "" {
		t.Error(diff)
	}
	if header := headerOf(t, got.body.IDToken); header["typ"] != "JWT" || header["alg"] != "ES256" || header["kid"] != f.keyring.List()[0].ID {
		t.Errorf("header %v", header)
	}
}

func hashOf(h crypto.Hash, text string) []byte {
	w := h.New()
	w.Write([]byte(text))
	return w.Sum(nil)
}

func headerOf(t testing.TB, compact string) (header map[string]any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[0])
	must(t, err)
	mustJSON(t, data, &header)
	return header
}

// It verifies with the published key under every algorithm, and at_hash follows the algorithm.
func TestIDTokenUnderEveryAlgorithm(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			f := newFlow(t, setup{keyring: func(c *issuer.KeyringConfig) { c.Algorithm = alg }})
			got := f.redeem(f.app("app", func(p *party) { p.record.IDTokenAlgorithm = string(alg) }), nil)
			verifies(t, f.server, got.body.IDToken, alg)
			hash, size := crypto.SHA256, 16
			if alg == dpop.EdDSA || alg == dpop.Ed25519 {
				hash, size = crypto.SHA512, 32
			}
			half := base64.RawURLEncoding.EncodeToString(hashOf(hash, got.body.AccessToken)[:size])
			if claims := f.idToken(got.body.IDToken); claims["at_hash"] != half {
				t.Errorf("at_hash %v, want %s", claims["at_hash"], half)
			}
		})
	}
}

// A client that insists on an algorithm gets no ID token with another, and has lost nothing by asking.
func TestIDTokenAlgorithmIsKept(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	m := f.code(p, nil).redemption()
	elsewhere := &issuer.Admin{Store: f.store, Log: f.book} // who does not know this server's key
	p.record.IDTokenAlgorithm = "PS256"
	must(t, second(elsewhere.UpdateClient(t.Context(), p.record)))
	p.refused(m, 500, tenon.ServerError, "fault")
	p.record.IDTokenAlgorithm = "ES256"
	must(t, second(elsewhere.UpdateClient(t.Context(), p.record)))
	f.ok(p, m)
}

// OpenID Connect Core §12.2: a refresh tells the same person and the same login, at a new time and without the nonce.
func TestIDTokenOfARefresh(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	first := f.redeem(p, url.Values{"nonce": {"n-1"}})
	f.clock.advance(7 * time.Minute)
	again := f.ok(p, refreshing(first.body.Refresh))
	before, after := f.idToken(first.body.IDToken), f.idToken(again.body.IDToken)
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "acr", "amr", "sid"} {
		if diff := cmp.Diff(before[name], after[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, there := after["nonce"]; there || after["iat"].(float64) <= before["iat"].(float64) || after["at_hash"] == before["at_hash"] {
		t.Errorf("after the refresh %v, before %v", after, before)
	}
}

func TestNoIDTokenWithoutOpenID(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	got := f.redeem(p, url.Values{"scope": {"accounts"}})
	if c := f.open(got.body.AccessToken).claims; got.body.IDToken != "" || !cmp.Equal(c.Audience, []string{resource}) {
		t.Errorf("aud %v, answered %s", c.Audience, got.raw)
	}
}

// OpenID Connect Core §5.4, §5.5: scopes ask for claims at the userinfo endpoint, the claims parameter for claims here. What the
// protocol says is nobody's to ask for otherwise.
func TestClaimsInTheIDToken(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", func(p *party) { p.record.Scope = append(p.record.Scope, "email", "profile") })
	asked := `{"id_token":{"email":null,"name":{"essential":true},"acr":{"value":"urn:tenon:acr:password"},"aud":null,"iss":{"value":"x"}},"userinfo":{"phone_number":null}}`
	got := f.redeem(p, url.Values{"scope": {"openid profile"}, "claims": {asked}})
	for n, token := range []string{got.body.IDToken, f.ok(p, refreshing(got.body.Refresh)).body.IDToken} {
		claims := f.idToken(token)
		if claims["email"] != "alice@example.com" || claims["name"] != "Alice" || claims["iss"] != f.url || claims["aud"] != "app" || claims["acr"] != f.approval.ACR {
			t.Errorf("ID token %d: %v", n, claims)
		}
		for _, name := range []string{"preferred_username", "email_verified", "phone_number"} {
			if claims[name] != nil {
				t.Errorf("ID token %d says %s", n, name)
			}
		}
	}
}

// An ID token, an access token and a refresh token are nothing to each other's readers.
func TestKindsOfTokensAreNotConfused(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	got := f.redeem(p, nil)
	for name, token := range map[string]string{"an ID token": got.body.IDToken, "an access token": got.body.AccessToken} {
		for _, parameter := range []string{"refresh_token", "code"} {
			grant := map[string]string{"refresh_token": "refresh_token", "code": "authorization_code"}[parameter]
			m := message{form: url.Values{"grant_type": {grant}, parameter: {token}, "code_verifier": {strings.Repeat("v", 43)}}}
			p.refused(m, 400, tenon.InvalidGrant, parameter)
		}
		p.refused(message{form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.body.Refresh}}, assertion: part{Raw: token}}, 401, tenon.InvalidClient, kindCheck(name))
	}
}

// kindCheck is which check of an assertion refuses a token: an ID token has a typ that assertions may have, and it is from
// somebody else.
func kindCheck(name string) string {
	if name == "an ID token" {
		return "subject"
	}
	return "typ"
}

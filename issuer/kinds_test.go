package issuer_test

import (
	"context"
	"crypto"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/verifier"
)

// signerSpy gives a test the issuer's private keys: what it signs is as good as the issuer's own.
type signerSpy struct {
	issuer.Signers
	opened crypto.Signer
}

func (s *signerSpy) Open(ctx context.Context, id string) (crypto.Signer, error) {
	signer, err := s.Signers.Open(ctx, id)
	s.opened = signer
	return signer, err
}

// A zoo is a server with one of every kind of thing that goes over the wire, and everybody who takes one.
type zoo struct {
	*flow
	spy      *signerSpy
	app, api *party
}

func newZoo(t *testing.T) *zoo {
	z := &zoo{spy: &signerSpy{}}
	z.flow = newFlow(t, setup{keyring: func(c *issuer.KeyringConfig) { z.spy.Signers, c.Signers = c.Signers, z.spy }})
	z.app = z.flow.app("app", func(p *party) { p.record.UserInfoAlgorithm = "ES256" })
	z.api = z.flow.api("api", resource)
	return z
}

// drained forgets the events of requests that others have made.
func (z *zoo) drained() {
	for len(z.events) > 0 {
		<-z.events
	}
}

// kinds are real ones, each new.
func (z *zoo) kinds() map[string]func() string {
	opaque := z.flow.app("opaque", func(p *party) { p.record.TokenFormat, p.proofs = issuer.OpaqueFormat, z.app.proofs })
	return map[string]func() string{
		"access token":        func() string { return z.redeem(z.app, nil).body.AccessToken },
		"opaque access token": func() string { return z.redeem(opaque, nil).body.AccessToken },
		"ID token":            func() string { return z.redeem(z.app, nil).body.IDToken },
		"refresh token":       func() string { return z.redeem(z.app, nil).body.Refresh },
		"code":                func() string { return z.code(z.app, nil).code },
		"request_uri":         func() string { uri, _ := z.push(z.app, message{}, nil); return uri },
		"client assertion":    func() string { return z.app.assertion(part{}) },
		"proof":               func() string { return z.app.proof(z.url+"/token", message{}) },
		"userinfo answer":     func() string { return z.userInfo(z.app, z.redeem(z.app, nil).body.AccessToken).raw },
		"request object":      func() string { return z.ownJWT("oauth-authz-req+jwt", z.requestObject()) },
		"status list":         func() string { return z.realList() },
		"logout token":        func() string { return z.issued("logout+jwt", z.logoutToken()) },
		"introspection":       func() string { return z.issued("token-introspection+jwt", z.introspectionAnswer()) },
	}
}

// issued is a JWT by the issuer's own key.
func (z *zoo) issued(typ string, claims map[string]any) string {
	z.t.Helper()
	header := map[string]any{"alg": "ES256", "kid": z.keyring.List()[0].ID}
	if typ != "" {
		header["typ"] = typ
	}
	return sign(z.t, z.spy.opened, "ES256", text{asJSON(z.t, header), asJSON(z.t, claims)})
}

// ownJWT is a JWT by the client's registered key.
func (z *zoo) ownJWT(typ string, claims map[string]any) string {
	z.t.Helper()
	return sign(z.t, z.app.key, "ES256", text{asJSON(z.t, map[string]any{"alg": "ES256", "kid": "k0", "typ": typ}), asJSON(z.t, claims)})
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	must(t, err)
	return string(data)
}

func (z *zoo) requestObject() map[string]any {
	_, challenge := challenged()
	return map[string]any{
		"iss": "app", "aud": z.url, "client_id": "app", "response_type": "code", "redirect_uri": redirectURI, "scope": "openid",
		"code_challenge": challenge, "code_challenge_method": "S256", "nbf": z.clock.Now().Unix(), "exp": z.clock.Now().Unix() + 60, "jti": "r",
	}
}

func (z *zoo) logoutToken() map[string]any {
	return map[string]any{
		"iss": z.url, "sub": z.person.Subject, "aud": "app", "iat": z.clock.Now().Unix(), "exp": z.clock.Now().Unix() + 60, "jti": "l",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
}

func (z *zoo) introspectionAnswer() map[string]any {
	_, claims := opened(z.t, z.redeem(z.app, nil).body.AccessToken)
	claims["active"] = true
	return map[string]any{"iss": z.url, "aud": "api", "iat": z.clock.Now().Unix(), "token_introspection": claims}
}

func (z *zoo) realList() string {
	_, data := z.get(z.url + "/status/0")
	z.event()
	return string(data)
}

// takers are all who take something that a stranger hands them: each reports whether it took it for what it wants.
func (z *zoo) takers() map[string]func(string) bool {
	return map[string]func(string) bool{
		"API":           z.apiTakes,
		"userinfo":      func(s string) bool { return z.userInfo(z.app, s).status == 200 },
		"introspection": func(s string) bool { return z.api.send(z.asking(s)).raw != notActive },
		"refresh_token": func(s string) bool { return z.app.send(refreshing(s)).status == 200 },
		"code": func(s string) bool {
			return z.app.send(given{s, strings.Repeat("v", 43)}.redemption()).event.Reason != "code"
		},
		"client_assertion": func(s string) bool {
			return z.app.send(z.revokingNothing(message{assertion: part{Raw: s}})).status == 200
		},
		"proof": func(s string) bool {
			return z.app.send(message{proofFields: []string{s}, form: url.Values{"grant_type": {"client_credentials"}}}).event.Thumbprint != ""
		},
		"id_token_hint": func(s string) bool { return z.pushes(url.Values{"id_token_hint": {s}}) },
		"request":       func(s string) bool { return z.pushes(url.Values{"request": {s}}) },
		"status list":   z.listTakes,
	}
}

// revokingNothing is a request of which only the client matters.
func (z *zoo) revokingNothing(m message) message {
	base := z.revoking("nonsense")
	base.assertion = m.assertion
	return base
}

func (z *zoo) pushes(extra url.Values) bool {
	_, challenge := challenged()
	form := url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"scope": {"openid"},
	}
	maps.Copy(form, extra)
	return z.app.send(message{target: z.url + "/par", form: form}).status == 201
}

// apiTakes asks an API that takes both forms of token, and asks the issuer about each.
func (z *zoo) apiTakes(token string) bool {
	t := z.t
	t.Helper()
	defer z.drained()
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{URL: z.url + "/jwks", HTTP: z.client(nil), Now: z.clock.Now})
	must(t, err)
	credential := &verifier.PrivateKeyJWT{Issuer: z.url, ClientID: "api", Now: z.clock.Now, Key: jose.JSONWebKey{Key: z.api.key, Algorithm: "ES256", KeyID: "k0"}}
	asking, err := verifier.NewIntrospection(verifier.IntrospectionConfig{Endpoint: z.url + "/introspect", Credential: credential, HTTP: z.client(nil), Now: z.clock.Now})
	must(t, err)
	replays, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 10, Now: z.clock.Now})
	must(t, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Now: z.clock.Now})
	must(t, err)
	v, err := verifier.New(verifier.Config{
		Issuer: z.url, Audience: resource, Origin: resource, Keys: keys, Revocation: asking, TokenRules: verifier.TokenRules{Opaque: asking},
		DPoP: checker, Replays: replays, Now: z.clock.Now,
	})
	must(t, err)
	r := httptest.NewRequest("GET", "/accounts", nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", z.proofFor(z.app, token, question{method: "GET", target: resource + "/accounts"}))
	w := httptest.NewRecorder()
	v.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})).ServeHTTP(w, r)
	if w.Code == 503 {
		t.Errorf("the API could not judge: %s", w.Body)
	}
	return w.Code == 200
}

// listTakes hands a verifier the text as the status list of a token.
func (z *zoo) listTakes(list string) bool {
	defer z.drained()
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{URL: z.url + "/jwks", HTTP: z.client(nil), Now: z.clock.Now})
	must(z.t, err)
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: z.url, Keys: keys, HTTP: &http.Client{Transport: always(list)}, Now: z.clock.Now})
	must(z.t, err)
	revoked, err := lists.Revoked(z.t.Context(), "", &tenon.Claims{Status: &tenon.StatusReference{URI: z.url + "/status/0"}})
	return err == nil && !revoked
}

// always answers every request with one text.
type always string

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	_, _ = w.WriteString(string(a))
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// TestEveryKindIsTakenForItselfOnly hands each kind of thing to each who takes some kind (RFC 8725 §3.12).
func TestEveryKindIsTakenForItselfOnly(t *testing.T) {
	z := newZoo(t)
	takes := map[string][]string{
		"API":              {"access token", "opaque access token"},
		"userinfo":         {"access token", "opaque access token"},
		"introspection":    {"access token", "opaque access token"},
		"refresh_token":    {"refresh token"},
		"code":             {"code"},
		"client_assertion": {"client assertion"},
		"proof":            {"proof"},
		"id_token_hint":    {"ID token"},
		"request":          nil, // not offered
		"status list":      {"status list"},
	}
	kinds, takers := z.kinds(), z.takers()
	if len(takes) != len(takers) {
		t.Fatalf("%d who take, %d rules", len(takers), len(takes))
	}
	for taker, take := range takers {
		for kind, make := range kinds {
			t.Run(taker+"/"+kind, func(t *testing.T) {
				z.server.t = t
				want := false
				for _, own := range takes[taker] {
					want = want || own == kind
				}
				if got := take(make()); got != want {
					t.Errorf("taken: %v, want %v", got, want)
				}
			})
		}
	}
}

// TestEveryTypIsTakenForItselfOnly changes nothing but the typ of what is good, and signs it with the right key (RFC 8725 §3.11).
func TestEveryTypIsTakenForItselfOnly(t *testing.T) {
	z := newZoo(t)
	types := []string{
		"at+jwt", "JWT", "", "oauth-authz-req+jwt", "client-authentication+jwt", "dpop+jwt", "statuslist+jwt", "logout+jwt", "token-introspection+jwt",
		"secevent+jwt", "AT+JWT", "at+jwt ", "application/at+jwt", "application/application/at+jwt",
	}
	retyped := func(compact, typ string, key crypto.Signer) string {
		header, claims := opened(t, compact)
		header["typ"] = typ
		if typ == "" {
			delete(header, "typ")
		}
		return sign(t, key, "ES256", text{asJSON(t, header), asJSON(t, claims)})
	}
	kinds, takers := z.kinds(), z.takers()
	for _, tt := range []struct {
		taker, kind string
		key         crypto.Signer
		own         []string
	}{
		{"API", "access token", z.spy.opened, []string{"at+jwt", "application/at+jwt"}},           // RFC 9068 §4
		{"userinfo", "access token", z.spy.opened, []string{"at+jwt", "application/at+jwt"}},      // the same
		{"introspection", "access token", z.spy.opened, []string{"at+jwt", "application/at+jwt"}}, // the same
		{"status list", "status list", z.spy.opened, []string{"statuslist+jwt"}},                  // Token Status List §5.1
		{"id_token_hint", "ID token", z.spy.opened, []string{"JWT"}},
		{"client_assertion", "client assertion", z.app.key, []string{"client-authentication+jwt", "JWT", ""}}, // draft-ietf-oauth-rfc7523bis §4
		{"proof", "proof", z.app.proofs, []string{"dpop+jwt"}},                                                // RFC 9449 §4.3 (4)
	} {
		for _, typ := range types {
			t.Run(tt.taker+"/"+typ, func(t *testing.T) {
				z.server.t = t
				want := false
				for _, own := range tt.own {
					want = want || own == typ
				}
				if got := takers[tt.taker](retyped(kinds[tt.kind](), typ, tt.key)); got != want {
					t.Errorf("taken: %v, want %v", got, want)
				}
			})
		}
	}
}

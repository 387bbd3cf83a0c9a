package client_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

const callback = "https://tpp.example.com/callback"

func TestLoginFromPushToCall(t *testing.T) {
	bank := newFakeBank(t)
	bank.response = func(form url.Values, m obj) { m["authorization_details"] = []obj{{"type": "x"}} }
	cfg := bank.config()
	cfg.Resource = []string{"https://api.example.com"}
	c := newClient(t, cfg)
	a, err := c.Begin(t.Context(), client.Login{
		RedirectURI: callback, Details: json.RawMessage(`[{"type":"x"}]`), ACR: []string{"phrh", "phr"}, MaxAge: 90 * time.Second,
		Prompt: "login", Hint: "alice", Locale: []string{"de-AT", "en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	pushed := bank.par[0]
	if pushed.url != bank.front.URL+"/par" || len(pushed.proofs) != 1 {
		t.Errorf("pushed to %s with %d proofs", pushed.url, len(pushed.proofs))
	}
	if proof := jwtPart(t, pushed.proofs[0], 1); proof["htu"] != pushed.url { // RFC 9449 §10.1
		t.Errorf("proof for %v", proof["htu"])
	}
	if claims := jwtPart(t, pushed.form.Get("client_assertion"), 1); claims["aud"] != bank.front.URL {
		t.Errorf("assertion for %v", claims["aud"])
	}
	form := maps.Clone(pushed.form)
	for _, random := range []string{"client_assertion", "state", "nonce", "code_challenge"} {
		if len(form.Get(random)) < 43 {
			t.Errorf("%s is %q", random, form.Get(random))
		}
		form.Del(random)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {"tpp-4711"}, "redirect_uri": {callback}, "scope": {"openid accounts"},
		"code_challenge_method": {"S256"}, "dpop_jkt": {cfg.Key.Thumbprint()}, "resource": {"https://api.example.com"},
		"authorization_details": {`[{"type":"x"}]`}, "acr_values": {"phrh phr"}, "max_age": {"90"}, "prompt": {"login"},
		"login_hint": {"alice"}, "ui_locales": {"de-AT en"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Error(diff)
	}

	response := bank.visit(a.Address)
	front := url.Values{"client_id": {"tpp-4711"}, "request_uri": {"urn:ietf:params:oauth:request_uri:r1"}} // FAPI 2.0 §5.3.3.2 (6)
	if diff := cmp.Diff(front, bank.fronts[0]); diff != "" {
		t.Error(diff)
	}
	s, err := c.Finish(t.Context(), a, response)
	if err != nil {
		t.Fatal(err)
	}
	redeemed := bank.requests()[0]
	if redeemed.form.Get("grant_type") != "authorization_code" || redeemed.form.Get("redirect_uri") != callback || len(redeemed.proofs) != 1 {
		t.Errorf("redeemed with %v and %d proofs", redeemed.form, len(redeemed.proofs))
	}
	id := s.Identity()
	if id.Subject != "person:alice" || id.Issuer != bank.front.URL || id.ACR != "phr" || id.SessionID != "s1" || !slices.Equal(id.AMR, []string{"swk", "user"}) || id.AuthTime.IsZero() {
		t.Errorf("%+v", id)
	}
	if !s.Scope().Has("accounts") || string(s.Details()) != `[{"type":"x"}]` {
		t.Errorf("scope %v, details %s", s.Scope(), s.Details())
	}

	bank.api = func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusOK, `"`+r.Header.Get("Authorization")+`"`)
	}
	resp, err := s.HTTPClient().Get(bank.front.URL + "/api")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if token, err := s.TokenSource(t.Context()).Token(); err != nil || token.AccessToken != "token-1" || resp.StatusCode != http.StatusOK {
		t.Errorf("%v %v %s", token, err, resp.Status)
	}
}

// FAPI 2.0 §5.3.3.2 (4): a pair for each request, bound to the browser that it was begun in.
func TestEachLoginHasItsOwnSecrets(t *testing.T) {
	bank := newFakeBank(t)
	c := newClient(t, bank.config())
	var attempts []*client.Attempt
	for range 2 {
		a, err := c.Begin(t.Context(), client.Login{RedirectURI: callback})
		if err != nil {
			t.Fatal(err)
		}
		attempts = append(attempts, a)
	}
	a, b := bank.par[0].form, bank.par[1].form
	for _, name := range []string{"state", "nonce", "code_challenge", "client_assertion"} {
		if a.Get(name) == b.Get(name) || name != "client_assertion" && len(a.Get(name)) > 64 { // FAPI 2.0 §5.3.3.2 (7)
			t.Errorf("%s: %q, then %q", name, a.Get(name), b.Get(name))
		}
	}
	// Two tabs: the answer of one is nothing to the other, and each finishes with its own.
	first, second := bank.visit(attempts[0].Address), bank.visit(attempts[1].Address)
	_, err := c.Finish(t.Context(), attempts[0], second)
	wantDistrust(t, err, "authorization response", "state")
	for i, response := range []url.Values{first, second} {
		if _, err := c.Finish(t.Context(), attempts[i], response); err != nil {
			t.Errorf("tab %d: %v", i, err)
		}
	}
}

// An attempt can wait in the session of a web application, also of another replica.
func TestAttemptSurvivesBeingStored(t *testing.T) {
	bank := newFakeBank(t)
	cfg := bank.config()
	a, err := newClient(t, cfg).Begin(t.Context(), client.Login{RedirectURI: callback, ACR: []string{"phr"}, MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back client.Attempt
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, &back); diff != "" {
		t.Error(diff)
	}
	vault := newFileVault(t)
	back.Vault = vault
	if _, err := newClient(t, cfg).Finish(t.Context(), &back, bank.visit(a.Address)); err != nil {
		t.Fatal(err)
	}
	if got := vault.refreshTokens(t); len(got) != 1 {
		t.Errorf("the vault has %v", got)
	}
}

// Nothing is called for an answer that is not believed, and it does not end the login that is under way.
func TestAnswerThatIsNotBelieved(t *testing.T) {
	bank := newFakeBank(t)
	c := newClient(t, bank.config())
	for _, tt := range []struct {
		clause, check string
		change        func(r url.Values)
	}{
		{"RFC 6749 §10.12: no state", "state", func(r url.Values) { r.Del("state") }},
		{"RFC 6749 §10.12: another state", "state", func(r url.Values) { r.Set("state", "x"+r.Get("state")) }},
		{"FAPI 2.0 §5.3.3.2 (5): no iss", "iss", func(r url.Values) { r.Del("iss") }},
		{"RFC 9207 §2.4: another iss", "iss", func(r url.Values) { r.Set("iss", "https://attacker.example") }},
		{"RFC 9207 §2.4: nearly the iss", "iss", func(r url.Values) { r.Set("iss", r.Get("iss")+"/") }},
		{"an error of another iss", "iss", func(r url.Values) { r.Set("error", "access_denied"); r.Del("iss") }},
		{"RFC 6749 §3.1: two states", "duplicate", func(r url.Values) { r.Add("state", "x") }},
		{"RFC 6749 §3.1: two iss", "duplicate", func(r url.Values) { r.Add("iss", "https://attacker.example") }},
		{"RFC 6749 §3.1: two codes", "duplicate", func(r url.Values) { r.Add("code", "y") }},
		{"no code", "code", func(r url.Values) { r.Del("code") }},
		{"a code with a line end", "code", func(r url.Values) { r.Set("code", "a\r\nb") }},
		{"a code without end", "code", func(r url.Values) { r.Set("code", strings.Repeat("a", 5000)) }},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			a, err := c.Begin(t.Context(), client.Login{RedirectURI: callback})
			if err != nil {
				t.Fatal(err)
			}
			good := bank.visit(a.Address)
			bad := url.Values{}
			for name, values := range good {
				bad[name] = slices.Clone(values)
			}
			tt.change(bad)
			before := len(bank.requests())
			_, err = c.Finish(t.Context(), a, bad)
			wantDistrust(t, err, "authorization response", tt.check)
			if len(bank.requests()) != before {
				t.Error("the token endpoint was called")
			}
			if tt.check == "code" { // the server has spoken: a second answer does not count
				_, err = c.Finish(t.Context(), a, good)
				wantDistrust(t, err, "authorization response", "state")
				return
			}
			if _, err := c.Finish(t.Context(), a, good); err != nil {
				t.Errorf("the good answer: %v", err)
			}
		})
	}
}

// FAPI 2.0 §6.4: one token request for each authorization.
func TestAttemptWorksOnce(t *testing.T) {
	bank := newFakeBank(t)
	c := newClient(t, bank.config())
	a, err := c.Begin(t.Context(), client.Login{RedirectURI: callback})
	if err != nil {
		t.Fatal(err)
	}
	response := bank.visit(a.Address)
	if _, err := c.Finish(t.Context(), a, response); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time as if the attempt had never had a state
		_, err = c.Finish(t.Context(), a, response)
		wantDistrust(t, err, "authorization response", "state")
		response.Del("state")
	}
	if n := len(bank.requests()); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestPersonRefuses(t *testing.T) {
	bank := newFakeBank(t)
	bank.redirect = func(r url.Values) {
		r.Del("code")
		r.Set("error", "access_denied")
		r.Set("error_description", "no,\x1b[31m thanks")
	}
	_, err := bank.tryLogin(newClient(t, bank.config()), client.Login{})
	var denied *client.Denied
	if !errors.As(err, &denied) || !errors.Is(err, tenon.Code("access_denied")) || denied.Description != "no,?[31m thanks" {
		t.Errorf("%v", err)
	}
	if len(bank.requests()) != 0 {
		t.Error("the token endpoint was called")
	}
}

func TestBeginRefusesWhatCannotWork(t *testing.T) {
	bank := newFakeBank(t)
	c := newClient(t, bank.config())
	for name, l := range map[string]client.Login{
		"no redirect URI":                       {},
		"http that is not loopback":             {RedirectURI: "http://tpp.example.com/callback"},
		"localhost by name (RFC 8252 §8.3)":     {RedirectURI: "http://localhost/callback"},
		"a scheme of an app":                    {RedirectURI: "com.example.app:/callback"},
		"a fragment (RFC 6749 §3.1.2)":          {RedirectURI: callback + "#x"},
		"a scope that is no scope":              {RedirectURI: callback, Scope: tenon.Scope{`a"b`}},
		"details that are not JSON":             {RedirectURI: callback, Details: json.RawMessage(`[`)},
		"ACR without openid":                    {RedirectURI: callback, Scope: tenon.Scope{"accounts"}, ACR: []string{"phr"}},
		"MaxAge without openid":                 {RedirectURI: callback, Scope: tenon.Scope{"accounts"}, MaxAge: time.Hour},
		"a MaxAge before the person was asked":  {RedirectURI: callback, MaxAge: -time.Second},
		"a loopback address with user and port": {RedirectURI: "http://u@127.0.0.1:80/callback"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Begin(t.Context(), l); err == nil {
				t.Error("begun")
			}
		})
	}
	if len(bank.par) != 0 {
		t.Error("something was pushed")
	}
}

func TestBeginNeedsAServerThatCanDoIt(t *testing.T) {
	for name, change := range map[string]func(m map[string]any){
		"no pushed requests (FAPI 2.0 §5.3.3.2 (2))": func(m map[string]any) { delete(m, "pushed_authorization_request_endpoint") },
		"no authorization endpoint":                  func(m map[string]any) { delete(m, "authorization_endpoint") },
		"an authorization endpoint without TLS":      func(m map[string]any) { m["authorization_endpoint"] = "http://as.example.com/authorize" },
		"a PAR endpoint without TLS":                 func(m map[string]any) { m["pushed_authorization_request_endpoint"] = "http://as.example.com/par" },
		"plain PKCE only (RFC 9700 §2.1.1)":          func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} },
		"no authorization codes":                     func(m map[string]any) { m["grant_types_supported"] = []string{"client_credentials"} },
	} {
		t.Run(name, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.alter(change)
			if _, err := newClient(t, bank.config()).Begin(t.Context(), client.Login{RedirectURI: callback}); err == nil {
				t.Error("begun")
			}
			if len(bank.par) != 0 {
				t.Error("something was pushed")
			}
		})
	}
}

func TestPushedResponseIsRead(t *testing.T) {
	const uri = `"request_uri":"urn:ietf:params:oauth:request_uri:r1"`
	for _, tt := range []struct {
		clause string
		status int
		body   string
	}{
		{"RFC 9126 §2.2: 201", http.StatusOK, `{` + uri + `,"expires_in":90}`},
		{"RFC 9126 §2.2: request_uri", http.StatusCreated, `{"expires_in":90}`},
		{"RFC 9126 §2.2: expires_in", http.StatusCreated, `{` + uri + `}`},
		{"RFC 9126 §2.2: a positive integer", http.StatusCreated, `{` + uri + `,"expires_in":0}`},
		{"a request_uri twice", http.StatusCreated, `{` + uri + `,` + uri + `,"expires_in":90}`},
		{"a request_uri without end", http.StatusCreated, `{"request_uri":"` + strings.Repeat("a", 3000) + `","expires_in":90}`},
		{"not JSON", http.StatusCreated, `request_uri`},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			bank := newFakeBank(t)
			bank.pushed = func(w http.ResponseWriter) bool { writeJSON(w, tt.status, tt.body); return true }
			if a, err := newClient(t, bank.config()).Begin(t.Context(), client.Login{RedirectURI: callback}); err == nil {
				t.Errorf("begun: %v", a)
			}
		})
	}
}

// RFC 9449 §8: all endpoints may challenge, and it costs neither the request nor the code.
func TestNoncesAreAnsweredAtEachEndpoint(t *testing.T) {
	bank := newFakeBank(t)
	challenge := func(w http.ResponseWriter, nonce string) {
		w.Header().Set("DPoP-Nonce", nonce)
		writeJSON(w, http.StatusBadRequest, `{"error":"use_dpop_nonce"}`)
	}
	bank.pushed = func(w http.ResponseWriter) bool {
		if len(bank.par) == 1 {
			challenge(w, "n1")
		}
		return len(bank.par) == 1
	}
	bank.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		if n == 1 {
			challenge(w, "n2")
			return
		}
		bank.serveToken(w, n, r)
	}
	bank.login(newClient(t, bank.config()), nil)
	tokens := bank.requests()
	if len(bank.par) != 2 || len(tokens) != 2 {
		t.Fatalf("%d pushed, %d token requests", len(bank.par), len(tokens))
	}
	for _, pair := range [][2]seenRequest{{bank.par[0], bank.par[1]}, {tokens[0], tokens[1]}} {
		first, second := pair[0], pair[1]
		if first.form.Get("client_assertion") == second.form.Get("client_assertion") || first.proofs[0] == second.proofs[0] {
			t.Error("the retry has the assertion or the proof of the first try")
		}
		for _, name := range []string{"state", "code_challenge", "code", "code_verifier"} {
			if first.form.Get(name) != second.form.Get(name) {
				t.Errorf("%s is another on retry", name)
			}
		}
	}
	if jwtPart(t, bank.par[1].proofs[0], 1)["nonce"] != "n1" || jwtPart(t, tokens[1].proofs[0], 1)["nonce"] != "n2" {
		t.Error("the retries do not carry the nonces")
	}
}

// FAPI 2.0 §5.3.3.1 (7): with a certificate, every endpoint is called at its alias.
func TestLoginWithACertificate(t *testing.T) {
	bank := newFakeBank(t)
	cert := newCertificate(t, "tpp")
	cfg := bank.certificateConfig(cert)
	cfg.Scope = tenon.Scope{"openid"}
	bank.claims = func(_ url.Values, claims obj) { claims["aud"] = "tpp-4712" }
	s := bank.login(newClient(t, cfg), nil)
	for _, r := range []seenRequest{bank.par[0], bank.requests()[0]} {
		if !strings.HasPrefix(r.url, bank.alias.URL) || r.certificate == nil || len(r.proofs) != 0 || r.form.Get("dpop_jkt") != "" || r.form.Get("client_id") != "tpp-4712" {
			t.Errorf("%s: certificate %v, %d proofs, form %v", r.url, r.certificate != nil, len(r.proofs), r.form)
		}
	}
	var claims struct{ Name string }
	if err := s.UserInfo(t.Context(), &claims); err != nil || claims.Name != "Alice" {
		t.Errorf("%v %v", claims, err)
	}
}

// Without openid nothing is asked about the person, and no ID token is waited for.
func TestLoginWithoutOpenID(t *testing.T) {
	bank := newFakeBank(t)
	cfg := bank.config()
	cfg.Scope = tenon.Scope{"accounts"}
	s := bank.login(newClient(t, cfg), nil)
	if bank.par[0].form.Has("nonce") || s.Identity() != nil {
		t.Errorf("nonce %q, identity %v", bank.par[0].form.Get("nonce"), s.Identity())
	}
	if err := s.UserInfo(t.Context(), &struct{}{}); err == nil {
		t.Error("userinfo about nobody")
	}
}

package issuer_test

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/browser"
)

// pushed opens a request that was pushed, as the pages see it.
func (f *flow) pushed(p *party, extra url.Values) *browser.Request {
	f.t.Helper()
	uri, _ := f.push(p, message{}, extra)
	r, err := f.issuer.OpenRequest(p.record.ID, uri)
	must(f.t, err)
	return r
}

// Everything that was asked for reaches the pages, and nothing else.
func TestPushedRequestIsKeptWhole(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", func(p *party) { p.record.Name = "App" })
	got := f.pushed(app, url.Values{
		"scope": {"openid payments"}, "resource": {"https://other.example.com", resource}, "authorization_details": {payment("1.00")},
		"prompt": {"login consent"}, "max_age": {"60"}, "acr_values": {"phr urn:tenon:acr:mfa"}, "login_hint": {"alice@example.com"},
		"ui_locales": {"de-AT en"}, "claims": {`{"userinfo":{"email":null,"address":{"essential":true},"unheard_of":null},"id_token":{"name":null,"auth_time":null}}`},
	})
	minute := time.Minute
	want := &browser.Request{
		ID: got.ID, URI: got.URI, Client: browser.ClientInfo{ID: "app", Name: "App", RedirectOrigin: "https://app.example.com"},
		Scope: tenon.Scope{"openid", "payments"}, Details: parsed(t, payment("1.00")), Resources: []string{"https://other.example.com", resource},
		Asked: browser.Asked{
			Prompt: []string{"login", "consent"}, MaxAge: &minute, ACR: []string{"phr", "urn:tenon:acr:mfa"}, LoginHint: "alice@example.com",
			Locales: []string{"de-AT", "en"}, Claims: []string{"name", "email", "address"},
		},
		Created: f.clock.Now(), Expires: f.clock.Now().Add(90 * time.Second), Lasts: 90 * 24 * time.Hour,
	}
	got.Stored = nil // the issuer's own
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(got.URI, got.ID) {
		t.Error("the id for logs gives the request_uri away")
	}
}

// What a client gets when it does not say (RFC 6749 §3.3, RFC 8707 §2, RFC 9396 §3).
func TestDefaultsOfARequest(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	at := func(location string) url.Values {
		return url.Values{"scope": nil, "authorization_details": {strings.Replace(payment("1.00"), `{`, `{"locations":["`+location+`"],`, 1)}}
	}
	tests := map[string]struct {
		extra     url.Values
		scope     string
		resources []string
	}{
		"scope":                           {url.Values{"scope": {"accounts"}}, "accounts", []string{resource}},
		"nothing":                         {url.Values{"scope": nil}, "openid accounts payments", []string{resource}},
		"details alone":                   {url.Values{"scope": nil, "authorization_details": {payment("1.00")}}, "", []string{resource}},
		"details at a resource":           {at("https://other.example.com"), "", []string{"https://other.example.com"}},
		"details at the first":            {at(resource), "", []string{resource}},
		"a resource, details that fit it": {url.Values{"scope": nil, "resource": {"https://other.example.com"}, "authorization_details": at("https://other.example.com")["authorization_details"]}, "", []string{"https://other.example.com"}},
	}
	for name, test := range tests {
		got := f.pushed(app, test.extra)
		if got.Scope.String() != test.scope || cmp.Diff(test.resources, got.Resources) != "" {
			t.Errorf("%s: scope %q, resources %v", name, got.Scope, got.Resources)
		}
	}
	userInfoOnly := f.app("identity", func(p *party) { p.record.Resources = nil })
	if got := f.pushed(userInfoOnly, url.Values{"scope": {"openid"}}); len(got.Resources) != 0 {
		t.Errorf("a client without resources: %v", got.Resources)
	}
}

// How sure a login must be: acr_values, or the claims parameter, which says it more exactly (OpenID Connect Core §5.5.1.1).
func TestLevelAskedFor(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	tests := map[string]struct {
		values, claims string
		want           []string
		essential      bool
	}{
		"acr_values":           {"phr phrh", "", []string{"phr", "phrh"}, false},
		"essential values":     {"", `{"id_token":{"acr":{"essential":true,"values":["phr","phrh"]}}}`, []string{"phr", "phrh"}, true},
		"an essential value":   {"", `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`, []string{"phr"}, true},
		"voluntary":            {"", `{"id_token":{"acr":{"values":["phr"]}}}`, []string{"phr"}, false},
		"both":                 {"phrh", `{"id_token":{"acr":{"essential":true,"values":["phr"]}}}`, []string{"phr"}, true},
		"essential, any":       {"phrh", `{"id_token":{"acr":{"essential":true}}}`, []string{"phrh"}, false},
		"asked for as a claim": {"", `{"id_token":{"acr":null}}`, nil, false},
	}
	for name, test := range tests {
		got := f.pushed(app, url.Values{"acr_values": {test.values}, "claims": {test.claims}}).Asked
		if cmp.Diff(test.want, got.ACR) != "" || got.ACREssential != test.essential {
			t.Errorf("%s: %v, essential %v", name, got.ACR, got.ACREssential)
		}
	}
}

// A code is bound to the key that was named or proved when the request was pushed (RFC 9449 §10, §10.1; FAPI 2.0 §5.3.2.1 (12)).
func TestCodeIsBoundToTheKeyOfTheRequest(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	jkt, err := dpop.Thumbprint(app.proofs.Public())
	must(t, err)
	without := message{proof: part{Omit: true}}
	tests := map[string]struct {
		push  message
		extra url.Values
		bound bool
	}{
		"neither":  {without, nil, false},
		"dpop_jkt": {without, url.Values{"dpop_jkt": {jkt}}, true},
		"a proof":  {message{}, nil, true},
		"both":     {message{}, url.Values{"dpop_jkt": {jkt}}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.t = t
			uri, verifier := f.push(app, test.push, test.extra)
			code := given{f.approve(app, uri), verifier}
			thief := *app
			thief.proofs = ecKey(t)
			if test.bound {
				thief.refused(code.redemption(), http.StatusBadRequest, tenon.InvalidGrant, "dpop_jkt")
				f.ok(app, code.redemption())
			} else {
				f.ok(&thief, code.redemption())
			}
		})
	}
}

// A challenge for a nonce costs the client neither its assertion nor its place.
func TestNonceChallengeAtPARSpendsNothing(t *testing.T) {
	f := newFlow(t, withNonces(dpop.RequireNonce))
	app := f.app("app", nil)
	_, challenge := challenged()
	form := url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	assertion := part{Raw: app.assertion(part{})}
	first := app.refused(message{form: form, target: f.url + "/par", assertion: assertion}, http.StatusBadRequest, tenon.UseDPoPNonce, "nonce")
	again := app.send(message{form: form, target: f.url + "/par", assertion: assertion, nonce: first.header.Get("DPoP-Nonce")})
	if again.status != http.StatusCreated {
		t.Errorf("the same assertion with the nonce: %d %s", again.status, again.raw)
	}
}

// bulky is a pushed request of more than 12 KiB.
func bulky() message {
	_, challenge := challenged()
	names := make([]string, 60)
	for n := range names {
		names[n] = `"` + strings.Repeat("n", 100) + strconv.Itoa(n) + `":null`
	}
	return message{form: url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"state": {strings.Repeat("s", 4096)}, "acr_values": {strings.Repeat(strings.Repeat("a", 250)+" ", 8)}, "claims": {`{"id_token":{` + strings.Join(names, ",") + `}}`},
	}}
}

// fill pushes what make makes until the server has had enough, and gives how many requests it kept.
func (f *flow) fill(p *party, most int, make func() message) (kept int, refused reply) {
	f.t.Helper()
	for kept = range most {
		m := make()
		m.target = f.url + "/par"
		if refused = p.send(m); refused.status != http.StatusCreated {
			return kept, refused
		}
	}
	f.t.Fatalf("%d requests fit", most)
	return kept, refused
}

// A client cannot fill the store: what waits for people is bounded by size, for each client by itself (RFC 9126 §2.3).
func TestWaitingRequestsOfAClientAreBounded(t *testing.T) {
	f := newFlow(t, setup{edit: func(c *issuer.Config) { c.Limits.WaitingPerClient = 2048 }})
	app, other := f.app("app", nil), f.app("other", nil)
	kept, got := f.fill(app, 2048/12, bulky)
	if kept < 20 {
		t.Errorf("only %d requests of about 12 KiB fit in 2 MiB", kept)
	}
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if got.status != http.StatusTooManyRequests || got.event.Reason != "rate" || err != nil || wait < 1 {
		t.Errorf("answered %d %s, Retry-After %q", got.status, got.event.Reason, got.header.Get("Retry-After"))
	}
	f.push(other, message{}, nil)
	f.clock.advance(time.Duration(wait) * time.Second)
	f.push(app, message{}, nil)
}

// Anybody can call as a public client: what one address does is not held against others, and refusals are a stranger's.
func TestStrangersCannotShutOutAPublicClient(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2, edit: func(c *issuer.Config) {
		c.Limits = issuer.Limits{ClientPerSecond: -1, RefusalsPerMinute: 4, WaitingPerClient: 2048}
	}})
	app := f.app("app", public)
	if kept, got := f.fill(app, 10, bulky); kept < 2 || got.status != http.StatusTooManyRequests {
		t.Errorf("a stranger fills %d places: %d %s", kept, got.status, got.raw)
	}
	f.fill(app, 20, func() message { return f.hinting("") })
	f.from("127.0.0.2", func() { f.push(app, message{}, nil) })
	var got reply
	for range 5 {
		got = app.send(message{form: url.Values{"grant_type": nil}, target: f.url + "/par"})
	}
	if got.status != http.StatusTooManyRequests || got.event.ClientID != "" {
		t.Errorf("a stranger is refused for ever: %d %s", got.status, got.raw)
	}
	f.from("127.0.0.2", func() { f.push(app, message{}, nil) })
}

// from lets requests come from another address of this machine.
func (f *flow) from(address string, do func()) {
	transport := f.client(nil).Transport.(*http.Transport)
	transport.CloseIdleConnections()
	transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
	do()
	transport.CloseIdleConnections()
	transport.DialContext = nil
}

// A registration from before the profile became stricter: a public client is nobody under FAPI 2.0 (§5.3.2.1 (3)).
func TestPublicClientUnderStricterProfile(t *testing.T) {
	f := newFlow(t, setup{})
	lax := &issuer.Admin{Store: f.store, Log: f.book, Profile: issuer.OAuth2}
	p := &party{server: f.server, proofs: ecKey(t), record: publicClient(goodApp(t))}
	_, err := lax.AddClient(t.Context(), p.record)
	must(t, err)
	for _, path := range []string{"/par", "/token", "/revoke"} {
		m := f.hinting("")
		m.target = f.url + path
		m.form.Set("grant_type", issuer.AuthorizationCode)
		p.refused(m, http.StatusUnauthorized, tenon.InvalidClient, "no_credential")
	}
}

// A public client goes all the way: it proves a key and nothing else (profile oauth2).
func TestPublicClient(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	app := f.app("app", public)
	got := f.redeem(app, nil)
	if got.body.TokenType != "DPoP" || got.body.Refresh == "" {
		t.Errorf("the answer is %s", got.raw)
	}
	app.refused(f.code(app, nil).redemption().with(nil).without(), http.StatusBadRequest, tenon.InvalidRequest, "no_proof")
}

// without leaves the proof out.
func (m message) without() message {
	m.proof.Omit = true
	return m
}

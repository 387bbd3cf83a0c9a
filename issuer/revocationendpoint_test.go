package issuer_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// revoking is the request that ends a token.
func (v *server) revoking(token string) message {
	return message{target: v.url + "/revoke", proof: part{Omit: true}, form: url.Values{"grant_type": nil, "token": {token}}}
}

// revoke sends it, and holds the answer to RFC 7009 §2.2: 200 and nothing else, whatever happened.
func (p *party) revoke(m message) {
	t := p.server.t
	t.Helper()
	got := p.send(m)
	if got.status != 200 || got.raw != "" || got.header.Get("Cache-Control") != "no-store" || got.event.Status != 200 {
		t.Fatalf("answered %d %q %v: %v", got.status, got.raw, got.header, got.event.Err)
	}
}

// A hint may be missing, right, wrong or unknown: what is ended is the same (RFC 7009 §2.1).
var hints = []string{"", "access_token", "refresh_token", "nonsense"}

// An access token ends alone (RFC 7009 §2.1).
func TestRevokedAccessToken(t *testing.T) {
	for _, format := range []string{issuer.JWTFormat, issuer.OpaqueFormat} {
		f := newFlow(t, setup{})
		p, api := f.app("app", func(p *party) { p.record.TokenFormat = format }), f.api("api", resource)
		for _, hint := range hints {
			t.Run(format+"/"+hint, func(t *testing.T) {
				f.server.t = t
				tokens := f.redeem(p, nil)
				other := f.ok(p, refreshing(tokens.body.Refresh)).body.AccessToken
				told := api.active(tokens.body.AccessToken)
				m := f.revoking(tokens.body.AccessToken)
				if hint != "" {
					m.form.Set("token_type_hint", hint)
				}
				p.revoke(m)
				if api.active(tokens.body.AccessToken) != nil {
					t.Error("the token is still active")
				}
				if api.active(other) == nil {
					t.Error("another token of the grant ended too")
				}
				if got := f.userInfo(p, tokens.body.AccessToken); got.status != 401 || got.event.Reason != "revoked" {
					t.Errorf("userinfo answers %d %s", got.status, got.event.Reason)
				}
				f.ok(p, refreshing(tokens.body.Refresh))
				log, _ := told["tlog"].(map[string]any)
				checkRevokedLeaf(t, f.server, audit.TokenRevoked, uint64(log["i"].(float64)))
				p.revoke(f.revoking(tokens.body.AccessToken)) // a second time is no error (RFC 7009 §2.2)
			})
		}
	}
}

// checkRevokedLeaf looks for the entry about the token at an index.
func checkRevokedLeaf(t *testing.T, v *server, kind audit.Type, about uint64) {
	t.Helper()
	records, err := v.store.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 10_000)
	must(t, err)
	for _, r := range records {
		leaf, err := audit.ParseLeaf(r.Body)
		must(t, err)
		if leaf.Type == kind && leaf.Evidence.About != nil && *leaf.Evidence.About == about {
			return
		}
	}
	t.Errorf("no entry %s about %d", kind, about)
}

// A refresh token takes the grant with it, and every token of that (RFC 7009 §2.1).
func TestRevokedRefreshToken(t *testing.T) {
	f := newFlow(t, setup{})
	p, api := f.app("app", nil), f.api("api", resource)
	kept := f.redeem(p, nil)
	for _, hint := range hints {
		t.Run(hint, func(t *testing.T) {
			f.server.t = t
			tokens := f.redeem(p, nil)
			second := f.ok(p, refreshing(tokens.body.Refresh)).body.AccessToken
			m := f.revoking(tokens.body.Refresh)
			if hint != "" {
				m.form.Set("token_type_hint", hint)
			}
			p.revoke(m)
			for _, token := range []string{tokens.body.AccessToken, second} {
				if api.active(token) != nil {
					t.Error("a token of the grant is still active")
				}
				if !f.revoked(f.open(token)) {
					t.Error("the status list does not know")
				}
			}
			p.refused(refreshing(tokens.body.Refresh), 400, tenon.InvalidGrant, "ended")
			checkRevokedLeaf(t, f.server, audit.GrantRevoked, f.open(tokens.body.AccessToken).claims.Log.Index)
			p.revoke(f.revoking(tokens.body.Refresh))
		})
	}
	f.server.t = t
	f.ok(p, refreshing(kept.body.Refresh)) // another grant of the same person and client
}

// A refresh token that was replaced still names its grant: who revokes it means all of it.
func TestRevokedRotatedToken(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p, api := f.app("app", nil), f.api("api", resource)
	old := f.redeem(p, nil)
	next := f.ok(p, refreshing(old.body.Refresh))
	p.revoke(f.revoking(old.body.Refresh))
	if api.active(next.body.AccessToken) != nil {
		t.Error("the token of the successor is still active")
	}
	p.refused(refreshing(next.body.Refresh), 400, tenon.InvalidGrant, "ended")
}

// What is not the client's own, or no token at all, is answered like the rest and stays as it is (RFC 7009 §2.1, §2.2).
func TestRevocationOfWhatIsNotOnesOwn(t *testing.T) {
	f := newFlow(t, setup{})
	p, other, api := f.app("app", nil), f.app("other", nil), f.api("api", resource)
	opaque := f.app("opaque", func(p *party) { p.record.TokenFormat = issuer.OpaqueFormat })
	tokens, hidden := f.redeem(p, nil), f.redeem(opaque, nil)
	access, refresh := tokens.body.AccessToken, tokens.body.Refresh
	for _, tt := range []struct {
		name, token string
		by          *party
	}{
		{"another client's access token", access, other},
		{"another client's opaque token", hidden.body.AccessToken, other},
		{"another client's refresh token", refresh, other},
		{"a refresh token with another secret", refresh[:len(refresh)-4] + "AAAA", p},
		{"an access token with its signature cut", access[:len(access)-10], p},
		{"a token signed by somebody else", resigned(t, access), p},
		{"an invention", "nonsense", p},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.server.t = t
			tt.by.revoke(f.revoking(tt.token))
			if api.active(access) == nil || api.active(hidden.body.AccessToken) == nil {
				t.Error("a token ended")
			}
			f.ok(p, refreshing(refresh))
		})
	}
}

// Every row of the endpoint's refusals.
func TestRevocationRefusals(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	tokens := f.redeem(p, nil)
	for _, tt := range []struct {
		name   string
		edit   func(*message)
		status int
		code   tenon.Code
		reason string
	}{
		{"nobody", func(m *message) { m.assertion.Omit = true }, 401, tenon.InvalidClient, "no_credential"},
		{"somebody else's key", func(m *message) { m.assertion.Key = "other" }, 401, tenon.InvalidClient, "signature"},
		{"an assertion for this endpoint", func(m *message) { m.assertion.Claims = map[string]any{"aud": "@issuer/revoke"} }, 401, tenon.InvalidClient, "audience"},
		{"no token", func(m *message) { delete(m.form, "token") }, 400, tenon.InvalidRequest, "token"},
		{"two tokens", func(m *message) { m.form.Add("token", "x") }, 400, tenon.InvalidRequest, "form"},
		{"an ID token", func(m *message) { m.form.Set("token", tokens.body.IDToken) }, 400, tenon.UnsupportedTokenType, "typ"}, // RFC 7009 §2.2.1
		{"GET", func(m *message) { m.method = "GET" }, 405, tenon.InvalidRequest, "method"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.server.t = t
			m := f.revoking(tokens.body.AccessToken)
			tt.edit(&m)
			p.refused(m, tt.status, tt.code, tt.reason)
		})
	}
	f.server.t = t
	if got := f.userInfo(p, tokens.body.AccessToken); got.status != 200 {
		t.Errorf("the token ended: %d %s", got.status, got.raw)
	}
}

// A request uses its assertion up, everywhere; one that is sent again does nothing; a challenge for a nonce uses up nothing.
func TestRevocationSpendsItsAssertionOnce(t *testing.T) {
	f := newFlow(t, withNonces(dpop.RequireNonce))
	p := f.app("app", nil)
	nonce := p.send(message{}).header.Get("DPoP-Nonce")
	redeem := func() reply {
		m := f.code(p, nil).redemption()
		m.nonce = nonce
		return f.ok(p, m)
	}
	first, second := redeem(), redeem()
	m := f.revoking(first.body.AccessToken)
	m.assertion = part{Raw: p.assertion(part{})}
	challenged := m
	challenged.proof = part{}
	p.refused(challenged, 400, tenon.UseDPoPNonce, "nonce")
	p.revoke(m)
	again := f.revoking(second.body.AccessToken)
	again.assertion = m.assertion
	p.refused(again, 401, tenon.InvalidClient, "replay")
	if got := f.ask(p, second.body.AccessToken, question{nonce: nonce}); got.status != 200 {
		t.Errorf("a request with a used assertion ended a token: %d %s", got.status, got.raw)
	}
}

// When nothing can be written the client is told to come back, and takes the token for alive (RFC 7009 §2.2.1).
func TestRevocationOutage(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p, api := f.app("app", nil), f.api("api", resource)
	outage := errors.New("disk")
	is := func(kind store.Kind) func(store.Key) error {
		return func(k store.Key) error {
			if k.Kind == kind {
				return outage
			}
			return nil
		}
	}
	only := func(kind store.Kind) func(*store.Change) error {
		return func(c *store.Change) error {
			for _, r := range append(c.Inserts, c.Deletes...) {
				if r.Key.Kind == kind {
					return outage
				}
			}
			return nil
		}
	}
	for name, breakIt := range map[string]func(){
		"tokens cannot be read":         func() { hooks.get = is("tokens") },
		"refresh tokens cannot be read": func() { hooks.get = is("refresh") },
		"nothing can be written":        func() { hooks.commit = func(*store.Change) error { return outage } },
		"the token cannot be marked":    func() { hooks.commit = only("revoked") },
		"the grant cannot be ended":     func() { hooks.commit = only("grants") },
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			tokens := f.redeem(p, nil)
			breakIt()
			failed := 0
			for _, token := range []string{tokens.body.AccessToken, tokens.body.Refresh} {
				got := p.send(f.revoking(token))
				if got.status == 200 {
					continue
				}
				failed++
				if got.status != 503 || got.body.Code != tenon.Unavailable || got.header.Get("Retry-After") == "" {
					t.Errorf("%d %s %v", got.status, got.raw, got.header)
				}
			}
			*hooks = hookedStore{Store: hooks.Store}
			if failed == 0 {
				t.Error("the outage was not noticed")
			}
			p.revoke(f.revoking(tokens.body.Refresh))
			if api.active(tokens.body.AccessToken) != nil {
				t.Error("the token did not end after the outage")
			}
		})
	}
}

// A public client has nothing but the token to show; the request is its own all the same (RFC 7009 §2.1, §5).
func TestRevocationByAPublicClient(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p, api := f.app("spa", public), f.api("api", resource)
	tokens := f.redeem(p, nil)
	m := f.revoking(tokens.body.Refresh)
	m.proof = part{}
	p.revoke(m)
	if api.active(tokens.body.AccessToken) != nil {
		t.Error("the token is still active")
	}
}

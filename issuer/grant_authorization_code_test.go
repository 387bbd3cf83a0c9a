package issuer_test

import (
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// Everything that a redemption answers with (RFC 6749 §5.1, RFC 9068 §2.2.1, RFC 9396 §7, OpenID Connect Core §3.1.3.3).
func TestCodeGivesWhatThePersonGranted(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	got := f.redeem(p, url.Values{"authorization_details": {payment("12.50")}, "nonce": {"n-1"}})
	if b := got.body; b.TokenType != "DPoP" || b.ExpiresIn != 300 || b.Scope != "openid accounts payments" || len(b.Details) != 1 {
		t.Errorf("answered %s", got.raw)
	}
	if !regexp.MustCompile(`^tnr_[0-9a-z]+\.[A-Za-z0-9_-]{64}$`).MatchString(got.body.Refresh) {
		t.Errorf("refresh token %q", got.body.Refresh)
	}
	token := f.open(got.body.AccessToken)
	c := token.claims
	if c.Subject != f.person.Subject || c.ClientID != "app" || !cmp.Equal(c.Audience, []string{resource, f.url + "/userinfo"}) {
		t.Errorf("sub %s, client_id %s, aud %v", c.Subject, c.ClientID, c.Audience)
	}
	want := tenon.Authentication{Time: f.approval.AuthTime.Truncate(time.Second), ACR: f.approval.ACR, AMR: f.approval.AMR}
	if c.Person == nil || !c.Person.Time.Equal(want.Time) || c.Person.ACR != want.ACR || !cmp.Equal(c.Person.AMR, want.AMR) {
		t.Errorf("person %+v, want %+v", c.Person, want)
	}
	var details []map[string]any
	mustJSON(t, c.Details, &details)
	if len(details) != 1 || details[0]["type"] != "payment_initiation" {
		t.Errorf("authorization_details %s", c.Details)
	}
	thumbprint, err := dpop.Thumbprint(p.proofs.Public())
	must(t, err)
	if c.Confirmation.JKT != thumbprint {
		t.Errorf("bound to %+v", c.Confirmation)
	}
	leaf := f.leaf(c.Log.Index)
	if leaf.Type != audit.TokenIssued || leaf.Token.Account == "" || leaf.Token.Client != "app" || leaf.Evidence.About != nil {
		t.Errorf("entry %+v", leaf)
	}
	if got.event.GrantType != "authorization_code" || got.event.ClientID != "app" || got.event.LeafIndex != c.Log.Index {
		t.Errorf("event %+v", got.event)
	}
}

func TestNoRefreshTokenWithoutRegistration(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", func(p *party) { p.record.GrantTypes = []string{issuer.AuthorizationCode} })
	if got := f.redeem(p, nil); got.body.Refresh != "" || f.stored("refresh") != 0 {
		t.Errorf("answered %s", got.raw)
	}
	f.clock.advance(8 * time.Minute) // the grant lives as long as its token
	if n := f.stored("grants"); n != 0 {
		t.Errorf("%d grants are left", n)
	}
}

// A code of 60 s: good at 60 s less a moment, refused from 60 s on (FAPI 2.0 §5.3.2.1 (11)).
func TestCodeExpires(t *testing.T) {
	for after, ok := range map[time.Duration]bool{59900 * time.Millisecond: true, time.Minute: false, 61 * time.Second: false, time.Hour: false} {
		t.Run(after.String(), func(t *testing.T) {
			f := newFlow(t, setup{})
			p := f.app("app", nil)
			g := f.code(p, nil)
			f.clock.advance(after)
			got := p.send(g.redemption())
			if ok != (got.status == 200) || !ok && got.body.Code != tenon.InvalidGrant {
				t.Errorf("answered %d %s", got.status, got.raw)
			}
		})
	}
}

// What is refused costs nothing: the same code is good afterwards.
func TestRefusedRedemptionSpendsNothing(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	other := f.app("other", nil)
	theirs := f.code(other, nil)
	_, foreign := challenged()
	g := f.code(p, nil)
	tests := map[string]struct {
		from   *party
		change url.Values
		code   tenon.Code
		reason string
	}{
		"no code":                             {p, url.Values{"code": nil}, tenon.InvalidRequest, "code"},
		"an invented code":                    {p, url.Values{"code": {"x"}}, tenon.InvalidGrant, "code"},
		"another client's code":               {p, url.Values{"code": {theirs.code}, "code_verifier": {theirs.verifier}}, tenon.InvalidGrant, "code"},
		"by another client":                   {other, nil, tenon.InvalidGrant, "code"},
		"another redirect_uri":                {p, url.Values{"redirect_uri": {redirectURI + "/"}}, tenon.InvalidGrant, "redirect_uri"},
		"no verifier":                         {p, url.Values{"code_verifier": nil}, tenon.InvalidGrant, "code_verifier"},
		"the verifier of another code":        {p, url.Values{"code_verifier": {theirs.verifier}}, tenon.InvalidGrant, "code_verifier"},
		"the challenge for the verifier":      {p, url.Values{"code_verifier": {foreign}}, tenon.InvalidGrant, "code_verifier"},
		"a verifier of 42 characters":         {p, url.Values{"code_verifier": {g.verifier[:42]}}, tenon.InvalidGrant, "code_verifier"},
		"a verifier of 129 characters":        {p, url.Values{"code_verifier": {g.verifier + g.verifier + g.verifier}}, tenon.InvalidGrant, "code_verifier"},
		"a verifier with a space":             {p, url.Values{"code_verifier": {g.verifier + " "}}, tenon.InvalidGrant, "code_verifier"},
		"more scope":                          {p, url.Values{"scope": {"accounts admin"}}, tenon.InvalidScope, "scope"},
		"a scope that is registered only":     {p, url.Values{"scope": {"payments"}}, tenon.InvalidScope, "scope"},
		"malformed scope":                     {p, url.Values{"scope": {`a"b`}}, tenon.InvalidScope, "scope"},
		"another resource":                    {p, url.Values{"resource": {"https://other.example.com"}}, tenon.InvalidTarget, "audience"},
		"two resources":                       {p, url.Values{"resource": {resource, resource}}, tenon.InvalidTarget, "audience"},
		"userinfo without openid":             {p, url.Values{"resource": {f.url + "/userinfo"}, "scope": {"accounts"}}, tenon.InvalidTarget, "audience"},
		"authorization_details":               {p, url.Values{"authorization_details": {payment("1.00")}}, tenon.InvalidAuthorizationDetails, "narrow"},
		"authorization_details that are none": {p, url.Values{"authorization_details": {"{}"}}, tenon.InvalidAuthorizationDetails, "malformed"},
		"client_credentials, not registered":  {p, url.Values{"grant_type": {"client_credentials"}}, tenon.UnauthorizedClient, "grant_type"},
		"the code as a refresh token":         {p, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.code}}, tenon.InvalidGrant, "refresh_token"},
		"a resource owner's password":         {p, url.Values{"grant_type": {"password"}}, tenon.UnsupportedGrantType, "grant_type"},
	}
	g = f.code(p, url.Values{"scope": {"openid accounts"}, "resource": {resource}})
	good := g.redemption()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			test.from.refused(good.with(test.change), 400, test.code, test.reason)
		})
	}
	f.server.t = t
	f.ok(p, good)
}

func TestRedemptionNarrows(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	both := url.Values{"resource": {resource, "https://other.example.com"}, "authorization_details": {payment("12.50")}}
	for name, test := range map[string]struct {
		asked    url.Values
		audience []string
		scope    string
	}{
		"nothing asked":           {nil, []string{resource, f.url + "/userinfo"}, "openid accounts payments"},
		"the second resource":     {url.Values{"resource": {"https://other.example.com"}}, []string{"https://other.example.com", f.url + "/userinfo"}, "openid accounts payments"},
		"userinfo alone":          {url.Values{"resource": {f.url + "/userinfo"}}, []string{f.url + "/userinfo"}, "openid accounts payments"},
		"less scope":              {url.Values{"scope": {"payments"}}, []string{resource}, "payments"},
		"the details, as granted": {url.Values{"authorization_details": {payment("12.50")}}, []string{resource, f.url + "/userinfo"}, "openid accounts payments"},
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			got := f.ok(p, f.code(p, both).redemption().with(test.asked))
			c := f.open(got.body.AccessToken).claims
			if !cmp.Equal(c.Audience, test.audience) || got.body.Scope != test.scope || c.Scope.String() != test.scope {
				t.Errorf("aud %v, scope %q in the token, %q in the answer", c.Audience, c.Scope, got.body.Scope)
			}
			if (got.body.IDToken != "") != c.Scope.Has("openid") {
				t.Errorf("ID token %q", got.body.IDToken)
			}
			if toldAll := len(got.body.Details) == 1 && len(c.Details) > 0; toldAll == (name == "userinfo alone") {
				t.Errorf("details %v in the answer, %s in the token", got.body.Details, c.Details)
			}
			// The grant is as wide as before: a refresh may ask for all of it (RFC 6749 §6).
			if again := f.ok(p, refreshing(got.body.Refresh)); again.body.Scope != "openid accounts payments" || len(again.body.Details) != 1 {
				t.Errorf("refreshed to %s", again.raw)
			}
		})
	}
}

// A client without a resource may know who somebody is, and nothing else.
func TestTokenForUserInfoOnly(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("rp", func(p *party) {
		p.record.Resources, p.record.Scope, p.record.DetailTypes = nil, tenon.Scope{"openid", "email"}, nil
	})
	got := f.redeem(p, url.Values{"scope": {"openid email"}})
	if c := f.open(got.body.AccessToken).claims; !cmp.Equal(c.Audience, []string{f.url + "/userinfo"}) {
		t.Errorf("aud %v", c.Audience)
	}
}

// RFC 9449 §10: a code bound to a key is for the holder of the key, whoever else has code and verifier.
func TestCodeBoundToAKey(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	for name, push := range map[string]func() (string, string){
		"by dpop_jkt": func() (string, string) {
			thumbprint, err := dpop.Thumbprint(p.proofs.Public())
			must(t, err)
			return f.push(p, message{proof: part{Omit: true}}, url.Values{"dpop_jkt": {thumbprint}})
		},
		"by a proof when it was pushed": func() (string, string) { return f.push(p, message{}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			uri, verifier := push()
			m := given{f.approve(p, uri), verifier}.redemption()
			own := p.proofs
			p.proofs = ecKey(t)
			p.refused(m, 400, tenon.InvalidGrant, "dpop_jkt")
			p.proofs = own
			p.refused(message{form: m.form, proof: part{Omit: true}}, 400, tenon.InvalidRequest, "unbound")
			f.ok(p, m)
		})
	}
}

// Two uses of one code: the second is refused, and what the first gave is taken back (RFC 6749 §4.1.2, FAPI 2.0 §5.3.2.2 (9)).
func TestCodeReuseEndsTheGrant(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "long after the code has expired": 20 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, setup{})
			p := f.app("app", nil)
			g := f.code(p, nil)
			first := f.ok(p, g.redemption())
			f.clock.advance(after)
			second := f.ok(p, refreshing(first.body.Refresh))
			bystander := f.open(f.redeem(p, nil).body.AccessToken)
			p.refused(g.redemption(), 400, tenon.InvalidGrant, "reuse")
			p.refused(refreshing(first.body.Refresh), 400, tenon.InvalidGrant, "ended")
			p.refused(g.redemption(), 400, tenon.InvalidGrant, "reuse") // once more changes nothing
			tokens := []accessToken{f.open(second.body.AccessToken)}
			if after == 0 {
				tokens = append(tokens, f.open(first.body.AccessToken))
			}
			for _, token := range tokens {
				if !f.revoked(token) {
					t.Errorf("token %d lives on", token.claims.Log.Index)
				}
			}
			if f.revoked(bystander) {
				t.Error("a token of another grant was revoked")
			}
			about := f.open(first.body.AccessToken).claims.Log.Index
			f.endedOnce(about)
		})
	}
}

// endedOnce holds the log to one grant.revoked, about the first token's entry.
func (f *flow) endedOnce(about uint64) {
	f.t.Helper()
	var ends []uint64
	records, err := f.store.Scan(f.t.Context(), store.Key{Kind: store.Leaves}, "", 100_000)
	must(f.t, err)
	for _, r := range records {
		leaf, err := audit.ParseLeaf(r.Body)
		must(f.t, err)
		if leaf.Type == audit.GrantRevoked && leaf.Evidence.About != nil {
			ends = append(ends, *leaf.Evidence.About)
		}
	}
	if !cmp.Equal(ends, []uint64{about}) {
		f.t.Errorf("grant.revoked about %v, want about %d once", ends, about)
	}
}

// Who has the code but could not have redeemed it ends nothing: or a code in somebody's log would be enough to shut people out.
func TestSpentCodeWithoutItsVerifierEndsNothing(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	thief := f.app("thief", nil)
	g := f.code(p, nil)
	got := f.ok(p, g.redemption())
	p.refused(g.redemption().with(url.Values{"code_verifier": {f.code(p, nil).verifier}}), 400, tenon.InvalidGrant, "code_verifier")
	thief.refused(g.redemption(), 400, tenon.InvalidGrant, "code")
	f.ok(p, refreshing(got.body.Refresh))
}

// RFC 9449 §8: a challenge costs nothing, neither the code nor the refresh token.
func TestNonceChallengeDoesNotCostTheGrant(t *testing.T) {
	f := newFlow(t, withNonces(dpop.RequireNonce))
	p := f.app("app", nil)
	m := f.code(p, nil).redemption()
	challenged := p.refused(m, 400, tenon.UseDPoPNonce, "nonce")
	m.nonce = challenged.header.Get("DPoP-Nonce")
	got := f.ok(p, m)
	m = refreshing(got.body.Refresh)
	challenged = p.refused(m, 400, tenon.UseDPoPNonce, "nonce")
	m.nonce = challenged.header.Get("DPoP-Nonce")
	f.ok(p, m)
	m.form.Set("refresh_token", got.body.Refresh)
	f.ok(p, m)
}

// A bad proof and failed client authentication cost nothing either.
func TestFailedAuthenticationDoesNotCostTheGrant(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	m := f.code(p, nil).redemption()
	bad := func(m message) {
		t.Helper()
		m.assertion = part{Key: "other"}
		p.refused(m, 401, tenon.InvalidClient, "signature")
		m.assertion = part{}
		m.proof = part{Claims: map[string]any{"htu": "https://elsewhere.example/token"}}
		p.refused(m, 400, tenon.InvalidDPoPProof, "htu")
	}
	bad(m)
	got := f.ok(p, m)
	bad(refreshing(got.body.Refresh))
	f.ok(p, refreshing(got.body.Refresh))
}

package issuer_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// FAPI 2.0 §5.3.2.1 (9): the token stays, so that a lost answer costs nothing.
func TestRefreshTokenStaysUnderFAPI2(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	first := f.redeem(p, nil)
	before := f.open(first.body.AccessToken)
	f.clock.advance(10 * time.Minute)
	for range 3 { // the answer was lost twice
		got := f.ok(p, refreshing(first.body.Refresh))
		after := f.open(got.body.AccessToken)
		if got.body.Refresh != "" || got.body.Scope != first.body.Scope || got.event.GrantType != "refresh_token" {
			t.Errorf("answered %s", got.raw)
		}
		if diff := cmp.Diff(before.claims.Person, after.claims.Person); diff != "" { // RFC 9068 §2.2.1
			t.Error(diff)
		}
		if after.claims.Subject != before.claims.Subject || !cmp.Equal(after.claims.Audience, before.claims.Audience) || after.claims.ID == before.claims.ID {
			t.Errorf("claims %+v after %+v", after.claims, before.claims)
		}
		leaf := f.leaf(after.claims.Log.Index)
		if leaf.Type != audit.TokenRefreshed || leaf.Evidence.About == nil || *leaf.Evidence.About != before.claims.Log.Index {
			t.Errorf("entry %+v", leaf)
		}
	}
}

func TestRefreshTokenRotatesUnderOAuth2(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	tokens := []string{f.redeem(p, nil).body.Refresh}
	for range 3 {
		f.clock.advance(time.Hour)
		tokens = append(tokens, f.ok(p, refreshing(tokens[len(tokens)-1])).body.Refresh)
	}
	for n, token := range tokens[1:] {
		if token == tokens[n] || !strings.HasPrefix(token, "tnr_") {
			t.Errorf("token %d is %q, and the one before %q", n+1, token, tokens[n])
		}
	}
}

// A lost answer never loses the session: the same key gets the same successor for a while (RFC 9700 §4.14.2).
func TestLostAnswerOfARotation(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	first := f.redeem(p, nil).body.Refresh
	lost := f.ok(p, refreshing(first)).body.Refresh
	f.clock.advance(time.Minute)
	again := f.ok(p, refreshing(first)).body.Refresh
	if again != lost {
		t.Errorf("the successor is %q now, and was %q", again, lost)
	}
	next := f.ok(p, refreshing(again)).body.Refresh
	f.ok(p, refreshing(next))
}

// What else is done with a replaced token ends the grant.
func TestReplacedTokenEndsTheGrant(t *testing.T) {
	tests := map[string]func(f *flow, p *party, rotate func()){
		"after the grace":    func(f *flow, p *party, _ func()) { f.clock.advance(62 * time.Second) },
		"by another key":     func(f *flow, p *party, _ func()) { p.proofs = ecKey(f.t) },
		"replaced twice":     func(f *flow, p *party, rotate func()) { rotate() },
		"replaced ten times": func(f *flow, p *party, rotate func()) { repeat(10, rotate) },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, setup{profile: issuer.OAuth2})
			p := f.app("app", nil)
			start := f.redeem(p, nil)
			own := p.proofs
			current := f.ok(p, refreshing(start.body.Refresh))
			prepare(f, p, func() { current = f.ok(p, refreshing(current.body.Refresh)) })
			p.refused(refreshing(start.body.Refresh), 400, tenon.InvalidGrant, "reuse")
			p.proofs = own
			p.refused(refreshing(current.body.Refresh), 400, tenon.InvalidGrant, "ended")
			if token := f.open(current.body.AccessToken); !f.revoked(token) {
				t.Error("its token lives on")
			}
			f.endedOnce(f.open(start.body.AccessToken).claims.Log.Index)
		})
	}
}

func repeat(n int, do func()) {
	for range n {
		do()
	}
}

// Nobody ends a grant with a token that was never given: the index in it stands in the public log.
func TestInventedRefreshTokenEndsNothing(t *testing.T) {
	for _, profile := range []issuer.Profile{issuer.FAPI2, issuer.OAuth2} {
		f := newFlow(t, setup{profile: profile})
		p := f.app("app", nil)
		other := f.app("other", nil)
		token := f.redeem(p, nil).body.Refresh
		theirs := f.redeem(other, nil).body.Refresh
		index, secret, _ := strings.Cut(token, ".")
		theirIndex, theirSecret, _ := strings.Cut(theirs, ".")
		for name, invented := range map[string]string{
			"none of the kind":        "x",
			"no secret":               index + ".",
			"no index":                "tnr_." + secret,
			"a zero before the index": strings.Replace(token, "tnr_", "tnr_0", 1),
			"another index":           "tnr_zzzz." + secret,
			"an index out of range":   "tnr_zzzzzzzzzzzzzz." + secret,
			"another's secret":        index + "." + theirSecret,
			"at another's index":      theirIndex + "." + secret,
			"another's":               theirs,
			"another random part":     index + "." + strings.Repeat("A", 43) + secret[43:],
			"another mark":            index + "." + secret[:63] + flipped(secret[63]),
			"longer":                  token + "A",
			"with a space":            token + " ",
			"an opaque access token":  strings.Replace(token, "tnr_", "tno_", 1),
			"very long":               token + strings.Repeat("A", 5000),
		} {
			t.Run(profile.String()+"/"+name, func(t *testing.T) {
				f.server.t = t
				p.refused(refreshing(invented), 400, tenon.InvalidGrant, "refresh_token")
			})
		}
		f.server.t = t
		p.refused(refreshing(""), 400, tenon.InvalidRequest, "refresh_token")
		f.ok(p, refreshing(token))
		f.ok(other, refreshing(theirs))
	}
}

func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// A confidential client may go on with a new key, and that is on record (FAPI 2.0 §5.3.2.1 (9), RFC 9449 §5).
func TestNewKeyAtRefreshIsLogged(t *testing.T) {
	for _, profile := range []issuer.Profile{issuer.FAPI2, issuer.OAuth2} {
		t.Run(profile.String(), func(t *testing.T) {
			f := newFlow(t, setup{profile: profile})
			p := f.app("app", nil)
			first := f.redeem(p, nil)
			p.proofs = ecKey(t)
			got := f.ok(p, refreshing(first.body.Refresh))
			thumbprint, err := dpop.Thumbprint(p.proofs.Public())
			must(t, err)
			token := f.open(got.body.AccessToken)
			if token.claims.Confirmation.JKT != thumbprint {
				t.Errorf("bound to %+v", token.claims.Confirmation)
			}
			rebound := f.leaf(token.claims.Log.Index + 1)
			refreshed := f.leaf(token.claims.Log.Index)
			about := f.open(first.body.AccessToken).claims.Log.Index
			if rebound.Type != audit.KeyRebound || rebound.Evidence.About == nil || *rebound.Evidence.About != about ||
				rebound.Binding != refreshed.Binding || rebound.Token.Client != "app" || rebound.Evidence.Proof != "" {
				t.Errorf("entry %+v", rebound)
			}
			refresh := first.body.Refresh
			if got.body.Refresh != "" {
				refresh = got.body.Refresh
			}
			f.ok(p, refreshing(refresh)) // the same key again: nothing more to tell
			if n := len(f.entries(0, audit.KeyRebound)); n != 1 {
				t.Errorf("%d entries key.rebound", n)
			}
		})
	}
}

// From a DPoP key to a certificate and back.
func TestRefreshWithACertificate(t *testing.T) {
	f := newFlow(t, setup{})
	leaf, err := certs.SelfSigned("app", 0)
	must(t, err)
	p := f.app("app", func(p *party) { p.leaf = leaf })
	first := f.redeem(p, nil)
	m := refreshing(first.body.Refresh)
	m.proof.Omit = true
	got := f.ok(p, m)
	if c := f.open(got.body.AccessToken).claims.Confirmation; c.X5T == "" || c.JKT != "" || got.body.TokenType != "Bearer" {
		t.Errorf("bound to %+v, %s", c, got.body.TokenType)
	}
	f.ok(p, refreshing(first.body.Refresh))
	if n := len(f.entries(0, audit.KeyRebound)); n != 2 {
		t.Errorf("%d entries key.rebound", n)
	}
}

// A grant that was bound never becomes a bearer's, whatever the registration has come to say.
func TestBoundGrantStaysBound(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", func(p *party) { p.record.Bearer = true })
	bound := f.redeem(p, nil).body.Refresh
	free := f.code(p, nil).redemption()
	free.proof.Omit = true
	loose := f.ok(p, free)
	if loose.body.TokenType != "Bearer" {
		t.Errorf("token_type %s", loose.body.TokenType)
	}
	m := refreshing(bound)
	m.proof.Omit = true
	p.refused(m, 400, tenon.InvalidGrant, "unbound")
	f.ok(p, refreshing(bound))
	m = refreshing(loose.body.Refresh)
	m.proof.Omit = true
	f.ok(p, m)
}

// RFC 9449 §5: a public client has nothing but its key, and a thief of its refresh token has not even that.
func TestPublicClientsRefreshTokenIsBoundToItsKey(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("spa", public)
	first := f.redeem(p, nil)
	own := p.proofs
	p.proofs = ecKey(t)
	p.refused(refreshing(first.body.Refresh), 400, tenon.InvalidGrant, "key")
	m := refreshing(first.body.Refresh)
	m.proof.Omit = true
	p.refused(m, 400, tenon.InvalidRequest, "no_proof")
	p.proofs = own
	got := f.ok(p, refreshing(first.body.Refresh)) // the theft has cost the owner nothing
	again := f.ok(p, refreshing(first.body.Refresh))
	if got.body.Refresh != again.body.Refresh || got.body.Refresh == first.body.Refresh {
		t.Errorf("%q, then %q", got.body.Refresh, again.body.Refresh)
	}
}

// RFC 6749 §6: less than was granted, never more; and the next refresh may ask for all of it again.
func TestRefreshNarrows(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	token := f.redeem(p, url.Values{"scope": {"accounts payments"}, "authorization_details": {payment("12.50")}}).body.Refresh
	got := f.ok(p, refreshing(token).with(url.Values{"scope": {"payments"}}))
	if got.body.Scope != "payments" || got.body.IDToken != "" {
		t.Errorf("answered %s", got.raw)
	}
	p.refused(refreshing(token).with(url.Values{"scope": {"openid"}}), 400, tenon.InvalidScope, "scope")
	p.refused(refreshing(token).with(url.Values{"resource": {"https://other.example.com"}}), 400, tenon.InvalidTarget, "audience")
	p.refused(refreshing(token).with(url.Values{"authorization_details": {payment("12.51")}}), 400, tenon.InvalidAuthorizationDetails, "narrow")
	if got := f.ok(p, refreshing(token)); got.body.Scope != "accounts payments" {
		t.Errorf("answered %s", got.raw)
	}
}

// A grant is worth what its client is still registered for.
func TestRefreshAfterTheRegistrationChanged(t *testing.T) {
	tests := map[string]struct {
		change func(*issuer.Client)
		scope  string // of the token, "" when there is none
		code   tenon.Code
		reason string
	}{
		"less scope":        {func(c *issuer.Client) { c.Scope = tenon.Scope{"payments"} }, "payments", "", ""},
		"none of the scope": {func(c *issuer.Client) { c.Scope = tenon.Scope{"openid2"} }, "", tenon.InvalidScope, "scope"},
		"another resource":  {func(c *issuer.Client) { c.Resources = []string{"https://other.example.com"} }, "", tenon.InvalidTarget, "audience"},
		"no refresh":        {func(c *issuer.Client) { c.GrantTypes = []string{issuer.AuthorizationCode} }, "", tenon.UnauthorizedClient, "grant_type"},
		"disabled":          {func(c *issuer.Client) { c.Disabled = true }, "", tenon.InvalidClient, "disabled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, setup{})
			p := f.app("app", nil)
			token := f.redeem(p, url.Values{"scope": {"accounts payments"}}).body.Refresh
			test.change(&p.record)
			_, err := f.admin.UpdateClient(t.Context(), p.record)
			must(t, err)
			if test.code == "" {
				if got := f.ok(p, refreshing(token)); got.body.Scope != test.scope {
					t.Errorf("answered %s", got.raw)
				}
				return
			}
			status := 400
			if test.code == tenon.InvalidClient {
				status = 401
			}
			p.refused(refreshing(token), status, test.code, test.reason)
		})
	}
}

// Details of a type that the client may no longer use are not passed on.
func TestRefreshAfterADetailTypeWasTaken(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	token := f.redeem(p, url.Values{"authorization_details": {payment("12.50")}}).body.Refresh
	p.record.DetailTypes = []string{"account_information"}
	_, err := f.admin.UpdateClient(t.Context(), p.record)
	must(t, err)
	if got := f.ok(p, refreshing(token)); len(got.body.Details) != 0 || f.open(got.body.AccessToken).claims.Details != nil {
		t.Errorf("answered %s", got.raw)
	}
}

// Nothing goes on in the name of who is not there.
func TestPersonIsGone(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.Refresh
	g := f.code(p, nil)
	f.person.Disabled = true
	must(t, second(f.people.Update(t.Context(), f.person)))
	p.refused(refreshing(token), 400, tenon.InvalidGrant, "person")
	p.refused(g.redemption(), 400, tenon.InvalidGrant, "person")
	f.person.Disabled = false
	must(t, second(f.people.Update(t.Context(), f.person)))
	f.ok(p, refreshing(token))
	f.ok(p, g.redemption())
	must(t, f.people.Remove(t.Context(), f.person.Subject))
	p.refused(refreshing(token), 400, tenon.InvalidGrant, "person")
}

func second[T any](_ T, err error) error { return err }

// A grant lives for as long as it is used.
func TestGrantLivesFromItsLastUse(t *testing.T) {
	for _, profile := range []issuer.Profile{issuer.FAPI2, issuer.OAuth2} {
		t.Run(profile.String(), func(t *testing.T) {
			f := newFlow(t, setup{profile: profile, edit: func(c *issuer.Config) { c.Codes.Grant = 10 * time.Hour }})
			p := f.app("app", nil)
			token := f.redeem(p, nil).body.Refresh
			for range 4 {
				f.clock.advance(8 * time.Hour)
				if got := f.ok(p, refreshing(token)); got.body.Refresh != "" {
					token = got.body.Refresh
				}
			}
			f.clock.advance(10 * time.Hour)
			p.refused(refreshing(token), 400, tenon.InvalidGrant, "refresh_token")
			for _, kind := range []store.Kind{"grants", "refresh", "codes"} {
				if n := f.stored(kind); n != 0 {
					t.Errorf("%d records of kind %s are left", n, kind)
				}
			}
		})
	}
}

// Refreshing leaves nothing behind but tokens: a grant is as large after a thousand rotations as after one.
func TestRotationLeavesNothingBehind(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.Refresh
	for range 20 {
		token = f.ok(p, refreshing(token)).body.Refresh
	}
	if grants, families := f.stored("grants"), f.stored("refresh"); grants != 1 || families != 1 {
		t.Errorf("%d grants, %d refresh tokens", grants, families)
	}
}

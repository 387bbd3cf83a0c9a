package issuer_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

// grantID is the one grant that a person has given.
func (f *flow) grantID(person string) string {
	f.t.Helper()
	grants, err := f.issuer.GrantsOf(f.t.Context(), person)
	must(f.t, err)
	if len(grants) != 1 {
		f.t.Fatalf("%d grants", len(grants))
	}
	return grants[0].ID
}

// What each way of revoking takes away, and what it leaves.
func TestRevocationOfGrants(t *testing.T) {
	tests := map[string]struct {
		r       func(f *flow, p *party) issuer.Revocation
		grants  int
		tokens  int
		bobToo  bool // the other person's grant to the same client ends as well
		aliceTo bool // alice's grant to another client does
	}{
		"by grant":  {func(f *flow, p *party) issuer.Revocation { return issuer.Revocation{GrantID: f.first} }, 1, 2, false, false},
		"by person": {func(f *flow, p *party) issuer.Revocation { return issuer.Revocation{Person: f.person.Subject} }, 2, 3, false, true},
		"by client": {func(f *flow, p *party) issuer.Revocation { return issuer.Revocation{ClientID: "app"} }, 2, 3, true, false},
		"by key": {func(f *flow, p *party) issuer.Revocation {
			thumbprint, err := dpop.Thumbprint(p.proofs.Public())
			must(f.t, err)
			return issuer.Revocation{Thumbprint: thumbprint}
		}, 2, 3, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, setup{})
			p, other := f.app("app", nil), f.app("other", nil)
			alices := f.redeem(p, nil)
			f.first = f.grantID(f.person.Subject)
			refreshed := f.ok(p, refreshing(alices.body.Refresh))
			elsewhere := f.redeem(other, nil)
			bob, err := f.people.Add(t.Context(), people.Person{Username: "bob"})
			must(t, err)
			f.approval.Subject = bob.Subject
			bobs := f.redeem(p, nil)

			done, err := f.admin.Revoke(t.Context(), test.r(f, p))
			if err != nil || done.Grants != test.grants || done.Count != test.tokens {
				t.Errorf("%+v %v, want %d grants and %d tokens", done, err, test.grants, test.tokens)
			}
			for _, c := range []struct {
				of    reply
				ended bool
			}{{alices, true}, {refreshed, true}, {elsewhere, test.aliceTo}, {bobs, test.bobToo}} {
				if token := f.open(c.of.body.AccessToken); f.revoked(token) != c.ended {
					t.Errorf("token %d: revoked is %v", token.claims.Log.Index, !c.ended)
				}
			}
			again, err := f.admin.Revoke(t.Context(), test.r(f, p))
			if name != "by grant" && (err != nil || again.Count != 0 || again.Grants != 0) {
				t.Errorf("again: %+v %v", again, err)
			}
			if name == "by grant" && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("again: %v", err)
			}
			if n := len(f.entries(0, audit.GrantRevoked)); n != test.grants {
				t.Errorf("%d entries grant.revoked", n)
			}
		})
	}
}

// A grant that ends before its first token, or long after its last one, leaves nothing that works.
func TestGrantEndsWithoutLiveTokens(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	g := f.code(p, nil)
	must(t, second(f.admin.Revoke(t.Context(), issuer.Revocation{GrantID: f.grantID(f.person.Subject)})))
	p.refused(g.redemption(), 400, tenon.InvalidGrant, "ended")
	if ends := f.entries(0, audit.GrantRevoked); len(ends) != 1 {
		t.Errorf("%v", ends)
	}
	got := f.redeem(p, nil)
	about := f.open(got.body.AccessToken).claims.Log.Index
	f.clock.advance(time.Hour)
	done, err := f.admin.Revoke(t.Context(), issuer.Revocation{Person: f.person.Subject})
	if err != nil || done.Count != 0 || done.Grants != 1 {
		t.Errorf("%+v %v", done, err)
	}
	p.refused(refreshing(got.body.Refresh), 400, tenon.InvalidGrant, "ended")
	f.endedOnce(about)
}

// A grant with more tokens than one change may revoke loses all of them.
func TestGrantWithManyTokensEnds(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p := f.app("app", nil)
	g := f.code(p, nil)
	refresh := f.ok(p, g.redemption()).body.Refresh
	for range 150 {
		f.ok(p, refreshing(refresh))
	}
	must(t, second(f.admin.Revoke(t.Context(), issuer.Revocation{Token: strconv.Itoa(tokenIndex(f, 40))}))) // one is revoked already
	largest := 0
	hooks.commit = func(c *store.Change) error { largest = max(largest, len(c.Inserts)+len(c.Deletes)); return nil }
	p.refused(g.redemption(), 400, tenon.InvalidGrant, "reuse")
	if largest > 70 {
		t.Errorf("a change of %d records", largest)
	}
	if marks := f.stored("revoked"); marks != 151 {
		t.Errorf("%d tokens are revoked", marks)
	}
	if n := len(f.entries(0, audit.TokenRevoked)); n != 151 {
		t.Errorf("%d entries token.revoked", n)
	}
}

// tokenIndex is the index of the n-th live token.
func tokenIndex(f *flow, n int) int {
	f.t.Helper()
	records, err := f.store.Scan(f.t.Context(), store.Key{Kind: "tokens"}, "", n+1)
	must(f.t, err)
	index, err := store.ParseLeafID(records[n].Key.ID)
	must(f.t, err)
	return int(index)
}

// A client that comes back under its old name does not come into its old grants.
func TestRemovedClientsGrantsEnd(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	got := f.redeem(p, nil)
	must(t, f.admin.RemoveClient(t.Context(), "app"))
	must(t, second(f.admin.AddClient(t.Context(), p.record)))
	p.refused(refreshing(got.body.Refresh), 400, tenon.InvalidGrant, "ended")
	if kinds := []int{f.stored("grants")}; !cmp.Equal(kinds, []int{0}) {
		t.Errorf("%v", kinds)
	}
}

// Ending a grant needs a log to tell it to.
func TestNoEndWithoutARecord(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	got := f.redeem(p, nil)
	silent := &issuer.Admin{Store: f.store, Log: &brokenBook{f.book, errors.New("no clock")}}
	if _, err := silent.Revoke(t.Context(), issuer.Revocation{Person: f.person.Subject}); err == nil {
		t.Error("ended without a record")
	}
	f.ok(p, refreshing(got.body.Refresh))
}

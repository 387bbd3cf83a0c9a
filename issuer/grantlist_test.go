package issuer_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

// A person sees what was allowed, newest first, and nobody else's; what is ended is good for nothing.
func TestPersonSeesAndEndsGrants(t *testing.T) {
	f := newFlow(t, setup{})
	first := f.app("first", func(p *party) { p.record.Name = "First" })
	second := f.app("second", nil)
	got := f.redeem(first, nil)
	f.clock.advance(time.Second)
	f.redeem(second, url.Values{"scope": {"openid accounts"}, "authorization_details": {payment("1.00")}})
	bob, err := f.people.Add(t.Context(), people.Person{Username: "bob"})
	must(t, err)

	all, err := f.issuer.GrantsOf(t.Context(), f.person.Subject)
	must(t, err)
	if len(all) != 2 || all[0].Client.ID != "second" || all[1].Client.Name != "First" || all[1].Client.RedirectOrigin != "https://app.example.com" {
		t.Fatalf("grants %+v", all)
	}
	if all[0].Scope.String() != "openid accounts" || len(all[0].Details) != 1 || len(all[0].Resources) != 1 || all[0].Used.IsZero() || !all[0].Expires.After(f.clock.Now()) {
		t.Errorf("the newest: %+v", all[0])
	}
	if others, err := f.issuer.GrantsOf(t.Context(), bob.Subject); len(others) != 0 || err != nil {
		t.Errorf("somebody else sees %v, %v", others, err)
	}

	id := all[1].ID
	for name, subject := range map[string]string{"somebody else": bob.Subject, "nobody": ""} {
		if err := f.issuer.EndGrant(subject, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s ends it: %v", name, err)
		}
	}
	f.ok(first, refreshing(got.body.Refresh))
	must(t, f.issuer.EndGrant(f.person.Subject, id))
	first.refused(refreshing(got.body.Refresh), http.StatusBadRequest, tenon.InvalidGrant, "ended")
	if !f.revoked(f.open(got.body.AccessToken)) {
		t.Error("the token is alive")
	}
	if err := f.issuer.EndGrant(f.person.Subject, id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ended twice: %v", err)
	}
}

// A client that is gone has a name still: its id.
func TestGrantListOfARemovedClient(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", func(p *party) { p.record.Name = "App" })
	f.redeem(app, nil)
	record := store.Collection[issuer.Client]{Kind: "clients"}
	item, err := record.Get(t.Context(), f.store, "app")
	must(t, err)
	var change store.Change
	record.Delete(&change, item)
	_, err = f.store.Commit(t.Context(), &change)
	must(t, err)
	all, err := f.issuer.GrantsOf(t.Context(), f.person.Subject)
	if err != nil || len(all) != 1 || all[0].Client.ID != "app" || all[0].Client.Name != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

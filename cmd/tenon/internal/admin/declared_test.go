package admin_test

import (
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// leave closes a socket as a killed process does: its name stays.
func leave(t *testing.T, l net.Listener) {
	t.Helper()
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func idsIn(t *testing.T, a *issuer.Admin) []string {
	t.Helper()
	clients, err := a.Clients(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, c := range clients {
		ids = append(ids, c.ID)
	}
	return ids
}

func declare(t *testing.T, a *issuer.Admin, clients ...issuer.Client) {
	t.Helper()
	if err := admin.Declare(t.Context(), a, clients); err != nil {
		t.Fatal(err)
	}
}

func TestDeclareFollowsTheFile(t *testing.T) {
	a := newStage(t).desk.Issuer
	if _, err := a.AddClient(t.Context(), registration(t, "by-command")); err != nil {
		t.Fatal(err)
	}
	one, two := registration(t, "one"), registration(t, "two")
	declare(t, a, one, two)
	declare(t, a, one, two)
	if diff := cmp.Diff([]string{"by-command", "one", "two"}, idsIn(t, a)); diff != "" {
		t.Errorf("after declaring: %s", diff)
	}
	one.Name = "changed"
	declare(t, a, one)
	if diff := cmp.Diff([]string{"by-command", "one"}, idsIn(t, a)); diff != "" {
		t.Errorf("after one left the file: %s", diff)
	}
	if c, err := a.Client(t.Context(), "one"); err != nil || c.Name != "changed" {
		t.Errorf("the changed one: %+v, %v", c, err)
	}
	declare(t, a)
	if diff := cmp.Diff([]string{"by-command"}, idsIn(t, a)); diff != "" {
		t.Errorf("after all left the file: %s", diff)
	}
}

func TestDeclareDoesNotTakeOverAClientOfTheCommands(t *testing.T) {
	a := newStage(t).desk.Issuer
	mine := registration(t, "mine")
	if _, err := a.AddClient(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	other := registration(t, "mine")
	if err := admin.Declare(t.Context(), a, []issuer.Client{registration(t, "new"), other}); err == nil {
		t.Fatal("taken over")
	}
	if _, err := a.Client(t.Context(), "new"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half of a refused declaration is there: %v", err)
	}
	c, err := a.Client(t.Context(), "mine")
	if err != nil || c.JWKS.Keys[0].Key == nil {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(mine.JWKS.Keys[0].KeyID, c.JWKS.Keys[0].KeyID); diff != "" {
		t.Error(diff)
	}
}

// TestDeclareWritesOnlyWhatChanged keeps a reload from invalidating every client.
func TestDeclareWritesOnlyWhatChanged(t *testing.T) {
	a := newStage(t).desk.Issuer
	one := registration(t, "one")
	declare(t, a, one)
	version := func() uint64 {
		record, err := a.Store.Get(t.Context(), store.Key{Kind: "clients", ID: "one"})
		if err != nil {
			t.Fatal(err)
		}
		return record.Version
	}
	before := version()
	declare(t, a, one)
	if version() != before {
		t.Error("written again although nothing changed")
	}
	one.Disabled = true
	declare(t, a, one)
	if version() == before {
		t.Error("not written although it is disabled now")
	}
}

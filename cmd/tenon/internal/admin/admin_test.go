package admin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A stage is a desk with a store behind it.
type stage struct {
	desk *admin.Desk
	log  bytes.Buffer
}

func newStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	s, err := bolt.Open(bolt.Config{Path: dir + "/tenon.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: "as.example.com/log"})
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := issuer.OpenKeyring(t.Context(), issuer.KeyringConfig{Store: s, Log: book, Signers: issuer.KeyFiles(dir + "/keys")})
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{}
	st.desk = &admin.Desk{
		Issuer:   &issuer.Admin{Store: s, Log: book, Keyring: keyring},
		Declared: func(id string) bool { return id == "declared" },
		Store:    s,
		Status:   func() admin.Status { return admin.Status{Issuer: "https://as.example.com", PID: 4711} },
		Log:      slog.New(slog.NewTextHandler(&st.log, nil)),
	}
	return st
}

// overSocket asks the desk as a command asks a running server.
func overSocket(t *testing.T, d *admin.Desk) *admin.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") // t.TempDir has names too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: d.Handler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	c, err := admin.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bothWays runs a test over the socket and without.
func bothWays(t *testing.T, test func(t *testing.T, s *stage, c *admin.Client)) {
	t.Run("over the socket", func(t *testing.T) {
		s := newStage(t)
		test(t, s, overSocket(t, s.desk))
	})
	t.Run("directly", func(t *testing.T) {
		s := newStage(t)
		test(t, s, admin.Direct(s.desk.Handler()))
	})
}

func registration(t *testing.T, id string) issuer.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issuer.Client{
		ID: id, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
		JWKS:  jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}},
		Scope: tenon.Scope{"payments"}, Resources: []string{"https://api.example.com"}, DPoPBound: true,
	}
}

func TestLifeOfAClient(t *testing.T) {
	bothWays(t, func(t *testing.T, _ *stage, c *admin.Client) {
		ctx := t.Context()
		added, err := c.AddClient(ctx, registration(t, "tpp"))
		if err != nil {
			t.Fatal(err)
		}
		if len(added.JWKS.Keys) != 1 || added.Scope.String() != "payments" {
			t.Errorf("registered as %+v", added)
		}
		if _, err := c.AddClient(ctx, registration(t, "tpp")); !errors.Is(err, issuer.ErrClientExists) {
			t.Errorf("added twice: %v", err)
		}
		added.Disabled = true
		if _, err := c.UpdateClient(ctx, added); err != nil {
			t.Fatal(err)
		}
		if found, err := c.Client(ctx, "tpp"); err != nil || !found.Disabled {
			t.Errorf("after disabling: %+v, %v", found, err)
		}
		if err := c.RemoveClient(ctx, "tpp"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Client(ctx, "tpp"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after removing: %v", err)
		}
	})
}

// TestFaultsKeepTheirMeaning holds that an error is the same for a command whichever way it came.
func TestFaultsKeepTheirMeaning(t *testing.T) {
	bothWays(t, func(t *testing.T, s *stage, c *admin.Client) {
		ctx := t.Context()
		faulty := registration(t, "faulty")
		faulty.Resources, faulty.Bearer = nil, true
		for name, one := range map[string]struct {
			do   func() error
			want error
		}{
			"a client that is not there":     {func() error { _, err := c.Client(ctx, "none"); return err }, store.ErrNotFound},
			"editing one that is not there":  {func() error { _, err := c.UpdateClient(ctx, registration(t, "none")); return err }, store.ErrNotFound},
			"removing one that is not there": {func() error { return c.RemoveClient(ctx, "none") }, store.ErrNotFound},
			"a faulty registration":          {func() error { _, err := c.AddClient(ctx, faulty); return err }, issuer.ErrClient},
			"adding a declared client":       {func() error { _, err := c.AddClient(ctx, registration(t, "declared")); return err }, admin.ErrDeclared},
			"editing a declared client":      {func() error { _, err := c.UpdateClient(ctx, registration(t, "declared")); return err }, admin.ErrDeclared},
			"removing a declared client":     {func() error { return c.RemoveClient(ctx, "declared") }, admin.ErrDeclared},
			"revoking a declared client": {
				func() error { _, err := c.Revoke(ctx, issuer.Revocation{ClientID: "declared"}); return err }, admin.ErrDeclared,
			},
			"revoking a token that never was": {
				func() error { _, err := c.Revoke(ctx, issuer.Revocation{Token: "4711"}); return err }, store.ErrNotFound,
			},
		} {
			if err := one.do(); !errors.Is(err, one.want) {
				t.Errorf("%s: %v, want %v", name, err, one.want)
			}
		}
		if strings.Contains(s.log.String(), `msg="client`) {
			t.Errorf("a refusal is logged as a change: %s", s.log.String())
		}
	})
}

// An id in the path and another in the body must not make one client out of two.
func TestUpdateKeepsTheID(t *testing.T) {
	s := newStage(t)
	c := overSocket(t, s.desk)
	for _, id := range []string{"a", "b"} {
		if _, err := c.AddClient(t.Context(), registration(t, id)); err != nil {
			t.Fatal(err)
		}
	}
	other := registration(t, "b")
	other.Name = "taken over"
	body, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "/clients/a", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.desk.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest {
		t.Errorf("answered %d", w.Code)
	}
	if b, err := c.Client(t.Context(), "b"); err != nil || b.Name != "" {
		t.Errorf("the other client: %q, %v", b.Name, err)
	}
}

func TestListGoesOnBehindOnePage(t *testing.T) {
	bothWays(t, func(t *testing.T, _ *stage, c *admin.Client) {
		const many = 103 // more than travel at a time
		shared := registration(t, "")
		for i := range many {
			shared.ID = fmt.Sprintf("client-%03d", i)
			if _, err := c.AddClient(t.Context(), shared); err != nil {
				t.Fatal(err)
			}
		}
		var ids []string
		for client, err := range c.Clients(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, client.ID)
		}
		if len(ids) != many || ids[0] != "client-000" || ids[many-1] != "client-102" {
			t.Errorf("%d clients, from %s to %s", len(ids), ids[0], ids[len(ids)-1])
		}
	})
}

func TestKeysStatusAndStore(t *testing.T) {
	bothWays(t, func(t *testing.T, _ *stage, c *admin.Client) {
		ctx := t.Context()
		status, err := c.Status(ctx)
		if err != nil || status.PID != 4711 {
			t.Errorf("status %+v: %v", status, err)
		}
		before, err := c.Keys(ctx)
		if err != nil || len(before) != 1 {
			t.Fatalf("keys %v: %v", before, err)
		}
		next, err := c.RotateKey(ctx)
		if err != nil || next.ID == before[0].ID || next.State != issuer.KeyPublished {
			t.Errorf("rotated to %+v: %v", next, err)
		}
		if err := c.Check(ctx); err != nil {
			t.Errorf("check: %v", err)
		}
		var copied bytes.Buffer
		if err := c.Backup(ctx, &copied); err != nil || copied.Len() == 0 {
			t.Errorf("backup of %d bytes: %v", copied.Len(), err)
		}
	})
}

// failing is a store that breaks in the middle.
type failing struct{}

func (failing) Check(context.Context) error { return errors.New("page 4711 is lost") }

func (failing) Backup(w io.Writer) error {
	w.Write(make([]byte, 1<<20))
	return errors.New("disk gone")
}

func TestBrokenStoreIsTold(t *testing.T) {
	bothWays(t, func(t *testing.T, s *stage, c *admin.Client) {
		s.desk.Store = failing{}
		if err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "4711") {
			t.Errorf("check: %v", err)
		}
		if err := c.Backup(t.Context(), io.Discard); err == nil {
			t.Error("half a copy passes as a whole one")
		}
	})
}

func TestChangesAreLogged(t *testing.T) {
	bothWays(t, func(t *testing.T, s *stage, c *admin.Client) {
		if _, err := c.AddClient(t.Context(), registration(t, "tpp")); err != nil {
			t.Fatal(err)
		}
		if log := s.log.String(); !strings.Contains(log, `msg="client added" client=tpp`) {
			t.Errorf("logged %q", log)
		}
	})
}

func TestDialWithoutAServer(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if _, err := admin.Dial(t.Context(), dir); !errors.Is(err, admin.ErrNoServer) {
		t.Errorf("no socket: %v", err)
	}
	l, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(admin.SocketPath(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	leave(t, l)
	if _, err := admin.Dial(t.Context(), dir); !errors.Is(err, admin.ErrNoServer) {
		t.Errorf("a socket that nobody listens on: %v", err)
	}
	again, err := admin.Listen(dir)
	if err != nil {
		t.Fatalf("after a server that did not end in peace: %v", err)
	}
	again.Close()
}

func TestListenRefusesALongName(t *testing.T) {
	if _, err := admin.Listen("/tmp/" + strings.Repeat("d", 100)); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("%v", err)
	}
}

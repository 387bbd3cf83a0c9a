package issuer_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// The private half is durable before the record names it. When the record fails, nothing uses the key, and the next try works.
func TestCrashBetweenKeyFileAndRecord(t *testing.T) {
	r := newRingTest(t)
	hooks := &hookedStore{Store: r.store, commit: func(*store.Change) error { return errors.New("crash") }}
	cfg := r.config()
	cfg.Store = hooks
	if _, err := issuer.OpenKeyring(t.Context(), cfg); err == nil {
		t.Fatal("opened without a key")
	}
	if r.files() != 1 {
		t.Errorf("%d key files, want the orphan", r.files())
	}
	hooks.commit = nil
	k, err := issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	if len(k.List()) != 1 || r.files() != 2 {
		t.Errorf("%v and %d files", k.List(), r.files())
	}
}

// A crash between removing the record and the file leaves a file that nothing names.
func TestCrashBetweenRecordAndKeyFile(t *testing.T) {
	r := newRingTest(t)
	cfg := r.config()
	signers := &stickySigners{Signers: cfg.Signers}
	cfg.Signers = signers
	k, err := issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	_, err = k.RotateUnpublished(t.Context())
	must(t, err)
	r.now = r.now.Add(3 * time.Hour)
	if err := k.Tick(t.Context()); err == nil {
		t.Error("the fault was not told")
	}
	signers.free = true
	r.after(k, time.Second, "active")
}

type stickySigners struct {
	issuer.Signers
	free bool
}

func (s *stickySigners) Remove(ctx context.Context, id string) error {
	if !s.free {
		return errors.New("read-only file system")
	}
	return s.Signers.Remove(ctx, id)
}

// Somebody puts another key in the file's place: it must not sign.
func TestForeignKeyFileIsRefused(t *testing.T) {
	r := newRingTest(t)
	r.open()
	entries, err := os.ReadDir(r.dir)
	must(t, err)
	path := filepath.Join(r.dir, entries[0].Name())
	must(t, os.Remove(path))
	foreign, err := dpop.GenerateKey(dpop.ES256)
	must(t, err)
	must(t, foreign.Save(path))
	if _, err := issuer.OpenKeyring(t.Context(), r.config()); err == nil {
		t.Error("the foreign key was accepted")
	}
}

func TestKeyFilesTakeOnlyTheirOwnIDs(t *testing.T) {
	signers := issuer.KeyFiles(t.TempDir())
	for _, id := range []string{"", "../x", "/etc/passwd", "a"} {
		if _, err := signers.Open(t.Context(), id); err == nil {
			t.Errorf("opened %q", id)
		}
		if err := signers.Remove(t.Context(), id); err == nil {
			t.Errorf("removed %q", id)
		}
	}
	if err := signers.Remove(t.Context(), "6f0f6ab8-5f4e-4f3a-9f0e-000000000000"); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

package issuer_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A ringTest is a store with keyrings over it and a clock that only the test moves.
type ringTest struct {
	t     *testing.T
	now   time.Time
	store store.Store
	book  *audit.Book
	dir   string
}

func newRingTest(t *testing.T) *ringTest {
	r := &ringTest{t: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), dir: filepath.Join(t.TempDir(), "keys")}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "store.db"), Now: func() time.Time { return r.now }})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	r.store, r.book = db, newBook(t, db, func() time.Time { return r.now })
	return r
}

// config is a schedule of 10 days, published 1 day before and kept 2 hours.
func (r *ringTest) config() issuer.KeyringConfig {
	return issuer.KeyringConfig{
		Store: r.store, Log: r.book, Signers: issuer.KeyFiles(r.dir), RotateEvery: 10 * 24 * time.Hour, PublishBefore: 24 * time.Hour,
		KeepAfter: 2 * time.Hour, Now: func() time.Time { return r.now },
	}
}

func (r *ringTest) open() *issuer.Keyring {
	r.t.Helper()
	k, err := issuer.OpenKeyring(r.t.Context(), r.config())
	must(r.t, err)
	return k
}

func states(k *issuer.Keyring) []string {
	var all []string
	for _, key := range k.List() {
		all = append(all, key.State)
	}
	return all
}

func (r *ringTest) after(k *issuer.Keyring, d time.Duration, want ...string) {
	r.t.Helper()
	r.now = r.now.Add(d)
	must(r.t, k.Tick(r.t.Context()))
	if diff := cmp.Diff(want, states(k)); diff != "" {
		r.t.Errorf("at %v: %s", r.now, diff)
	}
}

func (r *ringTest) files() int {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	must(r.t, err)
	return len(entries)
}

func TestKeyLife(t *testing.T) {
	r := newRingTest(t)
	k := r.open()
	first := k.List()[0]
	if first.State != issuer.KeyActive || !first.ActiveFrom.Equal(r.now) || first.Algorithm != dpop.ES256 {
		t.Errorf("the first key is %+v", first)
	}
	r.after(k, 9*24*time.Hour-time.Second, "active")
	r.after(k, time.Second, "active", "published")
	second := k.List()[1]
	if want := first.ActiveFrom.Add(10 * 24 * time.Hour); !second.ActiveFrom.Equal(want) {
		t.Errorf("the next key signs from %v, want %v", second.ActiveFrom, want)
	}
	r.after(k, 24*time.Hour-time.Second, "active", "published")
	r.after(k, time.Second, "retired", "active")
	r.after(k, 2*time.Hour-time.Second, "retired", "active")
	r.after(k, time.Second, "active")
	if k.List()[0].ID != second.ID || r.files() != 1 {
		t.Errorf("left are %v and %d files", k.List(), r.files())
	}
	info, err := os.Stat(r.dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v", info.Mode())
	}
	entries, err := os.ReadDir(r.dir)
	must(t, err)
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v", info.Mode())
	}
}

// A server that was down when a rotation was due publishes the next key before it uses it, however late.
func TestRotationAfterLongSleep(t *testing.T) {
	r := newRingTest(t)
	first := r.open().List()[0]
	r.now = r.now.Add(300 * 24 * time.Hour)
	k := r.open()
	keys := k.List()
	if len(keys) != 2 || keys[0].ID != first.ID || keys[0].State != "active" || !keys[1].ActiveFrom.Equal(r.now.Add(24*time.Hour)) {
		t.Errorf("keys %+v", keys)
	}
}

// Two replicas over one store see the same keys and make each once, also when both are due at the same moment.
func TestReplicasAgree(t *testing.T) {
	r := newRingTest(t)
	a, b := r.open(), r.open()
	r.now = r.now.Add(9 * 24 * time.Hour)
	var group sync.WaitGroup
	for _, k := range []*issuer.Keyring{a, b, a, b} {
		group.Go(func() {
			if err := k.Tick(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	must(t, a.Tick(t.Context()))
	must(t, b.Tick(t.Context()))
	if diff := cmp.Diff(a.List(), b.List()); diff != "" || len(a.List()) != 2 || r.files() != 2 {
		t.Errorf("%d files, %s", r.files(), diff)
	}
}

func TestRotateNow(t *testing.T) {
	r := newRingTest(t)
	k := r.open()
	key, err := k.Rotate(t.Context())
	must(t, err)
	if key.State != issuer.KeyPublished || !key.ActiveFrom.Equal(r.now.Add(24*time.Hour)) {
		t.Errorf("rotated to %+v", key)
	}
	again, err := k.Rotate(t.Context()) // the same key: it cannot be had earlier
	must(t, err)
	if diff := cmp.Diff(key, again); diff != "" {
		t.Error(diff)
	}
	r.after(k, 24*time.Hour, "retired", "active")
}

// A key that waits for its day is brought forward to when it has been published long enough.
func TestRotateBringsTheNextKeyForward(t *testing.T) {
	r := newRingTest(t)
	cfg := r.config()
	cfg.PublishBefore = 4 * 24 * time.Hour
	k, err := issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	r.after(k, 6*24*time.Hour, "active", "published")
	cfg.PublishBefore = 24 * time.Hour // the operator has become less patient
	k, err = issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	key, err := k.Rotate(t.Context())
	must(t, err)
	if want := r.now.Add(24 * time.Hour); !key.ActiveFrom.Equal(want) {
		t.Errorf("signs from %v, want %v", key.ActiveFrom, want)
	}
}

func TestRotateUnpublished(t *testing.T) {
	r := newRingTest(t)
	k := r.open()
	key, err := k.RotateUnpublished(t.Context())
	must(t, err)
	if key.State != issuer.KeyActive {
		t.Errorf("rotated to %+v", key)
	}
	if diff := cmp.Diff([]string{"retired", "active"}, states(k)); diff != "" {
		t.Error(diff)
	}
	r.after(k, 2*time.Hour, "active")
}

// The configuration says another algorithm: one new key of that kind, in due form.
func TestAlgorithmChange(t *testing.T) {
	r := newRingTest(t)
	k := r.open()
	r.after(k, 9*24*time.Hour, "active", "published")
	r.now = r.now.Add(12 * time.Hour)
	cfg := r.config()
	cfg.Algorithm = dpop.Ed25519
	k, err := issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	for range 5 {
		must(t, k.Tick(t.Context()))
	}
	r.after(k, 12*time.Hour, "retired", "active", "published")
	r.after(k, 12*time.Hour, "retired", "active")
	if last := k.List()[1]; last.Algorithm != dpop.Ed25519 {
		t.Errorf("the last key is %+v", last)
	}
}

// A key stays published until the last token it signed has expired, also when KeepAfter has been made shorter since.
func TestKeyOutlivesItsTokens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	v := newServer(t, setup{
		keyring: func(c *issuer.KeyringConfig) { c.Signers = issuer.KeyFiles(dir) },
		edit:    func(c *issuer.Config) { c.Tokens.Lifetime = 45 * time.Minute },
	})
	v.register("c", nil).accepted(message{})
	hasty, err := issuer.OpenKeyring(t.Context(), issuer.KeyringConfig{
		Store: v.store, Log: v.book, Signers: issuer.KeyFiles(dir), KeepAfter: time.Minute, Now: v.clock.Now,
	})
	must(t, err)
	_, err = hasty.RotateUnpublished(t.Context())
	must(t, err)
	for _, step := range []struct {
		advance time.Duration
		keys    int
	}{{30 * time.Minute, 2}, {20 * time.Minute, 1}} {
		v.clock.advance(step.advance)
		must(t, hasty.Tick(t.Context()))
		if len(hasty.List()) != step.keys {
			t.Errorf("after %v: %d keys, want %d", step.advance, len(hasty.List()), step.keys)
		}
	}
}

func TestKeyringFaults(t *testing.T) {
	r := newRingTest(t)
	for name, edit := range map[string]func(*issuer.KeyringConfig){
		"no store":                     func(c *issuer.KeyringConfig) { c.Store = nil },
		"no signers":                   func(c *issuer.KeyringConfig) { c.Signers = nil },
		"RS256":                        func(c *issuer.KeyringConfig) { c.Algorithm = "RS256" },
		"published too late":           func(c *issuer.KeyringConfig) { c.PublishBefore = time.Second },
		"rotated before it is known":   func(c *issuer.KeyringConfig) { c.RotateEvery = 25 * time.Hour },
		"removed before it is retired": func(c *issuer.KeyringConfig) { c.KeepAfter = -1 },
	} {
		cfg := r.config()
		edit(&cfg)
		if _, err := issuer.OpenKeyring(t.Context(), cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// Tokens must not outlive the time their key is kept for.
	cfg := r.config()
	cfg.KeepAfter = time.Minute
	k, err := issuer.OpenKeyring(t.Context(), cfg)
	must(t, err)
	if err := configWith(t, func(c *issuer.Config) { c.Signing = k }); err == nil {
		t.Error("a keyring that keeps keys for a minute serves tokens of five")
	}
}

// The key set: public keys only, each with what a verifier needs, to be fetched again sooner than a new key signs.
func TestJWKS(t *testing.T) {
	v := newServer(t, setup{keyring: func(c *issuer.KeyringConfig) { c.RotateEvery, c.PublishBefore = time.Hour, 2*time.Minute }})
	next, err := v.keyring.Rotate(t.Context())
	must(t, err)
	answer, body := v.get(v.url + "/jwks")
	if answer.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("Cache-Control %q", answer.Header.Get("Cache-Control"))
	}
	var raw struct{ Keys []map[string]any }
	mustJSON(t, body, &raw)
	if len(raw.Keys) != 2 || raw.Keys[1]["kid"] != next.ID {
		t.Fatalf("published %s", body)
	}
	for _, key := range raw.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "priv", "x5u"} {
			if key[private] != nil {
				t.Errorf("%s is published", private)
			}
		}
		if key["use"] != "sig" || key["alg"] != "ES256" || key["kty"] != "EC" || key["kid"] == "" {
			t.Errorf("published %v", key)
		}
	}
	var set jose.JSONWebKeySet
	mustJSON(t, body, &set)
}

func TestRunKeepsTheSchedule(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "s.db")})
		must(t, err)
		defer db.Close()
		book := newBook(t, db, nil)
		k, err := issuer.OpenKeyring(t.Context(), issuer.KeyringConfig{
			Store: db, Log: book, Signers: issuer.KeyFiles(filepath.Join(dir, "keys")), RotateEvery: time.Hour, PublishBefore: 10 * time.Minute,
		})
		must(t, err)
		checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
		must(t, err)
		i, err := issuer.New(issuer.Config{Issuer: "https://as.example.com", Store: db, Log: issuer.BindingLog{Book: book}, Signing: k, DPoP: checker})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- i.Run(ctx) }()
		time.Sleep(51 * time.Minute) // of the bubble's clock
		if diff := cmp.Diff([]string{"active", "published"}, states(k)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff([]string{"retired", "active"}, states(k)); diff != "" {
			t.Error(diff)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

package issuer_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store/bolt"
)

func (r *ringTest) nonceKeys() *issuer.NonceKeyring {
	r.t.Helper()
	n, err := issuer.NonceKeys(r.t.Context(), r.store, func() time.Time { return r.now })
	must(r.t, err)
	return n
}

func (r *ringTest) nonces(keys *issuer.NonceKeyring) *dpop.Nonces {
	r.t.Helper()
	n, err := dpop.NewNonces(dpop.NonceConfig{Keys: keys.Keys, Realm: "test", Lifetime: time.Hour, Now: func() time.Time { return r.now }})
	must(r.t, err)
	return n
}

// A nonce of one replica is good at another, and after a restart.
func TestNonceKeysAreShared(t *testing.T) {
	r := newRingTest(t)
	a, b := r.nonceKeys(), r.nonceKeys()
	if diff := cmp.Diff(a.Keys(), b.Keys()); diff != "" || len(a.Keys()) != 1 || len(a.Keys()[0]) != 32 {
		t.Fatalf("keys %v", a.Keys())
	}
	if got := r.nonces(b).Check(r.nonces(a).Mint()); got != dpop.Fresh {
		t.Errorf("the nonce of the other replica is %v", got)
	}
}

// A new key is known to every replica before the first nonce is made with it, and the old one is kept until its last nonce
// is over.
func TestNonceKeysRotate(t *testing.T) {
	r := newRingTest(t)
	a, b := r.nonceKeys(), r.nonceKeys()
	old := a.Keys()[0]
	r.now = r.now.Add(24 * time.Hour)
	must(t, a.Tick(t.Context()))
	if keys := a.Keys(); len(keys) != 2 || string(keys[0]) != string(old) {
		t.Fatalf("%d keys; the new one is used at once", len(keys))
	}
	must(t, b.Tick(t.Context()))
	r.now = r.now.Add(5 * time.Minute)
	if keys := a.Keys(); string(keys[0]) == string(old) || string(keys[1]) != string(old) {
		t.Error("the new key is not used when its time has come")
	}
	if diff := cmp.Diff(a.Keys(), b.Keys()); diff != "" {
		t.Error(diff)
	}
	last := r.nonces(b).Mint()
	r.now = r.now.Add(time.Hour)
	must(t, a.Tick(t.Context()))
	if len(a.Keys()) != 2 || r.nonces(a).Check(last) == dpop.Stale {
		t.Error("the old key is gone too early")
	}
	r.now = r.now.Add(time.Hour + time.Second)
	must(t, a.Tick(t.Context()))
	if len(a.Keys()) != 1 {
		t.Errorf("%d keys are kept", len(a.Keys()))
	}
}

func TestNonceKeysOfManyReplicasAtOnce(t *testing.T) {
	r := newRingTest(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := issuer.NonceKeys(t.Context(), r.store, func() time.Time { return r.now }); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if keys := r.nonceKeys().Keys(); len(keys) != 1 {
		t.Errorf("%d keys", len(keys))
	}
}

func TestNonceKeysNeedAStore(t *testing.T) {
	if _, err := issuer.NonceKeys(t.Context(), nil, nil); err == nil {
		t.Error("accepted")
	}
}

func TestNonceKeyringRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := bolt.Open(bolt.Config{Path: path})
		must(t, err)
		n, err := issuer.NonceKeys(t.Context(), db, nil)
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done, faults := make(chan error), make(chan error, 100)
		go func() { done <- n.Run(ctx, func(err error) { faults <- err }) }()
		time.Sleep(24*time.Hour + 2*time.Minute + time.Second)
		if len(n.Keys()) != 2 || len(faults) != 0 {
			t.Errorf("%d keys, %d faults", len(n.Keys()), len(faults))
		}
		must(t, db.Close())
		time.Sleep(time.Minute)
		if len(faults) != 1 || len(n.Keys()) != 2 {
			t.Errorf("the store is gone: %d faults, %d keys", len(faults), len(n.Keys()))
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

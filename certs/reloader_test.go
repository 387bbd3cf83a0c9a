package certs_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/certs"
)

// A renewal is a reloader on the files of a first certificate, and what it has reported.
type renewal struct {
	t        *testing.T
	ca       *certs.CA
	pair     pair
	first    *certs.Leaf
	reloader *certs.Reloader
	reports  []error
}

func newRenewal(t *testing.T) *renewal {
	t.Helper()
	r := &renewal{t: t, ca: newCA(t)}
	r.first = r.leaf()
	r.pair = savePair(t, t.TempDir(), r.first)
	reloader, err := certs.NewReloader(r.pair.cert, r.pair.key, func(err error) { r.reports = append(r.reports, err) })
	if err != nil {
		t.Fatal(err)
	}
	r.reloader = reloader
	return r
}

func (r *renewal) leaf() *certs.Leaf { return newServer(r.t, r.ca, 0, "localhost") }

// serves checks what servers and clients are given, and how many reports there have been of each kind.
func (r *renewal) serves(want *certs.Leaf, changes, faults int) {
	r.t.Helper()
	asServer, err := r.reloader.GetCertificate(nil)
	if err != nil || !asServer.Leaf.Equal(want.Certificate) {
		r.t.Errorf("it serves another certificate (%v)", err)
	}
	asClient, err := r.reloader.GetClientCertificate(nil)
	if err != nil || asClient != asServer {
		r.t.Errorf("clients get another certificate than servers (%v)", err)
	}
	if !r.reloader.NotAfter().Equal(want.Certificate.NotAfter) {
		r.t.Errorf("it expires at %s", r.reloader.NotAfter())
	}
	gotChanges, gotFaults := 0, 0
	for _, err := range r.reports {
		if err == nil {
			gotChanges++
		} else {
			gotFaults++
		}
	}
	if gotChanges != changes || gotFaults != faults {
		r.t.Errorf("reported %d changes and %d faults, want %d and %d: %v", gotChanges, gotFaults, changes, faults, r.reports)
	}
}

func TestReload(t *testing.T) {
	r := newRenewal(t)
	r.serves(r.first, 0, 0)
	if err := r.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	r.serves(r.first, 0, 0) // nothing has changed, and nothing is reported
	second := r.leaf()
	save(t, second, r.pair.cert, r.pair.key)
	r.serves(r.first, 0, 0) // not before it is asked to look
	if err := r.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	r.serves(second, 1, 0)
}

// A new chain behind the same leaf is served too.
func TestReloadOfTheChainAlone(t *testing.T) {
	r := newRenewal(t)
	r.first.Chain = []*x509.Certificate{r.ca.Certificate()}
	save(t, r.first, r.pair.cert, r.pair.key)
	if err := r.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	r.serves(r.first, 1, 0)
	if c, _ := r.reloader.GetCertificate(nil); len(c.Certificate) != 2 {
		t.Errorf("%d certificates are served", len(c.Certificate))
	}
}

// Whatever is wrong with the new files, the old certificate stays and the fault is reported; once they are good they are taken.
func TestReloadRefusesBadFiles(t *testing.T) {
	past, future := time.Now().Add(-48*time.Hour), time.Now().Add(24*time.Hour)
	signed := func(t *testing.T, now time.Time) *certs.Leaf {
		ca, err := certs.NewCA(certs.CAConfig{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return newServer(t, ca, time.Hour, "localhost")
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, r *renewal)
	}{
		{"expired", func(t *testing.T, r *renewal) { save(t, signed(t, past), r.pair.cert, r.pair.key) }},
		{"not yet valid", func(t *testing.T, r *renewal) { save(t, signed(t, future), r.pair.cert, r.pair.key) }},
		{"half written: the new key beside the old certificate", func(t *testing.T, r *renewal) {
			save(t, r.leaf(), filepath.Join(t.TempDir(), "elsewhere"), r.pair.key)
		}},
		{"half written: the new certificate beside the old key", func(t *testing.T, r *renewal) {
			save(t, r.leaf(), r.pair.cert, filepath.Join(t.TempDir(), "elsewhere"))
		}},
		{"cut off", func(t *testing.T, r *renewal) { write(t, r.pair.cert, read(t, r.pair.cert)[:100], 0o644) }},
		{"empty", func(t *testing.T, r *renewal) { write(t, r.pair.cert, nil, 0o644) }},
		{"gone", func(t *testing.T, r *renewal) {
			if err := os.Remove(r.pair.key); err != nil {
				t.Fatal(err)
			}
		}},
		{"a key that others may read", func(t *testing.T, r *renewal) {
			save(t, r.leaf(), r.pair.cert, r.pair.key)
			if err := os.Chmod(r.pair.key, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRenewal(t)
			tt.spoil(t, r)
			if err := r.reloader.Reload(); err == nil {
				t.Error("no fault")
			}
			r.serves(r.first, 0, 1)
			if _, err := certs.NewReloader(r.pair.cert, r.pair.key, nil); err == nil {
				t.Error("a reloader began with these files")
			}
			second := r.leaf()
			save(t, second, r.pair.cert, r.pair.key)
			if err := r.reloader.Reload(); err != nil {
				t.Error(err)
			}
			r.serves(second, 1, 1)
		})
	}
}

// What is served is a whole pair at every moment, also while it changes.
func TestReloadWhileServing(t *testing.T) {
	r := newRenewal(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := r.reloader.GetCertificate(nil)
			if err != nil || !c.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(c.PrivateKey.(*ecdsa.PrivateKey).Public()) {
				t.Errorf("a key without its certificate was served (%v)", err)
				return
			}
		}
	})
	var last *certs.Leaf
	for range 20 {
		last = r.leaf()
		save(t, last, r.pair.cert, r.pair.key)
		if err := r.reloader.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	r.serves(last, 20, 0)
}

// A certificate from a machine whose clock is a little ahead of ours is taken.
func TestReloadAllowsForSkew(t *testing.T) {
	r := newRenewal(t)
	ahead, err := certs.NewCA(certs.CAConfig{Now: func() time.Time { return time.Now().Add(2*certs.Skew - time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	second := newServer(t, ahead, time.Hour, "localhost")
	if !second.Certificate.NotBefore.After(time.Now()) {
		t.Fatal("it was meant to begin in the future")
	}
	save(t, second, r.pair.cert, r.pair.key)
	if err := r.reloader.Reload(); err != nil {
		t.Error(err)
	}
	r.serves(second, 1, 0)
}

// Kubernetes mounts a secret as links to ..data/, itself a link to a folder that is replaced: both files change in one step.
func TestReloadOfAKubernetesSecret(t *testing.T) {
	r := newRenewal(t)
	mount := t.TempDir()
	publish := func(name string, leaf *certs.Leaf) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(mount, name), 0o700); err != nil {
			t.Fatal(err)
		}
		savePair(t, filepath.Join(mount, name), leaf)
		next := filepath.Join(mount, "..data_tmp")
		if err := os.Symlink(name, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(mount, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	publish("..2026_11_22", r.first)
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(mount, name)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.reloader, err = certs.NewReloader(filepath.Join(mount, "tls.crt"), filepath.Join(mount, "tls.key"), func(err error) { r.reports = append(r.reports, err) })
	if err != nil {
		t.Fatal(err)
	}
	r.serves(r.first, 0, 0)
	second := r.leaf()
	publish("..2026_11_23", second)
	if err := r.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	r.serves(second, 1, 0)
}

// Run looks at the files at every interval, says a fault that lasts once, and says it again when it comes back.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRenewal(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.reloader.Run(ctx, time.Hour) }()
		pass := func(turns int) {
			time.Sleep(time.Duration(turns) * time.Hour)
			synctest.Wait()
		}
		pass(3)
		r.serves(r.first, 0, 0)

		write(t, r.pair.cert, nil, 0o644)
		pass(5)
		r.serves(r.first, 0, 1)

		second := r.leaf()
		save(t, second, r.pair.cert, r.pair.key)
		pass(5)
		r.serves(second, 1, 1)

		write(t, r.pair.cert, nil, 0o644)
		pass(5)
		r.serves(second, 1, 2)

		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// Left open, the interval is a minute: no spin, no panic.
func TestRunWithoutAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRenewal(t)
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		second := r.leaf()
		save(t, second, r.pair.cert, r.pair.key)
		if err := r.reloader.Run(ctx, 0); err != nil {
			t.Error(err)
		}
		r.serves(second, 1, 0)
	})
}

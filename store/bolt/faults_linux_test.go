package bolt_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// disks are what can go wrong below an open file, as a device that takes its place.
var disks = map[string]string{
	"the disk is full": "/dev/full", // a write fails
	"the fsync fails":  "/dev/null", // a write succeeds and goes nowhere, and so says the fsync
}

// swap puts a device in the place of an open file, and returns what puts the file back.
func swap(t *testing.T, descriptor int, device string) (restore func()) {
	t.Helper()
	dev, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	saved, err := syscall.Dup(descriptor)
	if err == nil {
		err = syscall.Dup3(int(dev.Fd()), descriptor, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(syscall.Dup3(saved, descriptor, 0), syscall.Close(saved)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreFailsClosed(t *testing.T) {
	for name, device := range disks {
		t.Run(name, func(t *testing.T) {
			c := bolt.Config{Path: filepath.Join(t.TempDir(), "db")}
			s := open(t, c)
			if _, err := s.Commit(t.Context(), insert("before")); err != nil {
				t.Fatal(err)
			}
			restore := swap(t, s.Descriptor(), device)
			if _, err := s.Commit(t.Context(), insert("lost")); !errors.Is(err, store.ErrUncertain) {
				t.Errorf("commit: %v, want uncertain", err)
			}
			restore() // the disk is well again, and still nothing may be believed
			_, commit := s.Commit(t.Context(), insert("after"))
			_, nothing := s.Commit(t.Context(), new(store.Change))
			_, get := s.Get(t.Context(), store.Key{Kind: "codes", ID: "before"})
			_, scan := s.Scan(t.Context(), store.Key{Kind: "codes"}, "", 1)
			_, sweep := s.Sweep(t.Context())
			for what, err := range map[string]error{"commit": commit, "empty commit": nothing, "get": get, "scan": scan, "sweep": sweep, "check": s.Check(t.Context())} {
				if err == nil || errors.Is(err, store.ErrNotFound) {
					t.Errorf("%s after the failure: %v", what, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, c)
			if _, err := again.Get(t.Context(), store.Key{Kind: "codes", ID: "before"}); err != nil {
				t.Errorf("what was acknowledged before: %v", err)
			}
			if receipt, err := again.Commit(t.Context(), insert("next")); err != nil || receipt.First != 1 {
				t.Errorf("the next leaf has index %d, %v; want 1: the lost one took none", receipt.First, err)
			}
			if err := again.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReplaysFailClosed(t *testing.T) {
	for name, device := range disks {
		t.Run(name, func(t *testing.T) {
			c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays")}
			r := replays(t, c)
			until := time.Now().Add(time.Minute)
			use(t, r, key(1), until, true)
			restore := swap(t, r.Descriptor(), device)
			wantError(t, r, key(2), until)
			restore()
			wantError(t, r, key(1), until) // it is known, but nothing is answered any more
			wantError(t, r, key(2), until)
			wantError(t, r, key(3), until)
			if err := r.Close(); err == nil {
				t.Error("the close says that all is well")
			}
			again := replays(t, c)
			use(t, again, key(1), until, false)
		})
	}
}

func TestFencedFailsClosed(t *testing.T) {
	for name, device := range disks {
		t.Run(name, func(t *testing.T) {
			var ahead time.Duration
			c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced, Now: func() time.Time { return time.Now().Add(ahead) }}
			if err := replays(t, c).Close(); err != nil {
				t.Fatal(err)
			}
			ahead = time.Hour // the fence of the new file is over
			r := replays(t, c)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			until := c.Now().Add(time.Minute)
			restore := swap(t, r.Descriptor(), device)
			use(t, r, key(1), until, true) // accepted, and lost
			go func() { ended <- r.Run(ctx) }()
			if err := <-ended; err == nil {
				t.Error("run ended well")
			}
			restore()
			wantError(t, r, key(1), until)
			wantError(t, r, key(2), until)
			if err := r.Close(); err == nil {
				t.Error("the close says that all is well")
			}
			again := replays(t, c)
			if _, needed := again.Fence(); !needed {
				t.Error("a proof was accepted and lost, and no fence is needed")
			}
		})
	}
}

func wantError(t *testing.T, r dpop.Replays, key [32]byte, until time.Time) {
	t.Helper()
	if first, err := r.Use(context.Background(), key, until); first || err == nil {
		t.Errorf("first %t, %v; want an error", first, err)
	}
}

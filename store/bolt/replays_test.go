package bolt_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

const window = 70 * time.Second

func replays(t testing.TB, c bolt.ReplaysConfig) *bolt.Replays {
	t.Helper()
	if c.Capacity == 0 {
		c.Capacity = 100_000
	}
	if c.Window == 0 {
		c.Window = window
	}
	r, err := bolt.OpenReplays(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// key is a replay key that n stands for.
func key(n int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// use expects an answer and no error.
func use(t testing.TB, r dpop.Replays, key [32]byte, until time.Time, want bool) {
	t.Helper()
	if first, err := r.Use(context.Background(), key, until); err != nil || first != want {
		t.Errorf("first %t, %v; want %t", first, err, want)
	}
}

// running keeps Run going until the test is over or stop is called; Run must end without error.
func running(t testing.TB, r *bolt.Replays) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// modes runs a test in both modes.
func modes(t *testing.T, test func(t *testing.T, mode bolt.Mode)) {
	t.Run("sync", func(t *testing.T) { test(t, bolt.Sync) })
	t.Run("fenced", func(t *testing.T) { test(t, bolt.Fenced) })
}

func TestAProofIsNewOnce(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: mode}
		until := time.Now().Add(time.Minute)
		for start := range 3 {
			r := replays(t, c)
			stop := running(t, r)
			for n := range 100 {
				use(t, r, key(n), until, start == 0)
				use(t, r, key(n), until, false)
				use(t, r, key(n), until.Add(-time.Second), false)
			}
			if r.Len() != 100 {
				t.Errorf("%d proofs are remembered, want 100", r.Len())
			}
			if err := r.Check(t.Context()); err != nil {
				t.Error(err)
			}
			stop()
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestTenThousandPresentationsOneAccepted(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: mode})
		running(t, r)
		handles := []dpop.Replays{r, r} // as two verifiers hold it
		until := time.Now().Add(time.Minute)
		var accepted atomic.Int32
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for n := range 10_000 {
			wg.Go(func() {
				<-gate
				if first, err := handles[n%2].Use(t.Context(), key(1), until); err != nil {
					t.Error(err)
				} else if first {
					accepted.Add(1)
				}
			})
		}
		close(gate)
		wg.Wait()
		if n := accepted.Load(); n != 1 {
			t.Errorf("accepted %d times, want exactly once", n)
		}
	})
}

func TestUseRefuses(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)
	r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Capacity: 3, Now: func() time.Time { return now }})
	use(t, r, key(1), now.Add(-2*time.Second), false) // over: it may have been forgotten
	if first, err := r.Use(t.Context(), key(2), now.Add(window+2*time.Second)); first || err == nil {
		t.Error("a proof that outlives the window was accepted")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if first, err := r.Use(ended, key(3), now.Add(window)); first || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %t, %v", first, err)
	}
	for n := range 3 {
		use(t, r, key(10+n), now.Add(window), true)
	}
	if first, err := r.Use(t.Context(), key(20), now.Add(window)); first || !errors.Is(err, dpop.ErrFull) {
		t.Errorf("more than the capacity: %t, %v", first, err)
	}
	now = now.Add(window + 2*time.Second) // everything is past: there is room again
	use(t, r, key(21), now.Add(window), true)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{21, 30} { // known or not
		if first, err := r.Use(t.Context(), key(n), now.Add(window)); first || !errors.Is(err, store.ErrClosed) {
			t.Errorf("closed: %t, %v", first, err)
		}
	}
}

func TestOpenReplaysReportsEveryFault(t *testing.T) {
	_, err := bolt.OpenReplays(bolt.ReplaysConfig{Mode: 7})
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("%v, want four faults", err)
	}
}

func TestACapacityBelowWhatIsInTheFileIsAnError(t *testing.T) {
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Capacity: 100, Window: window}
	r := replays(t, c)
	for n := range 100 {
		use(t, r, key(n), time.Now().Add(window), true)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c.Capacity = 50
	if r, err := bolt.OpenReplays(c); !errors.Is(err, dpop.ErrFull) {
		t.Errorf("%v, %v: half of the proofs would be forgotten", r, err)
	}
}

// A clock that was ahead made the memory forget; set right again, the old proof looks good once more.
func TestClockSetBack(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		for name, restart := range map[string]bool{"in one process": false, "across a restart": true} {
			t.Run(name, func(t *testing.T) {
				begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
				var ahead atomic.Int64
				c := bolt.ReplaysConfig{
					Path: filepath.Join(t.TempDir(), "replays"), Mode: mode, Capacity: 3,
					Now: func() time.Time { return begin.Add(time.Duration(ahead.Load())) },
				}
				r := replays(t, c)
				stop := running(t, r)
				reopen := func() {
					if !restart {
						return
					}
					stop()
					if err := r.Close(); err != nil {
						t.Fatal(err)
					}
					r = replays(t, c)
					stop = running(t, r)
				}
				used := begin.Add(20 * time.Second)
				use(t, r, key(1), used, true)
				reopen()
				ahead.Store(int64(time.Hour))
				for n := range 3 { // the file drops its slices, the memory its entries, while these come
					use(t, r, key(10+n), c.Now().Add(window), true)
				}
				reopen()
				ahead.Store(0)
				reopen()
				use(t, r, key(1), used, false)
				use(t, r, key(2), used, false) // nobody knows whether this one was there
			})
		}
	})
}

func TestExpiredProofsLeaveMemoryAndFile(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		synctest.Test(t, func(t *testing.T) {
			r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: mode})
			stop := running(t, r)
			for n := range 50 {
				use(t, r, key(n), time.Now().Add(time.Duration(1+n)*time.Second), true)
				time.Sleep(behindBound)
			}
			before := r.Slices()
			time.Sleep(30 * time.Second)
			if n := r.Slices(); n == 0 || n >= before {
				t.Errorf("%d slices of %d after half of the time", n, before)
			}
			time.Sleep(2 * time.Minute)
			if n, slices := r.Len(), r.Slices(); n != 0 || slices != 0 {
				t.Errorf("%d proofs in memory and %d slices in the file are left", n, slices)
			}
			stop()
		})
	})
}

// A batch is dropped with its latest proof, not with its first.
func TestABatchLivesAsLongAsItsLatestProof(t *testing.T) {
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	now := begin
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced, Now: func() time.Time { return now }}
	r := replays(t, c)
	for n, until := range []time.Duration{5, 60, 10} {
		use(t, r, key(n), begin.Add(until*time.Second), true)
	}
	for round := range 2 { // the first close writes the batch, the second drops what is past
		if err := errors.Join(r.Check(t.Context()), r.Close()); err != nil {
			t.Fatal(err)
		}
		now = begin.Add(40 * time.Second)
		r = replays(t, c)
		use(t, r, key(1), begin.Add(60*time.Second), false)
		use(t, r, key(10+round), now.Add(window), true)
	}
}

func TestBytesOfALiveProof(t *testing.T) {
	const n = 50_000
	r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced})
	running(t, r)
	for i := range n {
		use(t, r, key(i), time.Now().Add(time.Minute), true)
	}
	if each := float64(r.Bytes()) / n; each > 48 {
		t.Errorf("%.1f bytes a live proof, want at most 48", each)
	}
}

// Proofs with random keys and ends come, go and come again, while the memory is opened anew between: a map knows better.
func TestReplaysAgainstAMap(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Now: func() time.Time { return now }}
	r := replays(t, c)
	ends := map[int]time.Time{}
	for step := range 1000 {
		n := step * 7919 % 500
		until, again := ends[n]
		if again = again && !now.After(until); !again {
			until = now.Add(time.Duration(step*31%70) * time.Second)
			ends[n] = until
		}
		// The proof is known by its end too: another jti, as another iat makes another proof.
		use(t, r, sha256.Sum256(fmt.Append(nil, n, until)), until, !again)
		switch {
		case step%40 == 0:
			now = now.Add(time.Duration(step%23) * time.Second)
		case step%100 == 50:
			if err := errors.Join(r.Check(t.Context()), r.Close()); err != nil {
				t.Fatal(err)
			}
			r = replays(t, c)
		}
	}
}

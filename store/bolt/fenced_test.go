package bolt_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// behindBound is what Fenced mode promises: what was accepted so long ago is in the file.
const behindBound = 50 * time.Millisecond

func TestFencedIsAtMost50MillisecondsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced}
		r := replays(t, c)
		stop := running(t, r)
		until := time.Now().Add(time.Minute)
		for n := range 20 {
			use(t, r, key(n), until, true)
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(behindBound)
		if err := r.Abandon(); err != nil { // nothing is written from here on
			t.Fatal(err)
		}
		again := replays(t, c)
		running(t, again)
		for n := range 20 {
			use(t, again, key(n), until, false)
		}
		stop()
	})
}

func TestFencedWithoutRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced})
		until := time.Now().Add(time.Minute)
		use(t, r, key(1), until, true) // within the bound
		time.Sleep(behindBound + time.Millisecond)
		if first, err := r.Use(t.Context(), key(2), until); first || err == nil {
			t.Errorf("%t, %v: nobody writes what is accepted", first, err)
		}
		use(t, r, key(2), until, false) // it stays used
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if first, err := r.Use(ctx, key(3), until); first || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%t, %v: the caller did not want to wait", first, err)
		}
	})
}

func TestFencedWaitsForASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := 200 * time.Millisecond
		r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced, Observe: func(bolt.Batch) { time.Sleep(slow) }})
		stop := running(t, r)
		until := time.Now().Add(time.Minute)
		use(t, r, key(1), until, true)
		time.Sleep(100 * time.Millisecond) // the write of the first is still going on
		begin := time.Now()
		use(t, r, key(2), until, true)
		if waited := time.Since(begin); waited < 100*time.Millisecond {
			t.Errorf("accepted after %s, while the file was more than the bound behind", waited)
		}
		stop()
	})
}

func TestFencedAfterRunHasEnded(t *testing.T) {
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced}
	r := replays(t, c)
	stop := running(t, r)
	until := time.Now().Add(time.Minute)
	use(t, r, key(1), until, true)
	stop() // what was accepted is written now
	if first, err := r.Use(t.Context(), key(2), until); first || !errors.Is(err, store.ErrClosed) {
		t.Errorf("%t, %v", first, err)
	}
	if err := r.Abandon(); err != nil {
		t.Fatal(err)
	}
	again := replays(t, c)
	running(t, again)
	use(t, again, key(1), until, false)
}

func TestFencedCloseWritesTheRest(t *testing.T) {
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced}
	r := replays(t, c)
	until := time.Now().Add(time.Minute)
	use(t, r, key(1), until, true) // Run was never called
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := replays(t, c)
	running(t, again)
	use(t, again, key(1), until, false)
}

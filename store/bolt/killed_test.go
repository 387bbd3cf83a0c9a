package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/store/storetest"
)

// longWindow makes proofs that outlive a whole test of kills.
const longWindow = time.Hour

// overlap is how many proofs that were presented before a kill are presented again after it.
const overlap = 400

func TestReplaysKilled(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		c := bolt.ReplaysConfig{Capacity: 1_000_000, Window: longWindow, Mode: mode}
		if v := storetest.AsVictim(); v != nil {
			c.Path = v.Dir
			present(t, v, c)
			return
		}
		c.Path = filepath.Join(t.TempDir(), "replays")
		rounds := 25
		if testing.Short() {
			rounds = 3
		}
		accepted := map[int]bool{}
		for range rounds {
			for _, line := range storetest.Kill(t, c.Path, 1+rand.IntN(300)) {
				n, err := strconv.Atoi(line)
				if err != nil {
					t.Fatalf("the child says %q", line)
				}
				if accepted[n] && mode == bolt.Sync {
					t.Fatalf("proof %d was accepted twice", n)
				}
				accepted[n] = true
			}
			lookAfterKill(t, c, accepted)
		}
		t.Logf("%d kills, %d proofs accepted", rounds, len(accepted))
	})
}

// present presents proofs without end: first those that were presented last before the kill, then new ones. What is remembered
// tells how far the last run came.
func present(t *testing.T, v *storetest.Victim, c bolt.ReplaysConfig) {
	r := replays(t, c)
	running(t, r)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 16 {
		wg.Go(func() {
			for n := range next {
				if first, err := r.Use(context.Background(), key(n), end(n)); err != nil {
					panic(err)
				} else if first {
					v.Say(fmt.Sprint(n))
				}
			}
		})
	}
	for n := max(0, r.Len()-overlap); ; n++ {
		next <- n
	}
}

// end is until when the proof n is good: the same in parent and child, some slices apart.
func end(n int) time.Time {
	return time.Now().Truncate(longWindow).Add(longWindow + time.Duration(n%50)*time.Second).Add(-time.Minute)
}

// lookAfterKill opens what the child left.
func lookAfterKill(t *testing.T, c bolt.ReplaysConfig, accepted map[int]bool) {
	t.Helper()
	r := replays(t, c)
	stop := running(t, r)
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, needed := r.Fence(); c.Mode == bolt.Fenced && !needed {
		t.Fatal("killed in fenced mode, and no fence is needed")
	}
	if c.Mode == bolt.Sync {
		for n := range accepted {
			use(t, r, key(n), end(n), false)
		}
	}
	stop()
	if err := r.Abandon(); err != nil { // not a clean close: the next child finds the file as the last one left it
		t.Fatal(err)
	}
}

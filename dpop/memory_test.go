package dpop_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

func newMemory(t testing.TB, capacity int, now func() time.Time) *dpop.Memory {
	t.Helper()
	m, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: capacity, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// replayKey is the nth of many keys.
func replayKey(n int) (key [32]byte) {
	binary.BigEndian.PutUint64(key[:], uint64(n))
	binary.BigEndian.PutUint64(key[8:], uint64(n)*0x9e3779b97f4a7c15)
	return key
}

// use fails on an error.
func use(t testing.TB, m *dpop.Memory, key [32]byte, until time.Time) bool {
	t.Helper()
	first, err := m.Use(t.Context(), key, until)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// A memoryModel is what a Memory should be: a map that forgets nothing.
type memoryModel struct {
	t        *testing.T
	clock    handClock
	memory   *dpop.Memory
	capacity int
	latest   time.Time              // that the clock showed
	live     map[[32]byte]time.Time // accepted, by the time until which they count
	accepted map[string]bool        // key and until together: one proof
}

func (m *memoryModel) use(key [32]byte, until time.Time) {
	now := m.clock.t
	first, err := m.memory.Use(m.t.Context(), key, until)
	proof := fmt.Sprint(key, until)
	remembered := !m.live[key].Before(m.latest) // what expired once may be gone, though the clock stepped back
	switch {
	case errors.Is(err, dpop.ErrFull):
		if n := m.countLive(); first || n < m.capacity {
			m.t.Fatalf("full with %d of %d live entries", n, m.capacity)
		}
	case err != nil:
		m.t.Fatal(err)
	case first && m.accepted[proof]:
		m.t.Fatalf("the same proof was first twice, now %s, until %s", now, until)
	case first && remembered:
		m.t.Fatalf("first although the key counts until %s and it is %s", m.live[key], now)
	case first:
		m.accepted[proof] = true
		m.live[key] = until
	case m.live[key].Before(now) && until.After(m.memory.Forgotten()) && !until.Before(now):
		m.t.Fatalf("a new proof until %s was not first, now %s, mark %s", until, now, m.memory.Forgotten())
	}
}

func (m *memoryModel) countLive() (n int) {
	for _, until := range m.live {
		if !until.Before(m.clock.t) {
			n++
		}
	}
	return n
}

// Random use against the model, by a clock that mostly goes forward.
func TestMemoryAgainstAMap(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		capacity := 1 + r.IntN(300)
		m := &memoryModel{t: t, clock: handClock{someTime}, latest: someTime, capacity: capacity, live: map[[32]byte]time.Time{}, accepted: map[string]bool{}}
		m.memory = newMemory(t, capacity, func() time.Time { return m.clock.t })
		for range 5000 {
			switch n := r.IntN(100); {
			case n < 10:
				m.clock.advance(time.Duration(r.IntN(20)) * time.Second)
				if m.clock.t.After(m.latest) {
					m.latest = m.clock.t
				}
			case n == 10:
				m.clock.advance(-time.Duration(r.IntN(120)) * time.Second)
			case n == 11:
				m.memory.Sweep()
			case n == 12:
				m.memory.Reserve(r.IntN(capacity) + 1)
			default:
				m.use(replayKey(r.IntN(400)), m.clock.t.Add(time.Duration(r.IntN(90)-5)*time.Second))
			}
			if n := m.memory.Len(); n > capacity {
				t.Fatalf("%d entries in a memory for %d", n, capacity)
			}
		}
		if len(m.accepted) < 100 && capacity > 100 {
			t.Fatalf("seed %d accepted %d only: the test tests nothing", seed, len(m.accepted))
		}
	}
}

func TestMemoryRemembersUntilTheLastInstant(t *testing.T) {
	clock := &handClock{someTime}
	m := newMemory(t, 100, clock.now)
	until := someTime.Add(60*time.Second + 500*time.Millisecond)
	if !use(t, m, replayKey(1), until) {
		t.Fatal("a new key was not first")
	}
	for _, at := range []time.Time{someTime, until.Add(-time.Nanosecond), until} {
		if clock.t = at; use(t, m, replayKey(1), until) {
			t.Errorf("forgotten at %s", at)
		}
	}
	clock.t = until.Add(2 * time.Second)
	if use(t, m, replayKey(1), until) || use(t, m, replayKey(2), until) {
		t.Error("what is good no more was first")
	}
	if !use(t, m, replayKey(1), until.Add(time.Minute)) { // RFC 9449 §11.1: a jti may come again after the window
		t.Error("the jti of an expired proof was refused in a new one")
	}
}

func TestMemoryIsFullOfLiveEntriesOnly(t *testing.T) {
	const capacity = 1000
	clock := &handClock{someTime}
	m := newMemory(t, capacity, clock.now)
	for i := range capacity {
		if !use(t, m, replayKey(i), someTime.Add(time.Minute)) {
			t.Fatalf("key %d was not first", i)
		}
	}
	for range 3 {
		if first, err := m.Use(t.Context(), replayKey(capacity), someTime.Add(time.Minute)); first || !errors.Is(err, dpop.ErrFull) {
			t.Fatalf("one too many: %v, %v", first, err)
		}
	}
	for i := range capacity { // none was given up for it, and a full memory still recognises what it holds
		if use(t, m, replayKey(i), someTime.Add(time.Minute)) {
			t.Fatalf("key %d was evicted", i)
		}
	}
	clock.advance(61 * time.Second)
	for i := range capacity {
		if !use(t, m, replayKey(i), clock.t.Add(time.Minute)) {
			t.Fatalf("key %d was not taken after the others had expired", i)
		}
	}
}

// A clock that steps back must not bring a proof back whose entry was dropped.
func TestMemoryMarkAgainstAClockThatStepsBack(t *testing.T) {
	clock := &handClock{someTime}
	m := newMemory(t, 100, clock.now)
	until := someTime.Add(time.Minute)
	use(t, m, replayKey(1), until)
	if !m.Forgotten().IsZero() {
		t.Fatalf("mark %s in a memory that forgot nothing", m.Forgotten())
	}
	clock.advance(time.Hour)
	if n := m.Sweep(); n != 1 || m.Len() != 0 {
		t.Fatalf("swept %d, %d left", n, m.Len())
	}
	if !m.Forgotten().Equal(until) {
		t.Errorf("mark %s, want %s", m.Forgotten(), until)
	}
	clock.t = someTime
	if use(t, m, replayKey(1), until) {
		t.Error("the clock stepped back and the old proof was first again")
	}
	if use(t, m, replayKey(2), until) {
		t.Error("a proof that may have been forgotten was first")
	}
	if !use(t, m, replayKey(3), until.Add(time.Second)) {
		t.Error("a proof beyond the mark was refused")
	}
}

func TestMemoryMarkWhenAPlaceIsTakenOver(t *testing.T) {
	clock := &handClock{someTime}
	m := newMemory(t, 1, clock.now) // one place only
	until := someTime.Add(time.Minute)
	use(t, m, replayKey(1), until)
	clock.advance(2 * time.Minute)
	if !use(t, m, replayKey(2), clock.t.Add(time.Minute)) {
		t.Fatal("the place of an expired entry was not given away")
	}
	if !m.Forgotten().Equal(until) {
		t.Errorf("mark %s, want %s", m.Forgotten(), until)
	}
}

// The clock of one caller shows the last second of a proof, that of the next caller a second more. Between the former's look at
// the mark and the insertion, the latter drops the entry of the same proof.
func TestMemoryForgetsWhileACallerWaits(t *testing.T) {
	m := newMemory(t, 100, fixed(someTime))
	key := replayKey(1)
	use(t, m, key, someTime)
	table := m.HoldTable(key)
	again := make(chan bool)
	go func() {
		first, err := m.Use(context.Background(), key, someTime)
		again <- first || err != nil
	}()
	for !waitsInInsert() {
		runtime.Gosched()
	}
	if n := table.Forget(someTime.Add(time.Second)); n != 1 {
		t.Errorf("%d entries were dropped", n)
	}
	table.Release()
	if <-again {
		t.Error("the same proof was first twice")
	}
}

// waitsInInsert reports whether a goroutine waits for the lock of a table.
func waitsInInsert() bool {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "[sync.Mutex.Lock") && strings.Contains(stack, "dpop.(*Memory).insert(") {
			return true
		}
	}
	return false
}

func TestMemoryUntilOutOfRange(t *testing.T) {
	m := newMemory(t, 10, fixed(someTime))
	for _, until := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<32, 0), time.Unix(-5, 0)} {
		if first, err := m.Use(t.Context(), replayKey(1), until); first || err == nil {
			t.Errorf("until %s: %v, %v", until, first, err)
		}
	}
	if err := m.SetForgotten(time.Unix(1<<40, 0)); err == nil {
		t.Error("a mark beyond the range was taken")
	}
	if _, err := dpop.NewMemory(dpop.MemoryConfig{}); err == nil {
		t.Error("a memory for nothing was made")
	}
}

// One proof presented by many at once is first exactly once, whatever else goes on in the memory.
func TestMemoryConcurrentUse(t *testing.T) {
	const callers, keys = 16, 3000
	m := newMemory(t, keys, fixed(someTime))
	firsts := make([]atomic.Int32, keys)
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range keys {
				n := (i*7 + caller*13) % keys
				first, err := m.Use(context.Background(), replayKey(n), someTime.Add(time.Minute))
				if err != nil {
					t.Error(err)
					return
				}
				if first {
					firsts[n].Add(1)
				}
				if i%1000 == 0 {
					m.Sweep()
					m.Bytes()
				}
			}
		})
	}
	group.Wait()
	for n := range firsts {
		if got := firsts[n].Load(); got != 1 {
			t.Errorf("key %d was first %d times", n, got)
		}
	}
}

// The promise of 48 bytes: at every size on the way up, in a steady state, and again after a burst.
func TestMemoryBytes(t *testing.T) {
	const window, rate = 100, 500 // seconds, proofs a second
	clock := &handClock{someTime}
	m := newMemory(t, 400_000, clock.now)
	used := 0
	second := func(n int) {
		for range n {
			use(t, m, replayKey(used), clock.t.Add(window*time.Second))
			used++
		}
	}
	check := func(live int) {
		t.Helper()
		if each := float64(m.Bytes()) / float64(live); each > 48 {
			t.Fatalf("%.1f bytes each with %d live entries", each, live)
		}
	}
	for i := 1; i < 5*window; i++ {
		second(rate)
		if live := rate * min(i, window+1); live >= 10_000 {
			check(live)
		}
		clock.advance(time.Second)
	}
	second(100_000)
	check(100_000 + rate*window)
	for range 8 * window {
		clock.advance(time.Second)
		second(rate)
	}
	check(rate * (window + 1))
	clock.advance(time.Hour)
	if n := m.Len(); m.Sweep() != n || m.Bytes() > 100_000 {
		t.Errorf("%d bytes after everything expired", m.Bytes())
	}
}

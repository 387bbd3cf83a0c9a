package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// An Engine is an open store, with what the suite needs besides the interface.
type Engine struct {
	store.Store
	Close func() error
	Check func(context.Context) error        // nil: what is stored is consistent
	Sweep func(context.Context) (int, error) // drops what has expired and says how much
}

// Open opens an engine whose data lies in dir, new or from an earlier Open of the same dir, with the given clock.
type Open func(t testing.TB, dir string, now func() time.Time) Engine

// Run runs the whole suite but for [Killed].
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *bench){
		"twin":                     testTwin,
		"conflict":                 testConflictNamesTheKey,
		"all or nothing":           testAllOrNothing,
		"versions":                 testVersions,
		"malformed":                testMalformedChanges,
		"expiry":                   testExpiry,
		"expired insert":           testExpiredInsert,
		"clock set back":           testClockSetBack,
		"sweep":                    testSweep,
		"scan":                     testScan,
		"cancelled":                testCancelled,
		"bodies are copies":        testBodiesAreCopies,
		"closed":                   testClosed,
		"collection":               testCollection,
		"leaves are dense":         testLeavesAreDense,
		"leaves are append-only":   testLeavesAreAppendOnly,
		"leaves are pruned":        testPrune,
		"beside leaves":            testAside,
		"named by a leaf":          testNamedByLeaf,
		"double spend":             testDoubleSpend,
		"lost update":              testLostUpdate,
		"leaves under concurrency": testLeavesUnderConcurrency,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{open: open, dir: t.TempDir(), clock: &clock{now: start}}
			b.reopen(t)
			t.Cleanup(func() { b.finish(t) })
			test(t, b)
		})
	}
}

// start is when all tests begin: not on a round second, and in a year that millisecond and nanosecond counts can hold.
var start = time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)

// A bench is a store on its directory, with a clock that only the test moves.
type bench struct {
	Engine
	open  Open
	dir   string
	clock *clock
}

// reopen closes the store, if it is open, and opens it again.
func (b *bench) reopen(t testing.TB) {
	t.Helper()
	if b.Engine.Close != nil {
		if err := b.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	b.Engine = b.open(t, b.dir, b.clock.Now)
}

// finish looks at the store as a whole at the end of every test.
func (b *bench) finish(t testing.TB) {
	if err := b.Check(context.Background()); err != nil { // the test's own context is over
		t.Errorf("check at the end: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// must commits what cannot fail.
func (b *bench) must(t testing.TB, c *store.Change) store.Receipt {
	t.Helper()
	receipt, err := b.Commit(t.Context(), c)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	return receipt
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// move sets the clock on, or back.
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

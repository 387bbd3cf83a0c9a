package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/store"
)

// seedVariable names the environment variable that repeats a failed run.
const seedVariable = "STORETEST_SEED"

const modelSteps = 600

// A twin is what a store should hold, in a map.
type twin struct {
	*bench
	random  *rand.Rand
	records map[store.Key]store.Record
	version uint64 // the highest that was given
	leaves  uint64 // how many were appended
	oldest  uint64 // the first that was not pruned
}

func testTwin(t *testing.T, b *bench) {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = s
	}
	t.Logf("%s=%d", seedVariable, seed)
	m := &twin{bench: b, random: rand.New(rand.NewPCG(seed, 0)), records: map[store.Key]store.Record{}}
	for range modelSteps {
		m.step(t)
		if t.Failed() {
			return
		}
	}
	m.compare(t)
}

// step does one thing at random.
func (m *twin) step(t *testing.T) {
	switch n := m.random.IntN(100); {
	case n < 80:
		m.commit(t)
	case n < 88:
		m.clock.move(time.Duration(m.random.Int64N(int64(40 * time.Second))))
	case n < 91:
		if _, err := m.Sweep(t.Context()); err != nil {
			t.Errorf("sweep: %v", err)
		}
	case n < 94:
		m.reopen(t)
		m.compare(t)
	default:
		m.compare(t)
	}
}

// commit tries a change made at random and expects what the twin says.
func (m *twin) commit(t *testing.T) {
	c := m.change()
	faults := m.faults(c)
	receipt, err := m.Commit(t.Context(), c)
	var conflict *store.Conflict
	switch {
	case len(faults) > 0 && !errors.As(err, &conflict):
		t.Errorf("commit of %+v: %v, want a conflict at one of %v", c, err, faults)
	case len(faults) > 0:
		if !slices.Contains(faults, conflict.Key) {
			t.Errorf("conflict at %v, want one of %v", conflict.Key, faults)
		}
	case err != nil:
		t.Errorf("commit of %+v: %v", c, err)
	default:
		m.apply(t, c, receipt)
	}
}

// change names each key at most once. Most of what it does is possible, some is not.
func (m *twin) change() *store.Change {
	c := new(store.Change)
	for _, n := range m.random.Perm(24)[:1+m.random.IntN(4)] {
		key := store.Key{Kind: store.Kind([]string{"codes", "grants"}[n%2]), ID: strings.Repeat("k", 1+n/6) + fmt.Sprint(n)}
		r := store.Record{Key: key, Version: m.records[key].Version, Body: fmt.Append(nil, m.random.Uint64())}
		if m.random.IntN(3) > 0 {
			r.Expires = m.clock.Now().Add(time.Duration(m.random.Int64N(int64(2 * time.Minute))))
		}
		if m.random.IntN(12) == 0 {
			r.Version += m.random.Uint64N(3) - 1
		}
		_, live := m.live(key)
		switch n := m.random.IntN(12); {
		case n == 0 || !live && n < 11:
			c.Inserts = append(c.Inserts, r)
		case n < 7:
			c.Replaces = append(c.Replaces, r)
		default:
			c.Deletes = append(c.Deletes, r)
		}
	}
	for range m.random.IntN(3) {
		c.Leaves = append(c.Leaves, store.Leaf{Body: fmt.Append(nil, m.random.Uint64()), Aside: bytes.Repeat([]byte("aside"), m.random.IntN(3))})
	}
	m.touchLeaves(c)
	return c
}

// touchLeaves has a Change prune leaves, or replace what is beside one, or neither.
func (m *twin) touchLeaves(c *store.Change) {
	if m.random.IntN(4) > 0 {
		return
	}
	index := m.oldest + m.random.Uint64N(m.leaves-m.oldest+2)
	if m.random.IntN(4) == 0 {
		c.Prune = index
		return
	}
	key := store.Key{Kind: store.Leaves, ID: store.LeafID(index)}
	c.Replaces = append(c.Replaces, store.Record{Key: key, Version: m.records[key].Version, Aside: bytes.Repeat([]byte("other"), m.random.IntN(3))})
}

func (m *twin) live(k store.Key) (store.Record, bool) {
	r, ok := m.records[k]
	return r, ok && !r.ExpiredAt(m.clock.Now())
}

// faults are the keys whose preconditions do not hold.
func (m *twin) faults(c *store.Change) []store.Key {
	var keys []store.Key
	for _, r := range c.Inserts {
		if _, live := m.live(r.Key); live || r.ExpiredAt(m.clock.Now()) {
			keys = append(keys, r.Key)
		}
	}
	if c.Prune > 0 && (c.Prune <= m.oldest || c.Prune > m.leaves) {
		keys = append(keys, store.Key{Kind: store.Leaves, ID: store.LeafID(c.Prune - 1)})
	}
	for _, r := range slices.Concat(c.Replaces, c.Deletes) {
		if old, live := m.live(r.Key); !live || old.Version != r.Version {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

func (m *twin) apply(t *testing.T, c *store.Change, receipt store.Receipt) {
	if receipt.Version <= m.version {
		t.Errorf("the change has version %d after %d", receipt.Version, m.version)
	}
	if len(c.Leaves) > 0 && receipt.First != m.leaves {
		t.Errorf("the first leaf has index %d, want %d", receipt.First, m.leaves)
	}
	m.version = receipt.Version
	writes := slices.Concat(c.Inserts, c.Replaces)
	for _, leaf := range c.Leaves {
		writes = append(writes, store.Record{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(m.leaves)}, Body: leaf.Body, Aside: leaf.Aside})
		m.leaves++
	}
	for _, r := range writes {
		if r.Key.Kind == store.Leaves && r.Body == nil {
			r.Body = m.records[r.Key].Body
		}
		if len(r.Aside) == 0 {
			r.Aside = nil
		}
		r.Version, r.Expires = receipt.Version, roundUp(r.Expires)
		m.records[r.Key] = r
	}
	for _, r := range c.Deletes {
		delete(m.records, r.Key)
	}
	for ; m.oldest < c.Prune; m.oldest++ {
		delete(m.records, store.Key{Kind: store.Leaves, ID: store.LeafID(m.oldest)})
	}
}

// compare reads the whole store and looks at it from both sides.
func (m *twin) compare(t *testing.T) {
	t.Helper()
	got := map[store.Key]store.Record{}
	for _, kind := range []store.Kind{"codes", "grants", store.Leaves} {
		records, err := m.Scan(t.Context(), store.Key{Kind: kind}, "", 10*modelSteps)
		if err != nil {
			t.Errorf("scan: %v", err)
		}
		for _, r := range records {
			got[r.Key] = r
		}
	}
	want := maps.Clone(m.records)
	maps.DeleteFunc(want, func(k store.Key, _ store.Record) bool { _, live := m.live(k); return !live })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the store is not what it should be (-want +got):\n%s", diff)
	}
	for k := range m.records {
		r, err := m.Get(t.Context(), k)
		if w, live := want[k]; live && (err != nil || !cmp.Equal(w, r)) || !live && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get %v: %+v, %v; want %+v (there: %t)", k, r, err, w, live)
		}
	}
}

// roundUp is what engines keep of an expiry.
func roundUp(t time.Time) time.Time {
	if r := t.Truncate(time.Millisecond); r.Before(t) {
		return r.Add(time.Millisecond)
	}
	return t
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/store"
)

func code(id string) store.Record {
	return store.Record{Key: store.Key{Kind: "codes", ID: id}, Body: []byte("body of " + id)}
}

func insert(ids ...string) *store.Change {
	c := new(store.Change)
	for _, id := range ids {
		c.Inserts = append(c.Inserts, code(id))
	}
	return c
}

// wantConflict expects a conflict at the key of r.
func wantConflict(t testing.TB, err error, r store.Record) {
	t.Helper()
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || conflict.Key != r.Key {
		t.Errorf("error %v, want a conflict at %v", err, r.Key)
	}
}

func testConflictNamesTheKey(t *testing.T, b *bench) {
	version := b.must(t, insert("there")).Version
	there, gone := code("there"), code("gone")
	old := there
	there.Version, old.Version = version, version-1
	for name, c := range map[string]struct {
		change *store.Change
		at     store.Record
	}{
		"insert of what exists":       {&store.Change{Inserts: []store.Record{code("new"), there}}, there},
		"replace of what is not":      {&store.Change{Replaces: []store.Record{there, gone}}, gone},
		"replace of another version":  {&store.Change{Replaces: []store.Record{old}}, there},
		"delete of what is not":       {&store.Change{Deletes: []store.Record{gone}}, gone},
		"delete of another version":   {&store.Change{Deletes: []store.Record{old}}, there},
		"the last one of many things": {&store.Change{Inserts: []store.Record{code("a"), code("b")}, Leaves: []store.Leaf{{}}, Deletes: []store.Record{old}}, there},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Commit(t.Context(), c.change)
			wantConflict(t, err, c.at)
		})
	}
}

func testAllOrNothing(t *testing.T, b *bench) {
	b.must(t, insert("taken"))
	c := insert("free", "taken")
	c.Leaves = []store.Leaf{{Body: []byte("a leaf")}}
	_, err := b.Commit(t.Context(), c)
	wantConflict(t, err, code("taken"))
	if _, err := b.Get(t.Context(), code("free").Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half of a refused change was applied: %v", err)
	}
	c = insert("free")
	c.Leaves = []store.Leaf{{Body: []byte("a leaf")}}
	if first := b.must(t, c).First; first != 0 {
		t.Errorf("a refused change took %d leaf indices", first)
	}
}

func testVersions(t *testing.T, b *bench) {
	first := b.must(t, insert("a")).Version
	r := code("a")
	r.Version = first
	b.must(t, &store.Change{Deletes: []store.Record{r}})
	b.reopen(t)
	if again := b.must(t, insert("a")).Version; again <= first {
		t.Errorf("version %d after a delete, want more than %d", again, first)
	}
	_, err := b.Commit(t.Context(), &store.Change{Replaces: []store.Record{r}}) // based on the record before the delete
	wantConflict(t, err, r)
}

func testMalformedChanges(t *testing.T, b *bench) {
	for name, c := range map[string]*store.Change{
		"a key twice":             insert("a", "a"),
		"a key in two lists":      {Inserts: []store.Record{code("a")}, Deletes: []store.Record{code("a")}},
		"no id":                   insert(""),
		"an id too long":          insert(strings.Repeat("a", store.MaxID+1)),
		"a kind with a slash":     {Inserts: []store.Record{{Key: store.Key{Kind: "a/b", ID: "a"}}}},
		"no kind":                 {Inserts: []store.Record{{Key: store.Key{ID: "a"}}}},
		"a body too long":         {Inserts: []store.Record{{Key: code("a").Key, Body: make([]byte, store.MaxBody+1)}}},
		"a leaf too long":         {Leaves: []store.Leaf{{Body: make([]byte, store.MaxBody+1)}}},
		"too much beside a leaf":  {Leaves: []store.Leaf{{Aside: make([]byte, store.MaxBody+1)}}},
		"something beside a code": {Inserts: []store.Record{{Key: code("a").Key, Aside: []byte("a")}}},
		"a leaf deleted":          {Deletes: []store.Record{{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(0)}}}},
		"a leaf that expires":     {Replaces: []store.Record{{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(0)}, Expires: start.Add(time.Hour)}}},
		"a key twice among many":  insert("a", "b", "c", "d", "e", "f", "g", "h", "i", "a"),
		"a leaf inserted":         {Inserts: []store.Record{{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(0)}}}},
		"two named by one leaf":   {Inserts: []store.Record{code(""), code("")}, Leaves: []store.Leaf{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Commit(t.Context(), c)
			var conflict *store.Conflict
			if err == nil || errors.As(err, &conflict) || errors.Is(err, store.ErrUncertain) {
				t.Errorf("error %v, want one that is neither a conflict nor uncertain", err)
			}
		})
	}
	longest := insert(strings.Repeat("a", store.MaxID))
	longest.Inserts[0].Body = make([]byte, store.MaxBody)
	b.must(t, longest)
	if _, err := b.Commit(t.Context(), new(store.Change)); err != nil {
		t.Errorf("an empty change: %v", err)
	}
}

func testExpiry(t *testing.T, b *bench) {
	c := insert("brief", "lasting")
	c.Inserts[0].Expires = start.Add(time.Second)
	version := b.must(t, c).Version
	brief := code("brief")
	brief.Version = version

	b.clock.move(time.Second - time.Nanosecond)
	if _, err := b.Get(t.Context(), brief.Key); err != nil {
		t.Fatalf("a nanosecond before its end: %v", err)
	}
	b.clock.move(time.Millisecond) // expiries are rounded up to the millisecond
	if _, err := b.Get(t.Context(), brief.Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get after its end: %v", err)
	}
	if records, err := b.Scan(t.Context(), store.Key{Kind: "codes"}, "", 9); err != nil || len(records) != 1 || records[0].Key.ID != "lasting" {
		t.Errorf("scan: %v, %v", records, err)
	}
	_, err := b.Commit(t.Context(), &store.Change{Replaces: []store.Record{brief}})
	wantConflict(t, err, brief)
	_, err = b.Commit(t.Context(), &store.Change{Deletes: []store.Record{brief}})
	wantConflict(t, err, brief)
	b.must(t, insert("brief")) // an expired one does not count
}

func testExpiredInsert(t *testing.T, b *bench) {
	c := insert("late")
	c.Inserts[0].Expires = start // now
	_, err := b.Commit(t.Context(), c)
	wantConflict(t, err, code("late"))
}

func testClockSetBack(t *testing.T, b *bench) {
	c := insert("spent")
	c.Inserts[0].Expires = start.Add(time.Minute)
	b.must(t, c)
	b.clock.move(time.Hour)
	if n, err := b.Sweep(t.Context()); err != nil || n != 1 {
		t.Fatalf("sweep: %d, %v", n, err)
	}
	b.clock.move(-time.Hour)
	b.reopen(t)
	again := insert("spent")
	again.Inserts[0].Expires = start.Add(time.Minute)
	_, err := b.Commit(t.Context(), again)
	wantConflict(t, err, code("spent"))
	later := insert("new")
	later.Inserts[0].Expires = start.Add(2 * time.Hour)
	b.must(t, later)
}

func testSweep(t *testing.T, b *bench) {
	const n = 10_000 // more than one transaction of any engine
	for i := 0; i < n; i += 1000 {
		c := new(store.Change)
		for j := range 1000 {
			r := code(fmt.Sprint(i + j))
			r.Expires = start.Add(time.Duration(1+i+j) * 10 * time.Millisecond) // over a hundred seconds
			c.Inserts = append(c.Inserts, r)
		}
		b.must(t, c)
	}
	b.must(t, insert("lasting"))
	if swept, err := b.Sweep(t.Context()); err != nil || swept != 0 {
		t.Errorf("before its time: %d, %v", swept, err)
	}
	b.clock.move(90 * time.Second)
	some, err := b.Sweep(t.Context())
	if err != nil || some == 0 || some > n*9/10 {
		t.Errorf("after 90 of 100 seconds: %d, %v", some, err)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
	b.clock.move(time.Hour)
	if rest, err := b.Sweep(t.Context()); err != nil || some+rest != n {
		t.Errorf("%d and %d were swept of %d, %v", some, rest, n, err)
	}
	if _, err := b.Get(t.Context(), code("lasting").Key); err != nil {
		t.Errorf("what does not expire: %v", err)
	}
}

func testScan(t *testing.T, b *bench) {
	b.must(t, insert("a", "ab", "ab\x00", "ab\xff", "abc", "b", "aa"))
	b.must(t, &store.Change{Inserts: []store.Record{{Key: store.Key{Kind: "grants", ID: "ab"}}}})
	for name, c := range map[string]struct {
		prefix, after string
		n             int
		want          []string
	}{
		"all in the order of their bytes": {"", "", 9, []string{"a", "aa", "ab", "ab\x00", "abc", "ab\xff", "b"}},
		"a prefix, itself among them":     {"ab", "", 9, []string{"ab", "ab\x00", "abc", "ab\xff"}},
		"the first page":                  {"ab", "", 2, []string{"ab", "ab\x00"}},
		"the second page":                 {"ab", "ab\x00", 2, []string{"abc", "ab\xff"}},
		"after the last":                  {"ab", "ab\xff", 2, nil},
		"after what is not there":         {"", "aaa", 2, []string{"ab", "ab\x00"}},
		"after what comes before":         {"ab", "a", 1, []string{"ab"}},
		"a prefix of nothing":             {"zz", "", 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			records, err := b.Scan(t.Context(), store.Key{Kind: "codes", ID: c.prefix}, c.after, c.n)
			var got []string
			for _, r := range records {
				got = append(got, r.Key.ID)
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
	if records, err := b.Scan(t.Context(), store.Key{Kind: "unheard-of"}, "", 9); err != nil || len(records) != 0 {
		t.Errorf("a kind without records: %v, %v", records, err)
	}
	if _, err := b.Scan(t.Context(), store.Key{Kind: "codes"}, "", 0); err == nil {
		t.Error("a scan for no records was answered")
	}
}

func testCancelled(t *testing.T, b *bench) {
	b.must(t, insert("there"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Commit(ctx, insert("never")); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUncertain) {
		t.Errorf("commit: %v, want a certain no", err)
	}
	if _, err := b.Get(ctx, code("there").Key); !errors.Is(err, context.Canceled) {
		t.Errorf("get: %v", err)
	}
	if _, err := b.Scan(ctx, store.Key{Kind: "codes"}, "", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("scan: %v", err)
	}
	if _, err := b.Get(t.Context(), code("never").Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the cancelled commit was done: %v", err)
	}
}

package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tenon-auth/tenon/store"
)

// append commits n leaves at once and expects their first index.
func (b *bench) append(t testing.TB, n int, first uint64) {
	t.Helper()
	c := new(store.Change)
	for i := range uint64(n) {
		c.Leaves = append(c.Leaves, store.Leaf{Body: fmt.Appendf(nil, "leaf %d", first+i), Aside: fmt.Appendf(nil, "beside %d", first+i)})
	}
	if got := b.must(t, c).First; got != first {
		t.Errorf("the first index is %d, want %d", got, first)
	}
}

func testLeavesAreDense(t *testing.T, b *bench) {
	b.append(t, 3, 0)
	b.append(t, 1, 3)
	b.reopen(t)
	b.append(t, 2, 4)
	leaves, err := b.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 99)
	if err != nil || len(leaves) != 6 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	for i, leaf := range leaves {
		if index, err := store.ParseLeafID(leaf.Key.ID); err != nil || index != uint64(i) || string(leaf.Body) != fmt.Sprint("leaf ", i) || string(leaf.Aside) != fmt.Sprint("beside ", i) {
			t.Errorf("leaf %d: %v %q %q, %v", i, leaf.Key, leaf.Body, leaf.Aside, err)
		}
	}
	b.must(t, &store.Change{Prune: 6}) // an index is not used again, also when no leaf is left
	b.append(t, 1, 6)
	b.must(t, &store.Change{Prune: 7})
	b.reopen(t)
	b.append(t, 1, 7)
}

// What was pruned cannot be read any more, wherever it lay among what was committed with it.
func testPrune(t *testing.T, b *bench) {
	for first := uint64(0); first < 30; first += 3 {
		b.append(t, 3, first)
	}
	wantFirst := func(want uint64) {
		t.Helper()
		leaves, err := b.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 99)
		if err != nil || len(leaves) != 30-int(want) || leaves[0].Key.ID != store.LeafID(want) {
			t.Fatalf("%d leaves are left, %v; want those from %d to 29", len(leaves), err, want)
		}
		if _, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(want - 1)}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("leaf %d was pruned: %v", want-1, err)
		}
		if r, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(want)}); err != nil || string(r.Body) != fmt.Sprint("leaf ", want) {
			t.Errorf("leaf %d: %q, %v", want, r.Body, err)
		}
	}
	b.must(t, &store.Change{Prune: 1})
	wantFirst(1)
	b.must(t, &store.Change{Prune: 3})
	wantFirst(3)
	b.must(t, &store.Change{Prune: 17})
	b.reopen(t)
	wantFirst(17)
	for _, index := range []uint64{3, 17, 31, 1 << 60} { // pruned before, or not there yet
		_, err := b.Commit(t.Context(), &store.Change{Prune: index, Inserts: insert("a").Inserts})
		wantConflict(t, err, store.Record{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(index - 1)}})
	}
	some, err := b.Scan(t.Context(), store.Key{Kind: store.Leaves}, store.LeafID(20), 4)
	if err != nil || len(some) != 4 || some[0].Key.ID != store.LeafID(21) || some[3].Key.ID != store.LeafID(24) {
		t.Errorf("four leaves after 20: %v, %v", some, err)
	}
	if some, err = b.Scan(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(29)[:15]}, "", 99); err != nil || len(some) != 13 || some[0].Key.ID != store.LeafID(17) {
		t.Errorf("leaves by a prefix: %d, %v", len(some), err)
	}
	if some, err = b.Scan(t.Context(), store.Key{Kind: store.Leaves}, "g", 99); err != nil || len(some) != 0 {
		t.Errorf("leaves after all ids: %d, %v", len(some), err)
	}
	if _, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: "17"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an id that is no leaf's: %v", err)
	}
}

// What is beside a leaf can be replaced or removed. Its neighbours stay as they are.
func testAside(t *testing.T, b *bench) {
	b.append(t, 5, 0)
	leaf := func(i uint64) store.Record {
		t.Helper()
		r, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(i)})
		if err != nil || string(r.Body) != fmt.Sprint("leaf ", i) {
			t.Fatalf("leaf %d: %q, %v", i, r.Body, err)
		}
		return r
	}
	longer, none := leaf(1), leaf(3)
	longer.Body, longer.Aside = nil, []byte("something longer than it was")
	none.Body, none.Aside = nil, nil
	version := b.must(t, &store.Change{Replaces: []store.Record{longer, none}, Leaves: []store.Leaf{{Body: []byte("leaf 5")}}}).Version
	for i, want := range []string{"beside 0", "something longer than it was", "beside 2", "", "beside 4", ""} {
		if r := leaf(uint64(i)); string(r.Aside) != want || (r.Version == version) != (i == 1 || i == 3 || i == 5) {
			t.Errorf("beside leaf %d is %q, version %d", i, r.Aside, r.Version)
		}
	}
	_, err := b.Commit(t.Context(), &store.Change{Replaces: []store.Record{longer}}) // based on an old reading
	wantConflict(t, err, longer)
	b.must(t, &store.Change{Prune: 1})
	gone := store.Record{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(0)}, Version: 1}
	_, err = b.Commit(t.Context(), &store.Change{Replaces: []store.Record{gone}})
	wantConflict(t, err, gone)
}

func testLeavesAreAppendOnly(t *testing.T, b *bench) {
	b.append(t, 1, 0)
	leaf, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(0)})
	if err != nil {
		t.Fatal(err)
	}
	leaf.Body = []byte("another story")
	if _, err := b.Commit(t.Context(), &store.Change{Replaces: []store.Record{leaf}}); err == nil {
		t.Error("a leaf was replaced")
	}
	if leaf, err := b.Get(t.Context(), leaf.Key); err != nil || string(leaf.Body) != "leaf 0" {
		t.Errorf("%q, %v", leaf.Body, err)
	}
}

func testNamedByLeaf(t *testing.T, b *bench) {
	b.append(t, 5, 0)
	c := insert("", "other")
	c.Inserts = append(c.Inserts, store.Record{Key: store.Key{Kind: "grants"}})
	c.Leaves = []store.Leaf{{Body: []byte("first")}, {Body: []byte("second")}}
	receipt := b.must(t, c)
	for _, kind := range []store.Kind{"codes", "grants"} {
		if r, err := b.Get(t.Context(), store.Key{Kind: kind, ID: store.LeafID(receipt.First)}); err != nil || r.Version != receipt.Version {
			t.Errorf("%s: %+v, %v", kind, r, err)
		}
	}
	if c.Inserts[0].Key.ID != "" {
		t.Error("the caller's change was altered")
	}
	clash := insert("", store.LeafID(7))
	clash.Leaves = []store.Leaf{{}}
	_, err := b.Commit(t.Context(), clash)
	wantConflict(t, err, code(store.LeafID(7)))
}

package storetest

import (
	"fmt"
	"testing"

	"github.com/tenon-auth/tenon/store"
)

// append commits n leaves at once and expects their first index.
func (b *bench) append(t testing.TB, n int, first uint64) {
	t.Helper()
	c := new(store.Change)
	for i := range uint64(n) {
		c.Leaves = append(c.Leaves, fmt.Appendf(nil, "leaf %d", first+i))
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
		if index, err := store.ParseLeafID(leaf.Key.ID); err != nil || index != uint64(i) || string(leaf.Body) != fmt.Sprint("leaf ", i) {
			t.Errorf("leaf %d: %v %q, %v", i, leaf.Key, leaf.Body, err)
		}
	}
	b.must(t, &store.Change{Deletes: leaves}) // an index is not used again, also when no leaf is left
	b.append(t, 1, 6)
	last, err := b.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 99)
	if err != nil || len(last) != 1 {
		t.Fatalf("%d leaves, %v", len(last), err)
	}
	b.must(t, &store.Change{Deletes: last})
	b.reopen(t)
	b.append(t, 1, 7)
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
	c.Leaves = [][]byte{[]byte("first"), []byte("second")}
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
	clash.Leaves = [][]byte{nil}
	_, err := b.Commit(t.Context(), clash)
	wantConflict(t, err, code(store.LeafID(7)))
}

package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/store"
)

func testBodiesAreCopies(t *testing.T, b *bench) {
	c := insert("a")
	for i := range 100 { // enough that an engine does not keep all of it in a corner by itself
		filler := code(fmt.Sprint("filler ", i))
		filler.Body = make([]byte, 1000)
		c.Inserts = append(c.Inserts, filler)
	}
	b.must(t, c)
	c.Inserts[0].Body[0] = 'X'
	for range 2 {
		r, err := b.Get(t.Context(), code("a").Key)
		if err != nil || string(r.Body) != "body of a" {
			t.Fatalf("get: %q, %v", r.Body, err)
		}
		r.Body[0] = 'X' // must neither fault nor reach the store
		records, err := b.Scan(t.Context(), store.Key{Kind: "codes"}, "", 1)
		if err != nil || string(records[0].Body) != "body of a" {
			t.Fatalf("scan: %v, %v", records, err)
		}
		records[0].Body[0] = 'X'
	}
}

func testClosed(t *testing.T, b *bench) {
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, commit := b.Commit(t.Context(), insert("a"))
	_, get := b.Get(t.Context(), code("a").Key)
	_, scan := b.Scan(t.Context(), store.Key{Kind: "codes"}, "", 1)
	for what, err := range map[string]error{"commit": commit, "get": get, "scan": scan} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Errorf("a second close: %v", err)
	}
	b.Engine = b.open(t, b.dir, b.clock.Now)
	if _, err := b.Get(t.Context(), code("a").Key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("committed after the close: %v", err)
	}
}

type person struct {
	Name string `json:"name"`
}

func testCollection(t *testing.T, b *bench) {
	people := store.Collection[person]{Kind: "people"}
	c := new(store.Change)
	for i := range 600 { // more than two pages
		if err := people.Insert(c, fmt.Sprintf("%04d", i), person{fmt.Sprint("person ", i)}, start.Add(1e9)); err != nil {
			t.Fatal(err)
		}
	}
	b.must(t, c)
	n := 0
	for item, err := range people.All(t.Context(), b, "0") {
		if err != nil || item.ID != fmt.Sprintf("%04d", n) || item.Value.Name != fmt.Sprint("person ", n) {
			t.Fatalf("item %d is %+v, %v", n, item, err)
		}
		n++
	}
	if n != 600 {
		t.Errorf("%d items of 600", n)
	}
	item, err := people.Get(t.Context(), b, "0007")
	if err != nil {
		t.Fatal(err)
	}
	item.Value.Name = "somebody else"
	c = new(store.Change)
	if err := people.Replace(c, item); err != nil {
		t.Fatal(err)
	}
	item.Version = b.must(t, c).Version
	item.Expires = roundUp(item.Expires)
	if got, err := people.Get(t.Context(), b, "0007"); err != nil || !cmp.Equal(got, item) {
		t.Errorf("%+v, %v, want %+v", got, err, item)
	}
	c = new(store.Change)
	people.Delete(c, item)
	b.must(t, c)
	if _, err := people.Get(t.Context(), b, "0007"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the delete: %v", err)
	}
}

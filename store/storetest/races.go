package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenon-auth/tenon/store"
)

const callers = 64

// together runs f in many goroutines that start as one.
func together(f func(caller int)) {
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range callers {
		wg.Go(func() {
			<-gate
			f(i)
		})
	}
	close(gate)
	wg.Wait()
}

func testDoubleSpend(t *testing.T, b *bench) {
	for round := range 20 {
		id := fmt.Sprint("jti ", round)
		var winners atomic.Int32
		together(func(caller int) {
			c := insert(id, fmt.Sprintf("%s of %d", id, caller))
			c.Leaves = []store.Leaf{{Body: []byte(id)}}
			_, err := b.Commit(t.Context(), c)
			if err == nil {
				winners.Add(1)
				return
			}
			wantConflict(t, err, code(id))
		})
		if n := winners.Load(); n != 1 {
			t.Errorf("%d callers spent %s, want exactly one", n, id)
		}
	}
	records, err := b.Scan(t.Context(), store.Key{Kind: "codes"}, "", 999)
	if err != nil || len(records) != 2*20 {
		t.Errorf("%d records, %v: only what the winners wrote may be there", len(records), err)
	}
	b.append(t, 1, 20)
}

func testLostUpdate(t *testing.T, b *bench) {
	r := code("counter")
	r.Body = []byte("0")
	b.must(t, &store.Change{Inserts: []store.Record{r}})
	const each = 5
	together(func(int) {
		for done := 0; done < each && !t.Failed(); {
			r, err := b.Get(t.Context(), r.Key)
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			n, err := strconv.Atoi(string(r.Body))
			if err != nil {
				t.Errorf("body: %v", err)
				return
			}
			r.Body = strconv.AppendInt(nil, int64(n+1), 10)
			_, err = b.Commit(t.Context(), &store.Change{Replaces: []store.Record{r}})
			var conflict *store.Conflict
			switch {
			case err == nil:
				done++
			case !errors.As(err, &conflict):
				t.Errorf("commit: %v", err)
				return
			}
		}
	})
	if r, err := b.Get(t.Context(), r.Key); err != nil || string(r.Body) != strconv.Itoa(callers*each) {
		t.Errorf("the counter is %s, %v; want %d", r.Body, err, callers*each)
	}
}

func testLeavesUnderConcurrency(t *testing.T, b *bench) {
	var mu sync.Mutex
	var indices []uint64
	together(func(caller int) {
		for i := range 5 {
			body := fmt.Appendf(nil, "%d.%d", caller, i)
			receipt, err := b.Commit(t.Context(), &store.Change{Leaves: []store.Leaf{{Body: body}, {Body: body, Aside: body}}})
			if err != nil {
				t.Errorf("commit: %v", err)
				return
			}
			leaf, err := b.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(receipt.First + 1)})
			if err != nil || string(leaf.Body) != string(body) || string(leaf.Aside) != string(body) {
				t.Errorf("leaf %d is %q, %v; want %q", receipt.First+1, leaf.Body, err, body)
			}
			mu.Lock()
			indices = append(indices, receipt.First, receipt.First+1)
			mu.Unlock()
		}
	})
	slices.Sort(indices)
	for i, index := range indices {
		if index != uint64(i) {
			t.Fatalf("index %d of %d is %d: not dense", i, len(indices), index)
		}
	}
}

package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// Killed kills a child process in the middle of load, again and again on the same data. Afterwards everything the child was told
// to be committed is there, nothing is there by half, and no leaf index was given twice.
func Killed(t *testing.T, open Open, rounds int) {
	if v := AsVictim(); v != nil {
		load(t, v, open)
		return
	}
	dir := t.TempDir()
	acknowledged := map[uint64]string{} // leaf index -> id of the record of the same Change
	for range rounds {
		for _, line := range Kill(t, dir, 1+rand.IntN(150)) {
			index, id, _ := strings.Cut(line, " ")
			i, err := strconv.ParseUint(index, 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", line)
			}
			if other, taken := acknowledged[i]; taken {
				t.Fatalf("leaf %d was acknowledged twice, for %s and %s", i, other, id)
			}
			acknowledged[i] = id
		}
		s := open(t, dir, time.Now)
		lookAfterKill(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d changes acknowledged", rounds, len(acknowledged))
}

// load commits without end, in many goroutines: a record and a leaf that names it.
func load(t *testing.T, v *Victim, open Open) {
	s := open(t, v.Dir, time.Now)
	run := rand.Uint64()
	var wg sync.WaitGroup
	for caller := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%016x.%d.%d", run, caller, i)
				c := insert(id)
				c.Leaves = []store.Leaf{{Body: []byte(id), Aside: []byte(strconv.Itoa(i))}}
				if i%2 == 1 {
					c.Inserts[0].Expires = time.Now().Add(time.Hour) // so that the expiry index has work too
				}
				receipt, err := s.Commit(context.Background(), c)
				if err != nil {
					panic(err)
				}
				v.Say(fmt.Sprintf("%d %s", receipt.First, id))
			}
		})
	}
	wg.Wait()
}

// lookAfterKill reads everything: each leaf has its record and each record its leaf.
func lookAfterKill(t *testing.T, s Engine, acknowledged map[uint64]string) {
	t.Helper()
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("check: %v", err)
	}
	const all = 1 << 30
	leaves, err := s.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", all)
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Scan(t.Context(), store.Key{Kind: "codes"}, "", all)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, r := range records {
		there[r.Key.ID] = string(r.Body) == string(code(r.Key.ID).Body)
	}
	for i, leaf := range leaves {
		if leaf.Key.ID != store.LeafID(uint64(i)) {
			t.Fatalf("leaf %d is called %s: not dense", i, leaf.Key.ID)
		}
		if !there[string(leaf.Body)] {
			t.Errorf("leaf %d is there without its record", i)
		}
	}
	if len(leaves) != len(records) {
		t.Errorf("%d leaves and %d records", len(leaves), len(records))
	}
	for i, id := range acknowledged {
		if i >= uint64(len(leaves)) || string(leaves[i].Body) != id {
			t.Errorf("the acknowledged leaf %d of %s is lost", i, id)
		}
	}
}

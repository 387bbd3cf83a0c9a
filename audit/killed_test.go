package audit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/storetest"
)

// A process that writes entries and publishes them as fast as it can is killed, again and again on the same data. Afterwards
// every acknowledged deed has its entry, at the index that was told; no index was given twice; and nothing that was published
// has changed.
func TestKilled(t *testing.T) {
	if v := storetest.AsVictim(); v != nil {
		writeWithoutEnd(t, v)
		return
	}
	rounds := 20
	if testing.Short() {
		rounds = 3
	}
	if os.Getenv("TENON_LONG") != "" {
		rounds = 200
	}
	k := kills{dir: t.TempDir(), told: map[uint64]string{}}
	for range rounds {
		lines := storetest.Kill(t, k.dir, 1+rand.IntN(150))
		k.hear(t, lines)
		k.look(t)
	}
	t.Logf("%d kills, %d entries acknowledged, %d published", rounds, len(k.told), k.size)
}

// writeWithoutEnd is the victim.
func writeWithoutEnd(t *testing.T, v *storetest.Victim) {
	d := openDesk(t, v.Dir, func(_ *audit.BookConfig, p *audit.PublisherConfig) { p.Interval = time.Microsecond })
	ctx := context.Background()
	run := rand.Uint64()
	var wg sync.WaitGroup
	wg.Go(func() { panic(d.publisher.Run(ctx)) })
	for caller := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%016x.%d.%d", run, caller, i)
				ch := store.Change{Inserts: []store.Record{{Key: store.Key{Kind: "codes", ID: id}}}}
				e := issued(digestOf(string(rune('A' + i%7))))
				e.Client = id
				if err := d.book.Add(ctx, &ch, e); err != nil {
					panic(err)
				}
				receipt, err := d.store.Commit(ctx, &ch)
				if err != nil {
					panic(err)
				}
				if i%8 == 7 { // some want their receipt at once
					if _, err := d.publisher.Receipt(ctx, receipt.First); err != nil {
						panic(err)
					}
				}
				v.Say(fmt.Sprintf("%d %s", receipt.First, id))
			}
		})
	}
	wg.Wait()
}

// kills is what is known after some kills.
type kills struct {
	dir       string
	told      map[uint64]string // what the victims said: index -> id
	published map[string]string // the files after the last kill, and after what was made up for then
	size      int
}

func (k *kills) hear(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		index, id, _ := strings.Cut(line, " ")
		i, err := strconv.ParseUint(index, 10, 64)
		if err != nil {
			t.Fatalf("the victim says %q", line)
		}
		if other, taken := k.told[i]; taken {
			t.Fatalf("index %d was given twice, for %s and %s", i, other, id)
		}
		k.told[i] = id
	}
}

// look reads the log as the victim left it, and then as it is after it has been opened again.
func (k *kills) look(t *testing.T) {
	t.Helper()
	log := filepath.Join(k.dir, "log")
	key := keyOf(t, k.dir)
	left := files(t, log)
	unchanged(t, k.published, left)
	if _, err := os.Stat(filepath.Join(log, "checkpoint")); err == nil {
		verify(t, log, key)
	}
	d := openDesk(t, k.dir, nil)
	defer d.close()
	d.publish(t)
	k.published = files(t, log)
	unchanged(t, left, k.published)
	entries := verify(t, log, key)
	k.size = len(entries)
	indices := map[string]uint64{}
	for i, entry := range entries {
		leaf, err := audit.ParseLeaf(entry)
		if err != nil {
			t.Fatal(err)
		}
		if leaf.Type != audit.TokenIssued {
			continue
		}
		if _, twice := indices[leaf.Token.Client]; twice {
			t.Errorf("%s is logged twice", leaf.Token.Client)
		}
		indices[leaf.Token.Client] = uint64(i)
	}
	for i, id := range k.told {
		if at, logged := indices[id]; !logged || at != i {
			t.Errorf("%s was told the index %d and is at %d, logged: %t", id, i, at, logged)
		}
	}
	k.records(t, d, indices)
}

// records holds the deeds against the entries: they were committed together.
func (k *kills) records(t *testing.T, d *desk, indices map[string]uint64) {
	t.Helper()
	records, err := d.store.Scan(t.Context(), store.Key{Kind: "codes"}, "", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if _, logged := indices[r.Key.ID]; !logged {
			t.Errorf("%s happened and is not in the log", r.Key.ID)
		}
	}
	if len(records) != len(indices) {
		t.Errorf("%d deeds have %d entries", len(records), len(indices))
	}
	opened := 0
	for n := int64(0); n*audit.TileWidth < int64(k.size); n++ {
		for _, o := range d.openings(t, n) {
			if o.Proof != "" {
				opened++
			}
		}
	}
	if opened != len(indices) {
		t.Errorf("%d entries have %d openings", len(indices), opened)
	}
}

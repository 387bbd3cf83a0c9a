package browser_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// A drawer is a store in memory: these tests open hundreds. It counts what is asked of it, and can be shut.
type drawer struct {
	now     func() time.Time
	mu      sync.Mutex
	records map[store.Key]store.Record // guarded by mu
	version uint64                     // guarded by mu
	writes  int                        // guarded by mu
	reads   int                        // guarded by mu
	shut    bool                       // guarded by mu
}

var _ store.Store = (*drawer)(nil)

var errShut = errors.New("the disk is on fire")

// open counts, and tells whether there is an answer. The caller holds mu.
func (d *drawer) open(counter *int) error {
	*counter++
	if d.shut {
		return errShut
	}
	return nil
}

func (d *drawer) Get(_ context.Context, k store.Key) (store.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(&d.reads); err != nil {
		return store.Record{}, err
	}
	r, ok := d.live(k)
	if !ok {
		return store.Record{}, store.ErrNotFound
	}
	return r, nil
}

// live finds a record that has not expired. The caller holds mu.
func (d *drawer) live(k store.Key) (store.Record, bool) {
	r, ok := d.records[k]
	return r, ok && (r.Expires.IsZero() || d.now().Before(r.Expires))
}

func (d *drawer) Scan(_ context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(&d.reads); err != nil {
		return nil, err
	}
	var found []store.Record
	for _, k := range slices.SortedFunc(maps.Keys(d.records), func(a, b store.Key) int { return strings.Compare(a.ID, b.ID) }) {
		if r, ok := d.live(k); ok && k.Kind == prefix.Kind && strings.HasPrefix(k.ID, prefix.ID) && k.ID > after && len(found) < n {
			found = append(found, r)
		}
	}
	return found, nil
}

func (d *drawer) Commit(_ context.Context, c *store.Change) (store.Receipt, error) {
	if err := c.Validate(); err != nil {
		return store.Receipt{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(&d.writes); err != nil {
		return store.Receipt{}, err
	}
	for _, r := range c.Inserts {
		if _, ok := d.live(r.Key); ok {
			return store.Receipt{}, &store.Conflict{Key: r.Key}
		}
	}
	for _, r := range slices.Concat(c.Replaces, c.Deletes) {
		if have, ok := d.live(r.Key); !ok || have.Version != r.Version {
			return store.Receipt{}, &store.Conflict{Key: r.Key}
		}
	}
	d.version++
	for _, r := range slices.Concat(c.Inserts, c.Replaces) {
		r.Version = d.version
		d.records[r.Key] = r
	}
	for _, r := range c.Deletes {
		delete(d.records, r.Key)
	}
	return store.Receipt{Version: d.version}, nil
}

// shutIt makes the store answer nothing but an error, or answer again.
func (d *drawer) shutIt(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = shut
}

// state is what the store holds, and how often it was written to and read.
func (d *drawer) state() (records, writes, reads int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.records), d.writes, d.reads
}

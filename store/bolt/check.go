package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
)

// mostFaults bounds what a check of a badly damaged file reports.
const mostFaults = 20

// Check reads the whole file and reports what is wrong with it: the pages (bbolt's own check), records whose form or version
// cannot be, leaves that are missing, records that no expiry slice lists, entries of slices that have no record. Work goes on meanwhile.
func (s *Store) Check(ctx context.Context) error {
	return s.file.view(func(tx *bbolt.Tx) error {
		a := audit{ctx: ctx, shelf: shelf{tx}}
		if err := checkPages(tx); err != nil {
			return err // the rest would walk through broken pages
		}
		var err error
		if a.count, err = a.shelf.counters(); err != nil {
			return err
		}
		a.records()
		a.leaves()
		a.slices()
		if a.listed != a.expiring {
			a.fault("%d records expire, %d are listed in slices", a.expiring, a.listed)
		}
		return errors.Join(append(a.faults, ctx.Err())...)
	})
}

// checkPages runs bbolt's check. Its channel is always emptied: its goroutine ends only then.
func checkPages(tx *bbolt.Tx) error {
	var faults []error
	for err := range tx.Check() {
		if len(faults) < mostFaults {
			faults = append(faults, fmt.Errorf("store/bolt: %w", err))
		}
	}
	return errors.Join(faults...)
}

// An audit gathers what Check finds.
type audit struct {
	ctx              context.Context
	shelf            shelf
	count            counters
	expiring, listed int
	faults           []error
}

func (a *audit) fault(format string, args ...any) {
	if len(a.faults) < mostFaults {
		a.faults = append(a.faults, fmt.Errorf("store/bolt: "+format, args...))
	}
}

func (a *audit) records() {
	err := a.shelf.tx.Bucket(recordsBucket).ForEachBucket(func(kind []byte) error {
		for r, err := range a.shelf.from(store.Key{Kind: store.Kind(kind)}, "") {
			if err := errors.Join(err, a.ctx.Err()); err != nil {
				return err
			}
			a.record(r)
		}
		return nil
	})
	if err != nil {
		a.fault("%w", err)
	}
}

func (a *audit) record(r store.Record) {
	if err := r.Key.Validate(); err != nil {
		a.fault("%w", err)
	}
	if r.Version == 0 || r.Version > a.count.version {
		a.fault("%v has version %d of %d", r.Key, r.Version, a.count.version)
	}
	if r.Expires.IsZero() {
		return
	}
	a.expiring++
	slice := a.shelf.tx.Bucket(expiryBucket).Bucket(sliceName(milliseconds(r.Expires)))
	if slice == nil || slice.Get(listing(r.Key, r.Version)) == nil {
		a.fault("%v expires at %v and is not listed in that slice", r.Key, r.Expires)
	}
}

// leaves follow one another without a gap, from the batch that has the oldest to the newest.
func (a *audit) leaves() {
	next, any := a.count.oldest, false
	for first, batch := range a.shelf.batches(0) {
		if first != next && any || first > next || len(batch) == 0 {
			a.fault("a batch of leaves begins with %d, want %d", first, next)
		}
		for next, any = first, true; len(batch) > 0; next++ {
			r, rest, err := cutLeaf(batch)
			if err = errors.Join(err, a.ctx.Err()); err != nil {
				a.fault("leaf %d: %w", next, err)
				return
			}
			batch, r.Key.ID = rest, store.LeafID(next)
			a.record(r)
		}
		if next <= a.count.oldest {
			a.fault("all leaves of the batch of leaf %d are pruned, and it is there", first)
		}
	}
	if next != a.count.leaf {
		a.fault("the last leaf is before %d, want %d", next, a.count.leaf)
	}
}

func (a *audit) slices() {
	slices := a.shelf.tx.Bucket(expiryBucket)
	err := slices.ForEachBucket(func(name []byte) error {
		return slices.Bucket(name).ForEach(func(entry, _ []byte) error {
			a.listed++
			k, err := readListing(entry)
			if err != nil {
				return err
			}
			if r, err := a.shelf.get(k); err != nil || !bytes.Equal(sliceName(milliseconds(r.Expires)), name) {
				a.fault("%v is listed in a slice it does not belong to", k)
			}
			return a.ctx.Err()
		})
	})
	if err != nil {
		a.fault("%w", err)
	}
}

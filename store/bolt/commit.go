package bolt

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
)

// work is one Change in a batch and what became of it.
type work struct {
	change  *store.Change
	receipt store.Receipt
	refused *store.Conflict
}

// Commit applies the Change together with those of other callers who wait. A caller whose ctx ends while its Change is being
// written gets store.ErrUncertain and the Change goes on; one whose Change still waited knows that nothing was done.
func (s *Store) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	if err := c.Validate(); err != nil {
		return store.Receipt{}, err
	}
	if c.Empty() {
		return store.Receipt{}, errors.Join(ctx.Err(), s.file.fault())
	}
	w := &work{change: c}
	if err := s.group.do(ctx, w); err != nil {
		return store.Receipt{}, err
	}
	if w.refused != nil {
		return store.Receipt{}, w.refused
	}
	return w.receipt, nil
}

// errNothing rolls back a batch that was refused as a whole: it costs no fsync.
var errNothing = errors.New("store/bolt: nothing to commit")

// commitBatch writes one batch in one transaction: one fsync for all of them. It runs in the leader's goroutine.
func (s *Store) commitBatch(batch []*work) error {
	start := time.Now()
	b := Batch{Changes: len(batch)}
	err := s.file.update(func(tx *bbolt.Tx) error {
		j := judge{shelf: shelf{tx}, now: s.now(), leaves: leafWriter{buffer: s.buffer[:0]}}
		var err error
		if j.counters, err = j.shelf.counters(); err != nil {
			return err
		}
		for _, w := range batch {
			if w.receipt, err = j.apply(w.change); errors.As(err, &w.refused) {
				b.Conflicts++
			} else if err != nil {
				return err
			}
		}
		if b.Conflicts == len(batch) {
			return errNothing
		}
		s.buffer = j.leaves.buffer
		return errors.Join(j.leaves.flush(j.shelf), j.shelf.putCounters(j.counters))
	})
	if cap(s.buffer) > mostBatch {
		s.buffer = nil
	}
	if errors.Is(err, errNothing) {
		err = nil
	}
	b.Duration, b.Err = time.Since(start), err
	s.observe(b)
	return err
}

// A judge applies the Changes of one batch in their order, each against what the earlier ones left.
type judge struct {
	shelf shelf
	counters
	leaves leafWriter
	now    time.Time
}

// A write is a record to write, or to delete, and what was there before it, zero when there was nothing.
type write struct{ record, old store.Record }

// apply judges a Change and, when all of its preconditions hold, writes it. A *store.Conflict means that nothing was written;
// any other error leaves the transaction unfit to be committed.
func (j *judge) apply(c *store.Change) (store.Receipt, error) {
	if err := j.leavesAhead(c); err != nil {
		return store.Receipt{}, err
	}
	writes, err := j.inserts(c)
	if err != nil {
		return store.Receipt{}, err
	}
	replaces, err := j.current(c.Replaces)
	if err != nil {
		return store.Receipt{}, err
	}
	deletes, err := j.current(c.Deletes)
	if err != nil {
		return store.Receipt{}, err
	}
	j.version++
	receipt := store.Receipt{First: j.leaf, Version: j.version}
	for _, w := range append(writes, replaces...) {
		w.record.Version = j.version
		if err := j.shelf.put(w.record, w.old); err != nil {
			return store.Receipt{}, err
		}
	}
	for _, w := range deletes {
		if err := j.shelf.remove(w.old); err != nil {
			return store.Receipt{}, err
		}
	}
	return receipt, j.log(c)
}

// leavesAhead judges what a Change does with leaves of earlier ones, and makes sure that those are in the file.
func (j *judge) leavesAhead(c *store.Change) error {
	if c.Prune > 0 && (c.Prune <= j.oldest || c.Prune > j.leaf) {
		return &store.Conflict{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(c.Prune - 1)}}
	}
	if c.Prune > 0 || slices.ContainsFunc(c.Replaces, func(r store.Record) bool { return r.Key.Kind == store.Leaves }) {
		return j.leaves.flush(j.shelf)
	}
	return nil
}

// log removes and appends leaves.
func (j *judge) log(c *store.Change) error {
	if c.Prune > 0 {
		j.oldest = c.Prune
		if err := j.shelf.prune(c.Prune, j.leaf); err != nil {
			return err
		}
	}
	for _, leaf := range c.Leaves {
		if err := j.leaves.append(j.shelf, j.leaf, j.version, leaf); err != nil {
			return err
		}
		j.leaf++
	}
	return nil
}

// inserts returns the records to insert, each with its name, when none of them is there. One that has expired, or that expires
// so early that a sweep may have forgotten it, is a conflict: nobody can say that it was not there before.
func (j *judge) inserts(c *store.Change) ([]write, error) {
	writes := make([]write, 0, len(c.Inserts)+len(c.Replaces))
	for _, r := range c.Inserts {
		if r.Key.ID == "" {
			r.Key.ID = store.LeafID(j.leaf)
			if names(c, r.Key) {
				return nil, &store.Conflict{Key: r.Key}
			}
		}
		old, err := j.shelf.get(r.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		there := err == nil && !old.ExpiredAt(j.now)
		if there || r.ExpiredAt(j.now) || !r.Expires.IsZero() && milliseconds(r.Expires) <= j.forgotten {
			return nil, &store.Conflict{Key: r.Key}
		}
		writes = append(writes, write{r, old})
	}
	return writes, nil
}

// current returns the records with what is there now, when each is there in the version that its writer has read.
func (j *judge) current(records []store.Record) ([]write, error) {
	writes := make([]write, 0, len(records))
	for _, r := range records {
		old, err := j.shelf.live(r.Key, j.now)
		if errors.Is(err, store.ErrNotFound) || err == nil && old.Version != r.Version {
			return nil, &store.Conflict{Key: r.Key}
		} else if err != nil {
			return nil, err
		}
		writes = append(writes, write{r, old})
	}
	return writes, nil
}

// names reports whether a Change has a record with this key.
func names(c *store.Change, k store.Key) bool {
	is := func(r store.Record) bool { return r.Key == k }
	return slices.ContainsFunc(c.Inserts, is) || slices.ContainsFunc(c.Replaces, is) || slices.ContainsFunc(c.Deletes, is)
}

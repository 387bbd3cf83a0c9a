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
		j := judge{shelf: shelf{tx}, now: s.now()}
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
		return j.shelf.putCounters(j.counters)
	})
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
	now time.Time
}

// apply judges a Change and, when all of its preconditions hold, writes it. A *store.Conflict means that nothing was written;
// any other error leaves the transaction unfit to be committed.
func (j *judge) apply(c *store.Change) (store.Receipt, error) {
	inserts, err := j.inserts(c)
	if err != nil {
		return store.Receipt{}, err
	}
	for _, r := range slices.Concat(c.Replaces, c.Deletes) {
		old, err := j.shelf.live(r.Key, j.now)
		if errors.Is(err, store.ErrNotFound) || err == nil && old.Version != r.Version {
			return store.Receipt{}, &store.Conflict{Key: r.Key}
		} else if err != nil {
			return store.Receipt{}, err
		}
	}
	j.version++
	receipt := store.Receipt{First: j.leaf, Version: j.version}
	writes := slices.Concat(inserts, c.Replaces)
	for _, leaf := range c.Leaves {
		key := store.Key{Kind: store.Leaves, ID: store.LeafID(j.leaf)}
		writes = append(writes, store.Record{Key: key, Body: leaf})
		j.leaf++
	}
	for _, r := range writes {
		r.Version = j.version
		if err := j.shelf.put(r); err != nil {
			return store.Receipt{}, err
		}
	}
	for _, r := range c.Deletes {
		if err := j.shelf.remove(r.Key); err != nil {
			return store.Receipt{}, err
		}
	}
	return receipt, nil
}

// inserts returns the records to insert, each with its name, when none of them is there. One that has expired, or that expires
// so early that a sweep may have forgotten it, is a conflict: nobody can say that it was not there before.
func (j *judge) inserts(c *store.Change) ([]store.Record, error) {
	named := slices.Clone(c.Inserts)
	for i := range named {
		r := &named[i]
		if r.Key.ID == "" {
			r.Key.ID = store.LeafID(j.leaf)
			if names(c, r.Key) {
				return nil, &store.Conflict{Key: r.Key}
			}
		}
		_, err := j.shelf.live(r.Key, j.now)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil || r.ExpiredAt(j.now) || !r.Expires.IsZero() && milliseconds(r.Expires) <= j.forgotten {
			return nil, &store.Conflict{Key: r.Key}
		}
	}
	return named, nil
}

// names reports whether a Change has a record with this key.
func names(c *store.Change, k store.Key) bool {
	return slices.ContainsFunc(slices.Concat(c.Inserts, c.Replaces, c.Deletes), func(r store.Record) bool { return r.Key == k })
}

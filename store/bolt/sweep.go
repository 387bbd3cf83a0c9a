package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// sweepAtOnce bounds how many records one transaction of a sweep drops, so that Commits wait for it a moment only.
const sweepAtOnce = 4096

// Run sweeps once a minute until ctx ends. An error means that the file is out of service.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(sliceLength * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Sweep frees the space of the slices of time that are wholly past and returns how many records they held. What it drops was
// invisible already. It notes how far it went in the same transaction, so that a clock set back brings nothing to life again.
func (s *Store) Sweep(ctx context.Context) (n int, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		dropped := 0
		err := s.file.update(func(tx *bbolt.Tx) error {
			var err error
			if dropped, err = sweepSome(shelf{tx}, s.now().UnixMilli()); err == nil && dropped == 0 {
				return errNothing
			}
			return err
		})
		if errors.Is(err, errNothing) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n += dropped
	}
}

// sweepSome drops records of the oldest slice, if it is past. Records are dropped in the order of their keys, which is the
// order they lie in.
func sweepSome(s shelf, now int64) (int, error) {
	slices := s.tx.Bucket(expiryBucket)
	name, _ := slices.Cursor().First()
	if name == nil || sliceEnd(name) >= now {
		return 0, nil
	}
	name = bytes.Clone(name)
	slice := slices.Bucket(name)
	var entries [][]byte
	c := slice.Cursor()
	for entry, _ := c.First(); entry != nil && len(entries) < sweepAtOnce; entry, _ = c.Next() {
		entries = append(entries, bytes.Clone(entry))
	}
	if len(entries) == 0 {
		return 0, fmt.Errorf("%w: the expiry slice %x is empty", ErrDamaged, name)
	}
	rest, _ := c.Seek(append(bytes.Clone(entries[len(entries)-1]), 0))
	for _, entry := range entries {
		k, err := readListing(entry)
		if err != nil {
			return 0, err
		}
		kind := s.tx.Bucket(recordsBucket).Bucket([]byte(k.Kind))
		if kind == nil {
			return 0, fmt.Errorf("%w: %v is listed in a slice and is not there", ErrDamaged, k)
		}
		if err := kind.Delete([]byte(k.ID)); err != nil {
			return 0, err
		}
		if rest != nil {
			if err := slice.Delete(entry); err != nil {
				return 0, err
			}
		}
	}
	if rest == nil {
		if err := slices.DeleteBucket(name); err != nil {
			return 0, err
		}
	}
	count := s.counters()
	count.forgotten = max(count.forgotten, sliceEnd(name))
	return len(entries), s.putCounters(count)
}

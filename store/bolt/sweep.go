package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
)

// sweepAtOnce bounds how many records one transaction of a sweep drops, so that Commits wait for it a moment only.
const sweepAtOnce = 4096

// Run sweeps once a minute until ctx ends or the store is closed. An error means that the file is out of service.
func (s *Store) Run(ctx context.Context) error {
	ticker := time.NewTicker(sliceLength * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, err := s.Sweep(ctx); errors.Is(err, store.ErrClosed) || ctx.Err() != nil {
			return nil
		} else if err != nil {
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

// sweepSome drops records of the oldest slice, if it is past.
func sweepSome(s shelf, now int64) (int, error) {
	slices := s.tx.Bucket(expiryBucket)
	name, _ := slices.Cursor().First()
	if name == nil {
		return 0, nil
	}
	end, err := sliceEnd(name)
	if err != nil || end >= now {
		return 0, err
	}
	name = bytes.Clone(name)
	entries, all := oldest(slices.Bucket(name))
	if len(entries) == 0 {
		return 0, fmt.Errorf("%w: the expiry slice %x is empty", ErrDamaged, name)
	}
	for _, entry := range entries {
		if err := s.drop(entry); err != nil {
			return 0, err
		}
		if all {
			continue // the slice goes as a whole
		}
		if err := slices.Bucket(name).Delete(entry); err != nil {
			return 0, err
		}
	}
	if all {
		if err := slices.DeleteBucket(name); err != nil {
			return 0, err
		}
	}
	count, err := s.counters()
	if err != nil {
		return 0, err
	}
	count.forgotten = max(count.forgotten, end)
	return len(entries), s.putCounters(count)
}

// oldest copies the first entries of a slice, and says whether these are all.
func oldest(slice *bbolt.Bucket) (entries [][]byte, all bool) {
	c := slice.Cursor()
	for entry, _ := c.First(); entry != nil; entry, _ = c.Next() {
		if len(entries) == sweepAtOnce {
			return entries, false
		}
		entries = append(entries, bytes.Clone(entry))
	}
	return entries, true
}

// drop deletes the record that an entry of a slice names.
func (s shelf) drop(entry []byte) error {
	k, err := readListing(entry)
	if err != nil {
		return err
	}
	kind := s.tx.Bucket(recordsBucket).Bucket([]byte(k.Kind))
	if kind == nil {
		return fmt.Errorf("%w: %v is listed in a slice and is not there", ErrDamaged, k)
	}
	return kind.Delete([]byte(k.ID))
}

package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
)

// Config says where the store is.
type Config struct {
	// Path is the file; it is created with mode 0600 when it does not exist. Required.
	Path string
	// Wait is how long another process may still hold the file before Open gives up with *Locked. Zero means one second.
	Wait time.Duration
	// Now is the clock that records expire by. Nil means time.Now.
	Now func() time.Time
	// Observe is told of every batch, by one of the callers in it and before they have their answers: it must be quick.
	Observe func(Batch)
}

// A Batch is what one group commit did.
type Batch struct {
	Changes   int // how many Changes (or proofs) were in it
	Conflicts int // how many of them were refused
	Duration  time.Duration
	Err       error // why nothing of it was committed
}

// A Store is the engine in one bbolt file. Open makes one.
type Store struct {
	file    *file
	now     func() time.Time
	observe func(Batch)
	group   group[*work]
	buffer  []byte // for the leaves of a batch; only who commits one touches it
	closed  atomic.Bool
}

var _ store.Store = (*Store)(nil)

// format names the layout that doc.go describes. Another layout gets another name.
const format = "tenon store 3"

// mostChanges bounds a batch, so that the first of a crowd does not wait for all of it.
const mostChanges = 1024

// Open opens or creates the store. The caller keeps Run going beside it and closes it at the end.
func Open(c Config) (*Store, error) {
	if c.Path == "" {
		return nil, errors.New("store/bolt: Config.Path is required")
	}
	s := &Store{now: c.Now, observe: c.Observe}
	if s.now == nil {
		s.now = time.Now
	}
	if s.observe == nil {
		s.observe = func(Batch) {}
	}
	var err error
	if s.file, err = openFile(fileConfig{path: c.Path, format: format, wait: c.Wait}); err != nil {
		return nil, err
	}
	if err := s.file.update(createBuckets); err != nil && !errors.Is(err, errNothing) {
		return nil, errors.Join(err, s.file.close())
	}
	s.group = group[*work]{commit: s.commitBatch, most: mostChanges}
	return s, nil
}

// Close waits for what is being committed and gives up the file. Every call after it answers store.ErrClosed.
func (s *Store) Close() error {
	if !s.closed.CompareAndSwap(false, true) {
		return nil
	}
	return s.file.close()
}

// Get returns the record, or store.ErrNotFound.
func (s *Store) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if err := errors.Join(ctx.Err(), k.Validate()); err != nil {
		return store.Record{}, err
	}
	var r store.Record
	err := s.file.view(func(tx *bbolt.Tx) error {
		var err error
		r, err = shelf{tx}.live(k, s.now())
		r = detached(r)
		return err
	})
	return r, err
}

// Scan returns at most n records in the order of their ids.
func (s *Store) Scan(ctx context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	if err := errors.Join(ctx.Err(), prefix.Kind.Validate()); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("store/bolt: a scan for %d records", n)
	}
	var found []store.Record
	err := s.file.view(func(tx *bbolt.Tx) error {
		now := s.now()
		for r, err := range (shelf{tx}).from(prefix, after) {
			if err != nil || len(found) == n || !strings.HasPrefix(r.Key.ID, prefix.ID) {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if !r.ExpiredAt(now) {
				found = append(found, detached(r))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Backup writes a copy of the store as it is now, while work goes on. A copy that is put back brings back with it everything
// that was spent, revoked or deleted after it was made: whoever does that lets all tokens and proofs of that time run out first.
func (s *Store) Backup(w io.Writer) error {
	return s.file.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// Stats are figures about the file.
type Stats struct {
	Size    int64  // bytes of the file
	Free    int64  // bytes of it that the next records will use
	Leaves  uint64 // leaves ever appended: the index of the next one
	Version uint64 // Changes ever committed
}

// Stats reads the figures.
func (s *Store) Stats() (Stats, error) {
	var st Stats
	err := s.file.view(func(tx *bbolt.Tx) error {
		c, err := shelf{tx}.counters()
		st = Stats{Size: tx.Size(), Free: int64(s.file.db.Stats().FreeAlloc), Leaves: c.leaf, Version: c.version}
		return err
	})
	return st, err
}

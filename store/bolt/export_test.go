package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// Descriptor is the open file below the store, for tests that pull the disk away.
func (s *Store) Descriptor() int { return int(s.file.handle.Fd()) }

// Descriptor is the open file below the replay memory.
func (r *Replays) Descriptor() int { return int(r.file.handle.Fd()) }

// Tamper writes into the file behind the store's back.
func (s *Store) Tamper(fn func(*bbolt.Tx) error) error { return s.file.update(fn) }

// Tamper writes into the file behind the replay memory's back.
func (r *Replays) Tamper(fn func(*bbolt.Tx) error) error { return r.file.update(fn) }

// Abandon lets go of the file as a process does that is killed: nothing is written any more.
func (r *Replays) Abandon() error { return r.file.close() }

// Waiting is how many callers wait for the next batch.
func (s *Store) Waiting() int {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	return len(s.group.waiting)
}

// Slices is how many slices of time the file holds.
func (r *Replays) Slices() int {
	n := 0
	_ = r.file.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if bytes.HasPrefix(name, proofsPrefix) {
				n++
			}
			return nil
		})
	})
	return n
}

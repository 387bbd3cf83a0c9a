package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
)

var (
	recordsBucket = []byte("records")
	expiryBucket  = []byte("expiry")
	versionKey    = []byte("version")
	leafKey       = []byte("leaf")
	forgottenKey  = []byte("forgotten")
)

// createBuckets prepares a new file; it leaves one that has them alone.
func createBuckets(tx *bbolt.Tx) error {
	if tx.Bucket(recordsBucket) != nil {
		return errNothing
	}
	_, records := tx.CreateBucket(recordsBucket)
	_, expiry := tx.CreateBucket(expiryBucket)
	_, leaves := tx.CreateBucket(leavesBucket)
	return errors.Join(records, expiry, leaves, shelf{tx}.putCounters(counters{}))
}

// A shelf reads and writes records within one transaction. What it returns lies in bbolt's memory map.
type shelf struct{ tx *bbolt.Tx }

// counters are the numbers that only grow.
type counters struct {
	version   uint64 // of the last Change
	leaf      uint64 // index of the next leaf
	oldest    uint64 // index of the first leaf that was not pruned
	forgotten int64  // milliseconds since 1970: every record that expired then or before may have been swept
}

// counters fails when one is missing: read as zero, it would give numbers a second time.
func (s shelf) counters() (c counters, err error) {
	meta := s.tx.Bucket(metaBucket)
	version, err1 := number(meta.Get(versionKey))
	leaf, err2 := number(meta.Get(leafKey))
	oldest, err3 := number(meta.Get(oldestKey))
	forgotten, err4 := number(meta.Get(forgottenKey))
	return counters{version, leaf, oldest, int64(forgotten)}, errors.Join(err1, err2, err3, err4)
}

func (s shelf) putCounters(c counters) error {
	meta := s.tx.Bucket(metaBucket)
	for _, e := range []struct {
		key []byte
		n   uint64
	}{{versionKey, c.version}, {leafKey, c.leaf}, {oldestKey, c.oldest}, {forgottenKey, uint64(c.forgotten)}} {
		if err := meta.Put(e.key, binary.BigEndian.AppendUint64(nil, e.n)); err != nil {
			return err
		}
	}
	return nil
}

// number reads eight bytes.
func number(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, fmt.Errorf("%w: the number %x", ErrDamaged, b)
	}
	return binary.BigEndian.Uint64(b), nil
}

// live returns the record under k if it is there and not expired.
func (s shelf) live(k store.Key, now time.Time) (store.Record, error) {
	r, err := s.get(k)
	if err == nil && r.ExpiredAt(now) {
		return store.Record{}, store.ErrNotFound
	}
	return r, err
}

// get returns the record under k, expired or not.
func (s shelf) get(k store.Key) (store.Record, error) {
	if k.Kind == store.Leaves {
		return s.leaf(k)
	}
	kind := s.tx.Bucket(recordsBucket).Bucket([]byte(k.Kind))
	if kind == nil {
		return store.Record{}, store.ErrNotFound
	}
	value := kind.Get([]byte(k.ID))
	if value == nil {
		return store.Record{}, store.ErrNotFound
	}
	return readRecord(k, value)
}

// from goes through the records of a kind, expired or not, from the first whose id begins with prefix.ID and comes after the
// given one.
func (s shelf) from(prefix store.Key, after string) iter.Seq2[store.Record, error] {
	start := prefix.ID
	if after >= start && after != "" {
		start = after + "\x00" // the smallest id after it
	}
	if prefix.Kind == store.Leaves {
		return s.leaves(firstLeaf(start))
	}
	return func(yield func(store.Record, error) bool) {
		kind := s.tx.Bucket(recordsBucket).Bucket([]byte(prefix.Kind))
		if kind == nil {
			return
		}
		c := kind.Cursor()
		for id, value := c.Seek([]byte(start)); id != nil; id, value = c.Next() {
			if !yield(readRecord(store.Key{Kind: prefix.Kind, ID: string(id)}, value)) {
				return
			}
		}
	}
}

// put writes a record and lists it in its expiry slice. old is the record that was there, zero when there was none.
func (s shelf) put(r, old store.Record) error {
	if r.Key.Kind == store.Leaves {
		return s.putAside(r)
	}
	if err := s.unlist(old); err != nil {
		return err
	}
	kind, err := s.tx.Bucket(recordsBucket).CreateBucketIfNotExists([]byte(r.Key.Kind))
	if err != nil {
		return err
	}
	if err := kind.Put([]byte(r.Key.ID), writeRecord(r)); err != nil || r.Expires.IsZero() {
		return err
	}
	slice, err := s.tx.Bucket(expiryBucket).CreateBucketIfNotExists(sliceName(milliseconds(r.Expires)))
	if err != nil {
		return err
	}
	slice.FillPercent = 1 // versions only grow
	return slice.Put(listing(r.Key, r.Version), nil)
}

// remove deletes a record, as it was read, and its entry in the expiry slice.
func (s shelf) remove(old store.Record) error {
	if err := s.unlist(old); err != nil {
		return err
	}
	return s.tx.Bucket(recordsBucket).Bucket([]byte(old.Key.Kind)).Delete([]byte(old.Key.ID))
}

// unlist takes a record, as it was read, out of its expiry slice.
func (s shelf) unlist(old store.Record) error {
	if old.Expires.IsZero() {
		return nil
	}
	slices := s.tx.Bucket(expiryBucket)
	name := sliceName(milliseconds(old.Expires))
	slice := slices.Bucket(name)
	if slice == nil {
		return fmt.Errorf("%w: %v is in no expiry slice", ErrDamaged, old.Key)
	}
	if err := slice.Delete(listing(old.Key, old.Version)); err != nil {
		return err
	}
	if first, _ := slice.Cursor().First(); first == nil {
		return slices.DeleteBucket(name)
	}
	return nil
}

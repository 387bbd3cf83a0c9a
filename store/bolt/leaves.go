package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/tenon-auth/tenon/store"
)

// Leaves are kept in the batches that they were committed in: a batch is written once, read as a whole and dropped as a whole,
// and costs the tree of pages as much as one record.

var (
	leavesBucket = []byte("leaves")
	oldestKey    = []byte("oldest")
	batchKey     = []byte("batch") // the one key of a batch's bucket
)

// mostBatch is after how many bytes a batch ends and the next begins. Whoever wants one leaf goes through those before it.
const mostBatch = 256 << 10

// leafHead is what stands before the body of a leaf in its batch: version, and the lengths of body and aside.
const leafHead = 8 + 4 + 4

func appendLeaf(batch []byte, version uint64, l store.Leaf) []byte {
	batch = binary.BigEndian.AppendUint64(batch, version)
	batch = binary.BigEndian.AppendUint32(batch, uint32(len(l.Body)))
	batch = binary.BigEndian.AppendUint32(batch, uint32(len(l.Aside)))
	return append(append(batch, l.Body...), l.Aside...)
}

// cutLeaf takes the first leaf off a batch. Nothing is copied, and the record has no id yet.
func cutLeaf(batch []byte) (r store.Record, rest []byte, err error) {
	if len(batch) < leafHead {
		return r, nil, fmt.Errorf("%w: a leaf of %d bytes", ErrDamaged, len(batch))
	}
	body, aside := uint64(binary.BigEndian.Uint32(batch[8:])), uint64(binary.BigEndian.Uint32(batch[12:]))
	r = store.Record{Key: store.Key{Kind: store.Leaves}, Version: binary.BigEndian.Uint64(batch)}
	rest = batch[leafHead:]
	if body+aside > uint64(len(rest)) {
		return r, nil, fmt.Errorf("%w: a leaf of %d and %d bytes in %d", ErrDamaged, body, aside, len(rest))
	}
	r.Body, rest = rest[:body:body], rest[body:]
	if aside > 0 {
		r.Aside = rest[:aside:aside]
	}
	return r, rest[aside:], nil
}

// A leafWriter gathers the leaves of one transaction. What it gave to bbolt must stay as it is until the transaction is over.
type leafWriter struct {
	buffer []byte
	begun  int    // where in buffer the batch begins that is not in the file yet
	first  uint64 // index of its first leaf
}

// append takes the leaf that has the given index.
func (w *leafWriter) append(s shelf, index, version uint64, l store.Leaf) error {
	if len(w.buffer) == w.begun {
		w.first = index
	}
	w.buffer = appendLeaf(w.buffer, version, l)
	if len(w.buffer)-w.begun >= mostBatch {
		return w.flush(s)
	}
	return nil
}

// flush puts what was gathered into the file.
func (w *leafWriter) flush(s shelf) error {
	if len(w.buffer) == w.begun {
		return nil
	}
	leaves := s.tx.Bucket(leavesBucket)
	leaves.FillPercent = 1 // names only grow: pages are filled once and never split again
	batch, err := leaves.CreateBucket(leafName(w.first))
	if err != nil {
		return err
	}
	data := w.buffer[w.begun:len(w.buffer):len(w.buffer)]
	w.begun = len(w.buffer)
	return batch.Put(batchKey, data)
}

// leafName is the name of the batch that begins with the leaf of that index.
func leafName(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

// batches goes through the batches from the one on that may hold the leaf with the given index.
func (s shelf) batches(from uint64) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		leaves := s.tx.Bucket(leavesBucket)
		c := leaves.Cursor()
		name, _ := c.Seek(leafName(from))
		if name == nil {
			name, _ = c.Last()
		} else if !bytes.Equal(name, leafName(from)) {
			if name, _ = c.Prev(); name == nil {
				name, _ = c.First()
			}
		}
		for ; name != nil; name, _ = c.Next() {
			var first uint64
			var batch []byte
			if b := leaves.Bucket(name); b != nil && len(name) == 8 {
				first, batch = binary.BigEndian.Uint64(name), b.Get(batchKey)
			}
			if !yield(first, batch) {
				return
			}
		}
	}
}

// leaves goes through the leaves that are in the store, from the given index on.
func (s shelf) leaves(from uint64) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		oldest, err := number(s.tx.Bucket(metaBucket).Get(oldestKey))
		if err != nil {
			yield(store.Record{}, err)
			return
		}
		from = max(from, oldest)
		for index, batch := range s.batches(from) {
			if len(batch) == 0 {
				yield(store.Record{}, fmt.Errorf("%w: a batch of leaves without leaves", ErrDamaged))
				return
			}
			for ; len(batch) > 0; index++ {
				var r store.Record
				if r, batch, err = cutLeaf(batch); err == nil && index < from {
					continue
				}
				r.Key.ID = store.LeafID(index)
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// leaf returns one leaf.
func (s shelf) leaf(k store.Key) (store.Record, error) {
	index, err := store.ParseLeafID(k.ID)
	if err != nil {
		return store.Record{}, store.ErrNotFound
	}
	for r, err := range s.leaves(index) {
		if err == nil && r.Key != k {
			err = store.ErrNotFound
		}
		return r, err
	}
	return store.Record{}, store.ErrNotFound
}

// putAside writes what is to be beside a leaf from now on, and its new version.
func (s shelf) putAside(r store.Record) error {
	index, err := store.ParseLeafID(r.Key.ID)
	if err != nil {
		return err
	}
	for first, batch := range s.batches(index) {
		written := make([]byte, 0, len(batch)+len(r.Aside))
		for at := first; len(batch) > 0; at++ {
			var leaf store.Record
			if leaf, batch, err = cutLeaf(batch); err != nil {
				return err
			}
			if at == index {
				leaf.Version, leaf.Aside = r.Version, r.Aside
			}
			written = appendLeaf(written, leaf.Version, store.Leaf{Body: leaf.Body, Aside: leaf.Aside})
		}
		return s.tx.Bucket(leavesBucket).Bucket(leafName(first)).Put(batchKey, written)
	}
	return fmt.Errorf("%w: %v is in no batch", ErrDamaged, r.Key)
}

// prune drops the batches that have no leaf at or after the given index. next is the index that the next leaf will have.
func (s shelf) prune(before, next uint64) error {
	leaves := s.tx.Bucket(leavesBucket)
	var gone [][]byte
	c := leaves.Cursor()
	for name, _ := c.First(); name != nil; {
		after, _ := c.Next()
		end := next
		if after != nil {
			var err error
			if end, err = number(after); err != nil {
				return err
			}
		}
		if end > before {
			break
		}
		gone = append(gone, bytes.Clone(name))
		name = after
	}
	var faults []error
	for _, name := range gone {
		faults = append(faults, leaves.DeleteBucket(name))
	}
	return errors.Join(faults...)
}

// firstLeaf is the smallest index whose id is not before a text.
func firstLeaf(id string) uint64 {
	var i uint64
	for bit := uint64(1) << 63; bit > 0; bit >>= 1 {
		if store.LeafID(i+bit-1) < id {
			i += bit
		}
	}
	return i
}

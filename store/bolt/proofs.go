package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/dpop"
)

// replaysFormat names the layout of a replay file, which doc.go describes.
const replaysFormat = "tenon replays 1"

// proofSlice is the length of a slice of time in seconds. What is in a slice is dropped as a whole.
const proofSlice = 10

// An entry is one used proof: half of its key and the last second at which it could be accepted.
type entry struct {
	key   [16]byte
	until uint32
}

// An entry takes 20 bytes in a blob, and a blob ends with four bytes of CRC-32C.
const (
	entrySize = 20
	sumSize   = 4
)

// seconds rounds up, as dpop.Memory does. Years before 1970 and after 2106 are cut to the ends of the range; the memory has
// refused them.
func seconds(t time.Time) uint32 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return uint32(min(max(s, 0), math.MaxUint32))
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func pack(batch []entry) []byte {
	blob := make([]byte, 0, len(batch)*entrySize+sumSize)
	for _, e := range batch {
		blob = binary.BigEndian.AppendUint32(append(blob, e.key[:]...), e.until)
	}
	return binary.BigEndian.AppendUint32(blob, sum(blob))
}

// unpack hands every entry of a blob to visit.
func unpack(blob []byte, visit func(entry) error) error {
	n := len(blob) - sumSize
	if n < entrySize || n%entrySize != 0 {
		return fmt.Errorf("%w: a batch of %d bytes", ErrDamaged, len(blob))
	}
	if binary.BigEndian.Uint32(blob[n:]) != sum(blob[:n]) {
		return fmt.Errorf("%w: a batch has the wrong checksum", ErrDamaged)
	}
	for b := blob[:n]; len(b) > 0; b = b[entrySize:] {
		if err := visit(entry{[16]byte(b), binary.BigEndian.Uint32(b[16:])}); err != nil {
			return err
		}
	}
	return nil
}

var proofsPrefix = []byte("proofs ")

// proofsName is the bucket of the slice of time that has this second in it. Names sort by time.
func proofsName(until uint32) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(proofsPrefix), until/proofSlice)
}

// proofsEnd is the last second of a slice, from the name of its bucket.
func proofsEnd(name []byte) (uint32, error) {
	n, ok := bytes.CutPrefix(name, proofsPrefix)
	if !ok || len(n) != 4 || binary.BigEndian.Uint32(n) > math.MaxUint32/proofSlice {
		return 0, fmt.Errorf("%w: the bucket %q", ErrDamaged, name)
	}
	return uint32(min(uint64(binary.BigEndian.Uint32(n))*proofSlice+proofSlice-1, math.MaxUint32)), nil
}

// append writes a batch as one blob behind the others of its slice, and drops what is past. A blob belongs to the slice
// of its latest entry, so that nothing in a slice outlives the slice's end.
func (f *file) append(batch []entry, now time.Time) error {
	err := f.update(func(tx *bbolt.Tx) error {
		dropped, err := dropPast(tx, now)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			if !dropped {
				return errNothing
			}
			return nil
		}
		latest := batch[0].until
		for _, e := range batch {
			latest = max(latest, e.until)
		}
		b, err := tx.CreateBucketIfNotExists(proofsName(latest))
		if err != nil {
			return err
		}
		b.FillPercent = 1 // keys only grow: pages are filled once and never split again
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		return b.Put(binary.BigEndian.AppendUint64(nil, n), pack(batch))
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// dropPast drops the slices whose end is before now, and notes in the same transaction that what was in them is forgotten: a
// clock that steps back does not make old proofs new, also not after a restart.
func dropPast(tx *bbolt.Tx, now time.Time) (dropped bool, err error) {
	var last uint32
	for {
		name, _ := tx.Cursor().Seek(proofsPrefix)
		if name == nil {
			break
		}
		end, err := proofsEnd(name)
		if err != nil {
			return false, err
		}
		if int64(end) >= now.Unix() {
			break
		}
		if err := tx.DeleteBucket(bytes.Clone(name)); err != nil {
			return false, err
		}
		dropped, last = true, end
	}
	if !dropped {
		return false, nil
	}
	meta := tx.Bucket(metaBucket)
	mark, err := optional(meta.Get(forgottenKey))
	if err != nil {
		return false, err
	}
	return true, meta.Put(forgottenKey, binary.BigEndian.AppendUint64(nil, max(mark, uint64(last))))
}

// optional reads a number that may not have been written yet.
func optional(b []byte) (uint64, error) {
	if b == nil {
		return 0, nil
	}
	return number(b)
}

// load reads every entry of the file into memory, and the mark of what was dropped before.
func (f *file) load(m *dpop.Memory) error {
	return f.view(func(tx *bbolt.Tx) error {
		mark, err := optional(tx.Bucket(metaBucket).Get(forgottenKey))
		if err == nil && mark > 0 {
			err = m.SetForgotten(time.Unix(int64(mark), 0))
		}
		if err != nil {
			return err
		}
		n := 0
		if err := eachBlob(tx, func(_ uint32, blob []byte) error { n += len(blob) / entrySize; return nil }); err != nil {
			return err
		}
		m.Reserve(n)
		return eachBlob(tx, func(_ uint32, blob []byte) error {
			return unpack(blob, func(e entry) error { return m.Load(e.key, time.Unix(int64(e.until), 0)) })
		})
	})
}

// eachBlob goes through the blobs of all slices in the order they were written, and makes sure that none is missing.
func eachBlob(tx *bbolt.Tx, visit func(end uint32, blob []byte) error) error {
	c := tx.Cursor()
	for name, _ := c.Seek(proofsPrefix); name != nil; name, _ = c.Next() {
		end, err := proofsEnd(name)
		if err != nil {
			return err
		}
		slice := tx.Bucket(name)
		if slice == nil {
			return fmt.Errorf("%w: %q is not a bucket", ErrDamaged, name)
		}
		n := uint64(0)
		err = slice.ForEach(func(key, blob []byte) error {
			n++
			if got, err := number(key); err != nil || got != n || blob == nil {
				return fmt.Errorf("%w: batch %d of slice %q has the number %x", ErrDamaged, n, name, key)
			}
			return visit(end, blob)
		})
		if err != nil {
			return err
		}
		if n != slice.Sequence() {
			return fmt.Errorf("%w: slice %q has %d batches of %d", ErrDamaged, name, n, slice.Sequence())
		}
	}
	return nil
}

// checkReplays looks at the pages, every blob, and that nothing in a slice outlives it.
func (f *file) checkReplays(ctx context.Context) error {
	return f.view(func(tx *bbolt.Tx) error {
		if err := checkPages(tx); err != nil {
			return err
		}
		return eachBlob(tx, func(end uint32, blob []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return unpack(blob, func(e entry) error {
				if e.until > end {
					return fmt.Errorf("%w: a proof until %d is in the slice that ends at %d", ErrDamaged, e.until, end)
				}
				return nil
			})
		})
	})
}

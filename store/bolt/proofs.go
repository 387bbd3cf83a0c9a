package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/dpop"
)

// replaysFormat names the layout of a replay file, which doc.go describes.
const replaysFormat = "tenon replays 1"

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
	entries := 0
	err := f.view(func(tx *bbolt.Tx) error {
		mark, err := optional(tx.Bucket(metaBucket).Get(forgottenKey))
		if err == nil && mark > 0 {
			err = m.SetForgotten(time.Unix(int64(mark), 0))
		}
		if err != nil {
			return err
		}
		return eachBlob(tx, part{0, 1}, func(_ uint32, blob []byte) error { entries += len(blob) / entrySize; return nil })
	})
	if err != nil {
		return err
	}
	m.Reserve(entries)
	readers := min(runtime.GOMAXPROCS(0), 4)
	faults := make([]error, readers)
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() { faults[i] = f.loadPart(m, part{uint64(i), uint64(readers)}, entries/readers) })
	}
	wg.Wait()
	return errors.Join(faults...)
}

// loadAtOnce is how many entries a reader puts into memory together: enough for a table of the memory to get a good share of its
// entries at a time, at 10 MiB.
const loadAtOnce = 1 << 19

// loadPart has a transaction of its own: one must not be shared between goroutines. share is about how many entries the part has.
func (f *file) loadPart(m *dpop.Memory, p part, share int) error {
	return f.view(func(tx *bbolt.Tx) error {
		entries := make([]dpop.Entry, 0, min(share, loadAtOnce)+mostProofs)
		err := eachBlob(tx, p, func(_ uint32, blob []byte) error {
			if len(entries) >= loadAtOnce {
				if err := m.Load(entries); err != nil {
					return err
				}
				entries = entries[:0]
			}
			return unpack(blob, func(e entry) error {
				entries = append(entries, dpop.Entry{Key: e.key, Until: e.until})
				return nil
			})
		})
		if err != nil {
			return err
		}
		return m.Load(entries)
	})
}

// A part is one blob in so many of every slice, from the given one on.
type part struct{ from, step uint64 }

// eachBlob goes through the blobs of a part, slice by slice in the order they were written, and makes sure that none is missing in
// the file.
func eachBlob(tx *bbolt.Tx, p part, visit func(end uint32, blob []byte) error) error {
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
		if err := blobsOf(slice, p, func(blob []byte) error { return visit(end, blob) }); err != nil {
			return fmt.Errorf("slice %q: %w", name, err)
		}
	}
	return nil
}

// blobsOf goes through a part of the blobs of one slice, which are numbered from 1.
func blobsOf(slice *bbolt.Bucket, p part, visit func(blob []byte) error) error {
	n := uint64(0)
	err := slice.ForEach(func(key, blob []byte) error {
		n++
		if got, err := number(key); err != nil || got != n || blob == nil {
			return fmt.Errorf("%w: batch %d has the number %x", ErrDamaged, n, key)
		}
		if (n-1)%p.step != p.from {
			return nil
		}
		return visit(blob)
	})
	if err == nil && n != slice.Sequence() {
		err = fmt.Errorf("%w: it has %d batches of %d", ErrDamaged, n, slice.Sequence())
	}
	return err
}

// checkReplays looks at the pages, every blob, and that nothing in a slice outlives it.
func (f *file) checkReplays(ctx context.Context) error {
	return f.view(func(tx *bbolt.Tx) error {
		if err := checkPages(tx); err != nil {
			return err
		}
		return eachBlob(tx, part{0, 1}, func(end uint32, blob []byte) error {
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

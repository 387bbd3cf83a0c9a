package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// recordHead is what stands before the body of a record: version and expiry, eight bytes each.
const recordHead = 16

func writeRecord(r store.Record) []byte {
	value := make([]byte, 0, recordHead+len(r.Body))
	value = binary.BigEndian.AppendUint64(value, r.Version)
	value = binary.BigEndian.AppendUint64(value, uint64(milliseconds(r.Expires)))
	return append(value, r.Body...)
}

// readRecord reads what writeRecord wrote. The body is not copied.
func readRecord(k store.Key, value []byte) (store.Record, error) {
	if len(value) < recordHead {
		return store.Record{}, fmt.Errorf("%w: %v: %d bytes", ErrDamaged, k, len(value))
	}
	r := store.Record{Key: k, Version: binary.BigEndian.Uint64(value), Body: value[recordHead:]}
	if ms := binary.BigEndian.Uint64(value[8:]); ms > math.MaxInt64 {
		return store.Record{}, fmt.Errorf("%w: %v: it expires at %d", ErrDamaged, k, ms)
	} else if ms != 0 {
		r.Expires = time.UnixMilli(int64(ms)).UTC()
	}
	return r, nil
}

// detached is a record that outlives its transaction.
func detached(r store.Record) store.Record {
	if r.Aside == nil {
		r.Body = bytes.Clone(r.Body)
		return r
	}
	n := len(r.Body)
	both := append(append(make([]byte, 0, n+len(r.Aside)), r.Body...), r.Aside...)
	r.Body, r.Aside = both[:n:n], both[n:]
	return r
}

// milliseconds rounds up: a record is never forgotten before its time. Zero stands for never; a time before 1970 is past in
// any case and becomes the first millisecond.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return max(ms, 1)
}

// sliceLength is the length of an expiry slice in milliseconds.
const sliceLength = 60_000

// sliceName is the name of the slice that a record with this expiry belongs to. Names sort by time.
func sliceName(expires int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(expires/sliceLength))
}

// sliceEnd is the last millisecond that belongs to a slice.
func sliceEnd(name []byte) (int64, error) {
	n, err := number(name)
	if err == nil && n > math.MaxInt64/sliceLength-1 {
		err = fmt.Errorf("%w: the expiry slice %x", ErrDamaged, name)
	}
	return (int64(n)+1)*sliceLength - 1, err
}

// listing is the name of a record in an expiry slice: its version, which makes names sort in the order of commits, kind and id. A
// kind has no zero byte, so the first one after the version ends it.
func listing(k store.Key, version uint64) []byte {
	b := make([]byte, 0, 8+len(k.Kind)+1+len(k.ID))
	b = append(binary.BigEndian.AppendUint64(b, version), k.Kind...)
	return append(append(b, 0), k.ID...)
}

// readListing gives the key. The version is for the order only.
func readListing(b []byte) (store.Key, error) {
	if len(b) < 8 {
		return store.Key{}, fmt.Errorf("%w: the expiry entry %q", ErrDamaged, b)
	}
	kind, id, ok := bytes.Cut(b[8:], []byte{0})
	if !ok {
		return store.Key{}, fmt.Errorf("%w: the expiry entry %q", ErrDamaged, b)
	}
	return store.Key{Kind: store.Kind(kind), ID: string(id)}, nil
}

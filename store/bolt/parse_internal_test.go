package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/store"
)

func FuzzUnpack(f *testing.F) {
	one := pack([]entry{{key: [16]byte{1, 2, 3}, until: 1_795_000_000}})
	f.Add(one)
	f.Add(pack([]entry{{until: 1}, {until: 2}, {until: 1<<32 - 1}}))
	f.Add(one[:len(one)-1])
	f.Add(append(bytes.Clone(one), 0))
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, blob []byte) {
		var batch []entry
		err := unpack(blob, func(e entry) error { batch = append(batch, e); return nil })
		switch {
		case err == nil && !bytes.Equal(pack(batch), blob):
			t.Errorf("%x was read as %v, which is written as %x", blob, batch, pack(batch))
		case err == nil && len(batch) == 0:
			t.Error("an empty batch was read")
		case err != nil && (len(batch) > 0 || !errors.Is(err, ErrDamaged)):
			t.Errorf("%d entries were handed out before %v", len(batch), err)
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add([]byte("12345678\x00\x00\x01\x9a\x00\x00\x00\x00body"))
	f.Add(make([]byte, 16))
	f.Add(make([]byte, 15))
	f.Add(bytes.Repeat([]byte{0xff}, 17))
	f.Fuzz(func(t *testing.T, value []byte) {
		k := store.Key{Kind: "codes", ID: "a"}
		r, err := readRecord(k, value)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		if again, err := readRecord(k, writeRecord(r)); err != nil || !cmp.Equal(again, r) {
			t.Errorf("%x was read as %+v, then as %+v, %v", value, r, again, err)
		}
	})
}

func FuzzCutLeaf(f *testing.F) {
	f.Add(appendLeaf(nil, 7, store.Leaf{Body: []byte("body"), Aside: []byte("aside")}))
	f.Add(appendLeaf(appendLeaf(nil, 1, store.Leaf{}), 1<<63, store.Leaf{Body: []byte("b")}))
	f.Add(make([]byte, 15))
	f.Add(bytes.Repeat([]byte{0xff}, 17))
	f.Fuzz(func(t *testing.T, batch []byte) {
		var written []byte
		for rest := batch; len(rest) > 0; {
			var r store.Record
			var err error
			if r, rest, err = cutLeaf(rest); err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Error(err)
				}
				return
			}
			written = appendLeaf(written, r.Version, store.Leaf{Body: r.Body, Aside: r.Aside})
		}
		if !bytes.Equal(written, batch) {
			t.Errorf("%x was read as what is written as %x", batch, written)
		}
	})
}

func FuzzReadListing(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x07codes\x00a"))
	f.Add([]byte("12345678codes\x00a\x00b"))
	f.Add([]byte("12345678codes"))
	f.Add([]byte("1234567"))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := readListing(b); err == nil && !bytes.Equal(listing(k, binary.BigEndian.Uint64(b)), b) {
			t.Errorf("%q was read as %v", b, k)
		}
	})
}

func FuzzProofsEnd(f *testing.F) {
	f.Add(proofsName(1_795_000_000))
	f.Add([]byte("proofs "))
	f.Add([]byte("proofs \xff\xff\xff\xff"))
	f.Add([]byte("meta"))
	f.Fuzz(func(t *testing.T, name []byte) {
		if end, err := proofsEnd(name); err == nil && !bytes.Equal(proofsName(end), name) {
			t.Errorf("%q ends at %d, which belongs to %q", name, end, proofsName(end))
		}
	})
}

func TestExpiriesAreRoundedUp(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		t    time.Time
		want int64
	}{
		{time.Time{}, 0},
		{at, at.UnixMilli()},
		{at.Add(1), at.UnixMilli() + 1},
		{at.Add(time.Millisecond - 1), at.UnixMilli() + 1},
		{at.Add(time.Millisecond), at.UnixMilli() + 1},
		{time.Unix(0, 0), 1}, // zero stands for never
		{time.Unix(-5, 0), 1},
	} {
		if got := milliseconds(c.t); got != c.want {
			t.Errorf("%s is %d ms, want %d", c.t, got, c.want)
		}
	}
	if got := seconds(at.Add(1)); got != uint32(at.Unix())+1 {
		t.Errorf("a nanosecond after %d is %d", at.Unix(), got)
	}
}

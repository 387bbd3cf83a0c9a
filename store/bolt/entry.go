package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

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

// seconds rounds up: what is on disk is never forgotten early. Years before 1970 and after 2106 are cut to the ends of the range; the memory has
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

package audit

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendEntry adds an entry to a bundle: its length in two bytes, big-endian, then its bytes (C2SP tlog-tiles).
func AppendEntry(bundle, entry []byte) ([]byte, error) {
	if len(entry) > math.MaxUint16 {
		return nil, fmt.Errorf("%w: an entry of %d bytes", ErrMalformed, len(entry))
	}
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...), nil
}

// NextEntry takes the first entry off a bundle. What it returns are parts of the bundle.
func NextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, fmt.Errorf("%w: a bundle ends in the length of an entry", ErrMalformed)
	}
	n := int(binary.BigEndian.Uint16(bundle))
	if len(bundle) < 2+n {
		return nil, nil, fmt.Errorf("%w: a bundle ends in an entry of %d bytes", ErrMalformed, n)
	}
	return bundle[2 : 2+n : 2+n], bundle[2+n:], nil
}

// SplitEntries gives all entries of a bundle, which must be as many as the width of its tile says.
func SplitEntries(bundle []byte, width int) ([][]byte, error) {
	entries := make([][]byte, 0, width)
	for len(bundle) > 0 {
		if len(entries) == width {
			return nil, fmt.Errorf("%w: a bundle has more than %d entries", ErrMalformed, width)
		}
		entry, rest, err := NextEntry(bundle)
		if err != nil {
			return nil, err
		}
		entries, bundle = append(entries, entry), rest
	}
	if len(entries) < width {
		return nil, fmt.Errorf("%w: a bundle has %d entries of %d", ErrMalformed, len(entries), width)
	}
	return entries, nil
}

// cutEntries gives the bundle that the first width entries make.
func cutEntries(bundle []byte, width int) ([]byte, error) {
	rest := bundle
	for range width {
		var err error
		if _, rest, err = NextEntry(rest); err != nil {
			return nil, err
		}
	}
	return bundle[:len(bundle)-len(rest)], nil
}

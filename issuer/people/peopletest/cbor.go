package peopletest

import "encoding/binary"

// The four kinds of CBOR value that an authenticator needs (RFC 8949 §3.1), each in the shortest form.

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	default:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
}

func cborInt(n int64) []byte {
	if n < 0 {
		return cborHead(1, uint64(-1-n))
	}
	return cborHead(0, uint64(n))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }

func cborText(s string) []byte { return append(cborHead(3, uint64(len(s))), s...) }

// cborMap takes keys and values in turns, in canonical order.
func cborMap(parts ...[]byte) []byte {
	b := cborHead(5, uint64(len(parts)/2))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

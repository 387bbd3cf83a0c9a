package strictjson

import (
	"errors"
	"strconv"
	"unicode/utf8"
)

// A Value is one JSON value as it was written. Its syntax has been checked.
type Value []byte

// maxInt bounds integers to what every JSON reader keeps exactly (RFC 8259 §6).
const maxInt = 1<<53 - 1

// Str gives the text of a JSON string. Anything else, a lone surrogate and NUL are errors.
func (v Value) Str() (string, error) {
	if len(v) < 2 || v[0] != '"' {
		return "", errors.New("not a string")
	}
	inner := v[1 : len(v)-1]
	for i, c := range inner {
		if c == '\\' {
			return unescape(inner, i)
		}
	}
	return string(inner), nil
}

// unescape decodes the escapes of inner, the first of which is at from.
func unescape(inner []byte, from int) (string, error) {
	out := append(make([]byte, 0, len(inner)), inner[:from]...)
	for i := from; i < len(inner); {
		if inner[i] != '\\' {
			out = append(out, inner[i])
			i++
			continue
		}
		if inner[i+1] != 'u' {
			out = append(out, escaped[inner[i+1]])
			i += 2
			continue
		}
		r, n := surrogates(inner[i:])
		if n == 0 {
			return "", errors.New("a lone surrogate in a string")
		}
		if r == 0 {
			return "", errors.New("NUL in a string")
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out), nil
}

// surrogates reads \uXXXX, or a pair of them, at the start of b. It gives how many bytes that took, 0 when a half is missing.
func surrogates(b []byte) (rune, int) {
	r := hex4(b[2:6])
	switch {
	case r < 0xd800 || r > 0xdfff:
		return r, 6
	case r > 0xdbff || len(b) < 12 || b[6] != '\\' || b[7] != 'u':
		return 0, 0
	}
	low := hex4(b[8:12])
	if low < 0xdc00 || low > 0xdfff {
		return 0, 0
	}
	return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), 12
}

func hex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b), 16, 32) // the scanner has seen four hex digits
	return rune(n)
}

// Int gives an integer between -(2^53-1) and 2^53-1. Fractions, exponents and strings are errors.
func (v Value) Int() (int64, error) {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n > maxInt || n < -maxInt {
		return 0, errors.New("not an integer in range")
	}
	return n, nil
}

// Bool gives true or false.
func (v Value) Bool() (bool, error) {
	switch string(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("not a boolean")
}

// Object reads the value as an object, as [Object] does.
func (v Value) Object(visit func(name string, v Value) error) error { return Object(v, visit) }

// Array reads the value as an array and calls visit for each element.
func (v Value) Array(visit func(Value) error) error {
	s := scanner{data: v}
	return s.array(0, visit)
}

// Strings reads the value as an array of strings.
func (v Value) Strings() ([]string, error) {
	var all []string
	err := v.Array(func(e Value) error {
		s, err := e.Str()
		all = append(all, s)
		return err
	})
	return all, err
}

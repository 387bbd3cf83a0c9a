package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A scanner walks over JSON text and checks the grammar of RFC 8259.
type scanner struct {
	data []byte
	pos  int
}

// escaped gives what follows a backslash its meaning; 0 where JSON gives it none.
var escaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) unexpected(wanted string) error {
	if s.pos >= len(s.data) {
		return fmt.Errorf("the JSON text ends where %s should be", wanted)
	}
	return fmt.Errorf("%q at byte %d, where %s should be", s.data[s.pos], s.pos, wanted)
}

// value reads any value inside a container of the given depth.
func (s *scanner) value(depth int) (Value, error) {
	start := s.pos
	var err error
	switch c := s.peek(); {
	case c == '{':
		err = s.object(depth+1, nil)
	case c == '[':
		err = s.array(depth+1, nil)
	case c == '"':
		_, err = s.checkedText()
	case c == '-' || c >= '0' && c <= '9':
		err = s.number()
	default:
		err = s.literal()
	}
	return Value(s.data[start:s.pos]), err
}

// checkedText reads a string. What is wrong only in what it stands for, NUL and lone surrogates, needs an escape; then it is
// decoded once, so that text nobody asks for is as strict as text somebody does.
func (s *scanner) checkedText() (Value, error) {
	v, err := s.text()
	if err == nil && bytes.IndexByte(v, '\\') >= 0 {
		_, err = v.Str()
	}
	return v, err
}

// text reads a string with its quotes.
func (s *scanner) text() (Value, error) {
	start := s.pos
	if !s.accept('"') {
		return nil, s.unexpected("a string")
	}
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return Value(s.data[start:s.pos]), nil
		case c < 0x20:
			return nil, errors.New("a control character in a string")
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return nil, errors.New("a string is not UTF-8")
			}
			s.pos += size
		}
	}
	return nil, errors.New("a string has no end")
}

func (s *scanner) escape() error {
	rest := s.data[s.pos:]
	switch {
	case len(rest) >= 2 && escaped[rest[1]] != 0:
		s.pos += 2
		return nil
	case len(rest) >= 6 && rest[1] == 'u' && isHex(rest[2]) && isHex(rest[3]) && isHex(rest[4]) && isHex(rest[5]):
		s.pos += 6
		return nil
	}
	return errors.New("a string has an escape that JSON does not know")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// number reads a number: RFC 8259 §6.
func (s *scanner) number() error {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return s.unexpected("a digit")
	}
	if s.accept('.') && !s.digits() {
		return s.unexpected("a digit")
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return s.unexpected("a digit")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) literal() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if end := s.pos + len(word); end <= len(s.data) && string(s.data[s.pos:end]) == word {
			s.pos = end
			return nil
		}
	}
	return s.unexpected("a value")
}

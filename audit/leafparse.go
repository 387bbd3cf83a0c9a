package audit

import (
	"fmt"
	"strings"
)

// ParseLeaf reads the bytes of a leaf. It accepts exactly what [Leaf.Bytes] writes: every member at its place, once, known, not
// empty where empty ones are left out, escaped as the writer escapes. So two leaves with the same meaning have the same bytes,
// and no two readers can differ about one. Any other input is [ErrMalformed].
func ParseLeaf(data []byte) (Leaf, error) {
	if len(data) > MaxLeaf {
		return Leaf{}, fmt.Errorf("%w: a leaf of %d bytes, at most %d are allowed", ErrMalformed, len(data), MaxLeaf)
	}
	var l Leaf
	r := leafReader{rest: string(data)} // one copy; the strings of the leaf are parts of it
	r.literal(`{"v":1`)
	l.Type = Type(r.always("t"))
	l.Time = r.alwaysNumber("ts")
	l.Outcome = Outcome(r.always("out"))
	l.Reason = r.always("rc")
	l.Binding.Method = Method(r.text("b"))
	l.Binding.Key = r.text("kc")
	l.Token.ID = r.text("jc")
	l.Token.Claims = r.text("cd")
	l.Token.Account = r.text("ac")
	l.Token.Client = r.text("cl")
	l.Token.Audience = r.text("aud")
	l.Token.Scope = r.text("sc")
	l.Token.Expires = r.number("exp")
	l.Token.KeyID = r.text("kid")
	l.Evidence.Proof = r.text("pd")
	if r.next("ps") {
		about := uint64(r.integer())
		l.Evidence.About = &about
	}
	l.Evidence.Detail = r.text("dc")
	l.Span.Count = r.number("n")
	l.Span.From = r.number("fr")
	l.Span.To = r.number("to")
	r.literal("}")
	if r.failed == "" && r.rest != "" {
		r.failed = "the end"
	}
	if r.failed != "" {
		return Leaf{}, fmt.Errorf("%w: byte %d of a leaf is not %s", ErrMalformed, len(data)-len(r.rest), r.failed)
	}
	if err := l.validate(); err != nil {
		return Leaf{}, err
	}
	return l, nil
}

// A leafReader takes members off the front in the order of the calls. After the first failure it takes nothing more.
type leafReader struct {
	rest   string
	failed string // what should have come
}

func (r *leafReader) fail(want string) {
	if r.failed == "" {
		r.failed = want
	}
}

func (r *leafReader) literal(s string) {
	if r.failed == "" && strings.HasPrefix(r.rest, s) {
		r.rest = r.rest[len(s):]
		return
	}
	r.fail(s)
}

// next takes the name of a member if that is what comes.
func (r *leafReader) next(name string) bool {
	n := len(name) + 4
	if r.failed != "" || len(r.rest) < n || r.rest[:2] != `,"` || r.rest[2:n-2] != name || r.rest[n-2:n] != `":` {
		return false
	}
	r.rest = r.rest[n:]
	return true
}

// always reads a string member that is never left out.
func (r *leafReader) always(name string) string {
	if !r.next(name) {
		r.fail("the member " + name)
		return ""
	}
	return r.str()
}

func (r *leafReader) alwaysNumber(name string) int64 {
	if !r.next(name) {
		r.fail("the member " + name)
		return 0
	}
	return r.integer()
}

// text reads a string member that is left out when it is empty.
func (r *leafReader) text(name string) string {
	if !r.next(name) {
		return ""
	}
	s := r.str()
	if s == "" {
		r.fail("a value of " + name)
	}
	return s
}

// number reads a number that is left out when it is zero.
func (r *leafReader) number(name string) int64 {
	if !r.next(name) {
		return 0
	}
	n := r.integer()
	if n == 0 {
		r.fail("a value of " + name)
	}
	return n
}

// integer reads digits: no sign, no leading zero, at most largest.
func (r *leafReader) integer() int64 {
	var n int64
	i := 0
	for i < len(r.rest) && r.rest[i] >= '0' && r.rest[i] <= '9' && n <= largest {
		n = n*10 + int64(r.rest[i]-'0')
		i++
	}
	if i == 0 || i > 1 && r.rest[0] == '0' || n > largest {
		r.fail("a number")
		return 0
	}
	r.rest = r.rest[i:]
	return n
}

// str reads a string. Most have no escape and are not copied.
func (r *leafReader) str() string {
	if r.rest == "" || r.rest[0] != '"' {
		r.fail("a string")
		return ""
	}
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			s := r.rest[1:i]
			r.rest = r.rest[i+1:]
			return s
		case c == '\\':
			return r.escaped(i)
		case c < 0x20:
			r.fail("a string")
			return ""
		}
	}
	r.fail("a string with an end")
	return ""
}

// escaped reads the string whose first escape is at byte i.
func (r *leafReader) escaped(i int) string {
	s := []byte(r.rest[1:i])
	for i < len(r.rest) {
		c := r.rest[i]
		switch {
		case c == '"':
			r.rest = r.rest[i+1:]
			return string(s)
		case c < 0x20:
			r.fail("a string")
			return ""
		case c != '\\':
			i++
		default:
			var n int
			if c, n = escape(r.rest[i:]); n == 0 {
				r.fail("an escape that a leaf has")
				return ""
			}
			i += n
		}
		s = append(s, c)
	}
	r.fail("a string with an end")
	return ""
}

// escape reads one escape, in the one form in which the writer writes it. Its length is 0 when it is none.
func escape(s string) (c byte, n int) {
	if len(s) >= 2 && (s[1] == '"' || s[1] == '\\') {
		return s[1], 2
	}
	if len(s) < 6 || s[1:4] != "u00" {
		return 0, 0
	}
	high, low := strings.IndexByte(hexDigits[:2], s[4]), strings.IndexByte(hexDigits, s[5])
	if high < 0 || low < 0 {
		return 0, 0
	}
	return byte(high<<4 | low), 6 // NUL is refused with the other values
}

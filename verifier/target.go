package verifier

import (
	"strings"

	"github.com/tenon-auth/tenon"
)

// maxTarget bounds a request target.
const maxTarget = 8 << 10

// publicURL gives the URL that the caller sees for a request target: the configured origin and the path as it was escaped,
// without the query, which a proof does not cover (RFC 9449 §4.2).
//
// Only one reading of a path is let through. A service, or a router in front of it, may decode, merge slashes or resolve dots, and
// then serve another resource than the one whose URL was signed. So nothing is repaired here: a target that invites it is
// refused. That is stricter than RFC 3986, which lets a receiver normalise.
func (v *Verifier) publicURL(target string) (string, error) {
	if len(target) > maxTarget {
		return "", targetRefusal("is larger than %d bytes", maxTarget)
	}
	if !strings.HasPrefix(target, "/") {
		return "", targetRefusal("is not in origin form: it must begin with /") // RFC 9112 §3.2.1
	}
	path, query, _ := strings.Cut(target, "?")
	if err := checkPath(path); err != nil {
		return "", err
	}
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return "", targetRefusal("has a query with a character that must be escaped") // RFC 3986 §3.4
		}
	}
	return v.config.Origin + path, nil
}

func targetRefusal(format string, args ...any) error {
	return tenon.Refuse(tenon.InvalidRequest, "htu", "the request target "+format, args...)
}

// checkPath refuses a path that two readers could read in two ways. What it lets through is compared as written: %2F stays
// what it is and is not a slash, and ;v=1 belongs to the path.
func checkPath(path string) error {
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '%':
			if err := checkEscape(path[i:]); err != nil {
				return err
			}
			i += 2
		case !isPathChar(path[i]):
			return targetRefusal("has a character that must be escaped") // RFC 3986 §3.3; '#' and '\\' are among them
		}
	}
	return checkSegments(path)
}

// checkSegments looks at the segments as the kindest reader would see them: escapes of dot and slash decoded, and parameters cut
// off, as some servers do before they resolve dots.
func checkSegments(path string) error {
	if strings.IndexByte(path, '%') >= 0 {
		path = strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/").Replace(path)
	}
	if strings.Contains(path, "//") {
		return targetRefusal("has an empty segment")
	}
	for segment := range strings.SplitSeq(path, "/") {
		name, _, parameters := strings.Cut(segment, ";")
		if name == "." || name == ".." {
			return targetRefusal("has a dot segment") // RFC 3986 §6.2.2.3 would remove it
		}
		if name == "" && parameters {
			return targetRefusal("has a segment of parameters only")
		}
	}
	return nil
}

// checkEscape refuses, at the start of s, an escape that is none, one of a control character or a backslash, and a percent
// sign that turns what follows into another escape when somebody decodes twice (%252e).
func checkEscape(s string) error {
	if len(s) < 3 || !isHex(s[1]) || !isHex(s[2]) {
		return targetRefusal("has a percent sign that is no escape") // RFC 3986 §2.1
	}
	switch c := unhex(s[1])<<4 | unhex(s[2]); {
	case c < ' ' || c == 0x7f:
		return targetRefusal("has an escaped control character")
	case c == '\\':
		return targetRefusal("has an escaped backslash")
	case c == '%' && len(s) >= 5 && isHex(s[3]) && isHex(s[4]):
		return targetRefusal("is escaped twice")
	}
	return nil
}

// isPathChar knows the characters of a path that need no escape: pchar and the slash (RFC 3986 §3.3).
func isPathChar(c byte) bool {
	return isLetterOrDigit(c) || strings.IndexByte("/-._~!$&'()*+,;=:@", c) >= 0
}

func isLetterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// unhex gives the value of a hex digit that isHex has accepted.
func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

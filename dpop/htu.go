package dpop

import (
	"bytes"
	"net/netip"
	"strings"
)

// SameTarget reports whether the htu of a proof names the URL of a request (RFC 9449 §4.3 (9)). Query and fragment are
// ignored on both sides. Both are normalised by RFC 3986 §6.2.2 and §6.2.3: case of scheme, host and percent-encodings,
// encoded unreserved characters, default port, empty path. Dot segments are removed from htu only: a request path that has
// them is read in different ways by different servers, so it matches nothing. Everything else is compared byte by byte:
// "/a" is not "/a/", "%2F" is not "/", "/A" is not "/a", and "//" stays two slashes.
//
// Neither side goes through net/url, which decodes more than is wanted here.
func SameTarget(htu, requestURL string) bool {
	var roomA, roomB [256]byte
	a, okA := appendTarget(roomA[:0], htu, dotsRemoved)
	b, okB := appendTarget(roomB[:0], requestURL, dotsRefused)
	return okA && okB && bytes.Equal(a, b)
}

// dots says what happens to "." and ".." as path segments.
type dots int

const (
	dotsRefused dots = iota
	dotsRemoved
)

// withoutQuery cuts query and fragment off.
func withoutQuery(url string) string {
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	return url
}

// appendTarget appends the normal form of an absolute http or https URL. It says false for what has none: a relative
// reference, a user name, a host with a trailing dot, an impossible character.
func appendTarget(dst []byte, url string, d dots) ([]byte, bool) {
	url = withoutQuery(url)
	if len(url) > maxHTU {
		return nil, false
	}
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return nil, false
	}
	defaultPort := ""
	switch {
	case strings.EqualFold(scheme, "https"):
		dst, defaultPort = append(dst, "https://"...), "443"
	case strings.EqualFold(scheme, "http"):
		dst, defaultPort = append(dst, "http://"...), "80"
	default:
		return nil, false
	}
	authority, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	dst, ok := appendAuthority(dst, authority, defaultPort)
	if !ok {
		return nil, false
	}
	return appendPath(dst, path, d)
}

// appendAuthority appends host and port. A user name ("https://good@evil/") is refused because '@' is no character of a host.
func appendAuthority(dst []byte, authority, defaultPort string) ([]byte, bool) {
	host, port := authority, ""
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.LastIndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	dst, ok := appendHost(dst, host)
	if !ok || len(port) > 5 || len(port) > 0 && port[0] == '0' {
		return nil, false
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return nil, false
		}
	}
	if port != "" && port != defaultPort { // RFC 3986 §6.2.3
		dst = append(append(dst, ':'), port...)
	}
	return dst, true
}

// appendHost appends a name in lower case, or an IPv6 address in its one canonical spelling (RFC 5952). Percent-encodings,
// zones and empty labels are refused, and with them the trailing dot.
func appendHost(dst []byte, host string) ([]byte, bool) {
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		addr, err := netip.ParseAddr(host[1 : len(host)-1])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return nil, false
		}
		return append(addr.AppendTo(append(dst, '[')), ']'), true
	}
	before := byte('.')
	for i := range len(host) {
		c := host[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20 // RFC 3986 §6.2.2.1
		case c == '.':
			if before == '.' {
				return nil, false
			}
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return nil, false
		}
		dst, before = append(dst, c), c
	}
	return dst, before != '.' // an empty host or a trailing dot
}

// appendPath appends a path with its percent-encodings normalised (RFC 3986 §6.2.2.1, §6.2.2.2).
func appendPath(dst []byte, path string, d dots) ([]byte, bool) {
	if path == "" {
		return append(dst, '/'), true // RFC 3986 §6.2.3
	}
	start := len(dst)
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '%':
			if i+2 >= len(path) || !isHex(path[i+1]) || !isHex(path[i+2]) {
				return nil, false
			}
			dst = appendEncoded(dst, path[i+1], path[i+2])
			i += 2
		case isPathChar(c):
			dst = append(dst, c)
		default:
			return nil, false
		}
	}
	if !hasDotSegment(dst[start:]) {
		return dst, true
	}
	if d == dotsRefused {
		return nil, false
	}
	return dst[:start+len(removeDotSegments(dst[start:]))], true // RFC 3986 §6.2.2.3
}

// appendEncoded appends the octet with the hex digits high and low: as itself when it is unreserved, else encoded in capitals.
func appendEncoded(dst []byte, high, low byte) []byte {
	if c := unhex(high)<<4 | unhex(low); isUnreserved(c) {
		return append(dst, c)
	}
	return append(dst, '%', upper(high), upper(low))
}

// hasDotSegment is asked after decoding: "%2e%2e" is "..".
func hasDotSegment(path []byte) bool {
	for i := range path {
		if path[i] != '/' {
			continue
		}
		segment, _, _ := bytes.Cut(path[i+1:], []byte{'/'})
		if string(segment) == "." || string(segment) == ".." {
			return true
		}
	}
	return false
}

// removeDotSegments does RFC 3986 §5.2.4 in place on a path that starts with a slash.
func removeDotSegments(path []byte) []byte {
	out := path[:0]
	for i := 0; i < len(path); {
		end := len(path)
		if next := bytes.IndexByte(path[i+1:], '/'); next >= 0 {
			end = i + 1 + next
		}
		segment := string(path[i+1 : end])
		switch segment {
		case ".":
		case "..":
			out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
		default:
			out = append(out, path[i:end]...)
		}
		if end == len(path) && (segment == "." || segment == "..") {
			out = append(out, '/')
		}
		i = end
	}
	return out
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

func upper(c byte) byte {
	if c >= 'a' {
		return c &^ 0x20
	}
	return c
}

// isUnreserved is RFC 3986 §2.3.
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// isPathChar is what a path may hold beside percent-encodings: pchar and "/" of RFC 3986 §3.3, and the four printable
// characters that browsers send as they are although the RFC would have them encoded. They are compared like any other.
func isPathChar(c byte) bool {
	return isUnreserved(c) || c == '/' || strings.IndexByte("!$&'()*+,;=:@[]^|", c) >= 0
}

package mtls

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parseIP refuses zones: they mean something on one machine only and no certificate holds them.
func parseIP(s string) (netip.Addr, error) {
	address, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", s)
	}
	if address.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("the IP address %q has a zone", s)
	}
	return address, nil
}

func checkURI(s string) error {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return errors.New("a URI holds printable ASCII without spaces") // RFC 5280 §4.2.1.6: IA5String, RFC 3986
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("%q is not a URI", s)
	}
	if !u.IsAbs() {
		return fmt.Errorf("the URI %q has no scheme", s) // RFC 5280 §4.2.1.6
	}
	return nil
}

// checkDNSName holds a name to the preferred name syntax (RFC 5280 §4.2.1.6), and so refuses wildcards, a dot at the end, and
// names that are not in their A-label form.
func checkDNSName(s string) error {
	if len(s) > 253 {
		return fmt.Errorf("a DNS name of %d characters; at most 253 are possible", len(s))
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return fmt.Errorf("%q is not a DNS name of letters, digits and hyphens", s)
		}
	}
	return nil
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' {
			return false
		}
	}
	return true
}

// splitEmail reads a mailbox of printable ASCII: local part, @, domain. Quoted local parts and addresses outside ASCII are not
// taken, because certificates of clients do not hold them and their comparison has rules of its own (RFC 9598).
func splitEmail(s string) (local, domain string, err error) {
	local, domain, found := cutLast(s, "@")
	if !found || local == "" || strings.ContainsAny(local, "@\"(),:;<>[\\] ") {
		return "", "", fmt.Errorf("%q is not an email address", s)
	}
	for i := range len(local) {
		if local[i] <= ' ' || local[i] > '~' {
			return "", "", fmt.Errorf("%q is not an email address", s)
		}
	}
	if err := checkDNSName(domain); err != nil {
		return "", "", err
	}
	return local, domain, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// equalFoldASCII folds A-Z only. strings.EqualFold would also take the Kelvin sign for a k.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

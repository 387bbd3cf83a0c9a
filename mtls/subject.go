package mtls

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A Subject is who the certificates of a client are issued to: what is registered for tls_client_auth (RFC 8705 §2.1.2).
// Exactly one field is set. It is compared as follows.
//
//   - DN, the subject, RFC 4514 text: see [DN.EqualEitherWay].
//   - DNS, a dNSName: letters without regard to case (RFC 5280 §7.2), and a wildcard in a certificate stands for itself only.
//   - URI, a uniformResourceIdentifier: character by character.
//   - IP, an iPAddress in the text form of RFC 5952 or dotted decimal: as bytes.
//   - Email, an rfc822Name: the local part exactly, the domain without regard to case (RFC 5280 §7.5).
type Subject struct {
	DN    string `json:"tls_client_auth_subject_dn,omitempty"`
	DNS   string `json:"tls_client_auth_san_dns,omitempty"`
	URI   string `json:"tls_client_auth_san_uri,omitempty"`
	IP    string `json:"tls_client_auth_san_ip,omitempty"`
	Email string `json:"tls_client_auth_san_email,omitempty"`
}

// IsZero reports whether no field is set.
func (s Subject) IsZero() bool { return s == Subject{} }

// Validate refuses a subject with no field set or several (RFC 8705 §2.1.2), and one whose value cannot be in a certificate.
func (s Subject) Validate() error {
	set := 0
	for _, field := range []string{s.DN, s.DNS, s.URI, s.IP, s.Email} {
		if field != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("mtls: exactly one tls_client_auth subject must be registered, %d are", set)
	}
	var err error
	switch {
	case s.DN != "":
		_, err = ParseDN(s.DN)
		return err
	case s.DNS != "":
		err = checkDNSName(s.DNS)
	case s.URI != "":
		err = checkURI(s.URI)
	case s.IP != "":
		_, err = parseIP(s.IP)
	case s.Email != "":
		_, _, err = splitEmail(s.Email)
	}
	if err != nil {
		return fmt.Errorf("mtls: registered subject: %w", err)
	}
	return nil
}

// Match returns nil when the certificate is the registered client's. The chain must have been verified before: anyone can put
// any name into a certificate of his own. A subject that is not valid, or a certificate that cannot be read, matches nothing.
func (s Subject) Match(cert *x509.Certificate) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if cert == nil {
		return errors.New("mtls: no client certificate")
	}
	if s.DN != "" {
		return s.matchDN(cert)
	}
	names, err := alternativeNames(cert)
	if err != nil {
		return fmt.Errorf("mtls: subjectAltName: %w", err)
	}
	kind, matches := s.alternative()
	if !slices.ContainsFunc(names, func(n alternativeName) bool { return n.tag == kind && matches(n.value) }) {
		return errors.New("mtls: the certificate has no subjectAltName that is the registered one")
	}
	return nil
}

func (s Subject) matchDN(cert *x509.Certificate) error {
	registered, err := ParseDN(s.DN)
	if err != nil {
		return err
	}
	presented, err := CertificateDN(cert)
	if err != nil {
		return err
	}
	if !registered.EqualEitherWay(presented) {
		return fmt.Errorf("mtls: the certificate's subject is %s, registered is %s", presented, registered)
	}
	return nil
}

// alternative returns the kind of name that is registered and the comparison for it. The Subject is valid.
func (s Subject) alternative() (tag int, matches func(value []byte) bool) {
	switch {
	case s.DNS != "":
		return tagDNSName, func(value []byte) bool { return equalFoldASCII(string(value), s.DNS) }
	case s.URI != "":
		return tagURI, func(value []byte) bool { return string(value) == s.URI }
	case s.IP != "":
		address, err := parseIP(s.IP)
		return tagIPAddress, func(value []byte) bool { return err == nil && bytes.Equal(value, address.AsSlice()) }
	}
	local, domain, err := splitEmail(s.Email)
	return tagEmail, func(value []byte) bool {
		l, d, found := cutLast(string(value), "@")
		return err == nil && found && l == local && equalFoldASCII(d, domain)
	}
}

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

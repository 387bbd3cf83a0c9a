package mtls

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
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
	if err := s.checkOne(); err != nil {
		return err
	}
	if s.DN != "" {
		_, err := ParseDN(s.DN)
		return err
	}
	return s.checkAlternative()
}

func (s Subject) checkOne() error {
	set := 0
	for _, field := range []string{s.DN, s.DNS, s.URI, s.IP, s.Email} {
		if field != "" {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("mtls: exactly one tls_client_auth subject must be registered, %d are", set)
	}
	return nil
}

func (s Subject) checkAlternative() error {
	var err error
	switch {
	case s.DNS != "":
		err = checkDNSName(s.DNS)
	case s.URI != "":
		err = checkURI(s.URI)
	case s.IP != "":
		_, err = parseIP(s.IP)
	default:
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
	if cert == nil {
		return errors.New("mtls: no client certificate")
	}
	if err := s.checkOne(); err != nil {
		return err
	}
	if s.DN != "" {
		return s.matchDN(cert)
	}
	if err := s.checkAlternative(); err != nil {
		return err
	}
	return s.matchAlternative(cert)
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

func (s Subject) matchAlternative(cert *x509.Certificate) error {
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

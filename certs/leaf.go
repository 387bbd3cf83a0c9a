package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// A Leaf is an end-entity certificate with its key, and the certificates between it and the root.
type Leaf struct {
	Certificate *x509.Certificate
	Chain       []*x509.Certificate // intermediates, nearest first, without the root
	Key         crypto.Signer
}

// Server makes a leaf for a server that answers to hosts: DNS names, wildcards and IP addresses. lifetime 0 is 90 days. No leaf
// outlives its CA.
func (ca *CA) Server(hosts []string, lifetime time.Duration) (*Leaf, error) {
	if len(hosts) == 0 {
		return nil, errors.New("certs: a server certificate needs at least one host")
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return ca.issue(template, lifetime)
}

// A ClientSubject is whom a client certificate names. What is empty is left out; the first four make the subject, most specific
// last, and the others the subjectAltName.
type ClientSubject struct {
	CommonName             string
	OrganizationIdentifier string // 2.5.4.97, as in PSD2 certificates (ETSI EN 319 412-1 §5.1.4)
	Organization           string
	Country                string // two letters

	DNS, URI, IP, Email string
}

// Client makes a leaf for a client. lifetime 0 is 90 days. No leaf outlives its CA.
func (ca *CA) Client(s ClientSubject, lifetime time.Duration) (*Leaf, error) {
	template, err := s.template()
	if err != nil {
		return nil, fmt.Errorf("certs: client certificate: %w", err)
	}
	return ca.issue(template, lifetime)
}

func (s ClientSubject) template() (*x509.Certificate, error) {
	if s == (ClientSubject{}) {
		return nil, errors.New("it must name somebody")
	}
	template := &x509.Certificate{
		Subject:     s.name(),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	var faults []error
	if s.DNS != "" {
		template.DNSNames = []string{s.DNS}
	}
	if s.Email != "" {
		template.EmailAddresses = []string{s.Email}
	}
	if s.URI != "" {
		uri, err := url.Parse(s.URI)
		if err == nil && !uri.IsAbs() {
			err = fmt.Errorf("the URI %q has no scheme", s.URI)
		}
		faults = append(faults, err)
		template.URIs = []*url.URL{uri}
	}
	if s.IP != "" {
		ip := net.ParseIP(s.IP)
		if ip == nil {
			faults = append(faults, fmt.Errorf("%q is not an IP address", s.IP))
		}
		template.IPAddresses = []net.IP{ip}
	}
	return template, errors.Join(faults...)
}

func (s ClientSubject) name() pkix.Name {
	var name pkix.Name
	add := func(value string, oid ...int) {
		if value != "" {
			name.ExtraNames = append(name.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier(oid), Value: value})
		}
	}
	add(s.Country, 2, 5, 4, 6)
	add(s.Organization, 2, 5, 4, 10)
	add(s.OrganizationIdentifier, 2, 5, 4, 97)
	add(s.CommonName, 2, 5, 4, 3)
	return name
}

// issue completes what all leaves have in common.
func (ca *CA) issue(template *x509.Certificate, lifetime time.Duration) (*Leaf, error) {
	now := ca.now()
	if !now.Before(ca.certificate.NotAfter) {
		return nil, fmt.Errorf("certs: the CA expired at %s", ca.certificate.NotAfter.Format(time.RFC3339))
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	if err := setPeriod(template, now, lifetime); err != nil {
		return nil, err
	}
	if template.NotAfter.After(ca.certificate.NotAfter) {
		template.NotAfter = ca.certificate.NotAfter
	}
	certificate, err := sign(template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return nil, fmt.Errorf("certs: sign a leaf: %w", err)
	}
	return &Leaf{Certificate: certificate, Key: key}, nil
}

// TLS returns the leaf in the form that crypto/tls serves and presents.
func (l *Leaf) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: l.Key, Leaf: l.Certificate, Certificate: [][]byte{l.Certificate.Raw}}
	for _, intermediate := range l.Chain {
		c.Certificate = append(c.Certificate, intermediate.Raw)
	}
	return c
}

package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"time"
)

// SelfSigned makes a client leaf that is its own issuer, for self_signed_tls_client_auth (RFC 8705 §2.2): what counts is that
// this very certificate is registered. lifetime 0 is 90 days.
func SelfSigned(commonName string, lifetime time.Duration) (*Leaf, error) {
	if commonName == "" {
		return nil, errors.New("certs: a self-signed certificate needs a common name")
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if err := setPeriod(template, time.Now(), lifetime); err != nil {
		return nil, err
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certs: make a self-signed certificate: %w", err)
	}
	return &Leaf{Certificate: certificate, Key: key}, nil
}

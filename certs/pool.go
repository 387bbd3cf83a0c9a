package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
)

// LoadPool reads the certificates of CAs that are trusted for one purpose, for example to vouch for clients. Every file must
// hold certificates and nothing else; all faults are reported at once. No path at all is an error too: an empty pool trusts
// nobody, and a missing one would mean the system's.
func LoadPool(paths ...string) (*x509.CertPool, error) {
	if len(paths) == 0 {
		return nil, errors.New("certs: a pool needs at least one file of CA certificates")
	}
	pool := x509.NewCertPool()
	var faults []error
	for _, path := range paths {
		certificates, err := loadCertificates(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("certs: %s: %w", path, err))
		}
		for _, c := range certificates {
			pool.AddCert(c)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return pool, nil
}

func loadCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return parseCertificates(data)
}

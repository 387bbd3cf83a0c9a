package certs

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The files of a CA in its folder.
const (
	CACertificateFile = "ca.pem"
	CAKeyFile         = "ca-key.pem"
)

// A CA signs the leaves of a development set-up.
type CA struct {
	certificate *x509.Certificate
	key         crypto.Signer
	now         func() time.Time
}

// CAConfig describes a new CA.
type CAConfig struct {
	Name     string           // common name; "" is "Tenon development CA"
	Lifetime time.Duration    // 0 is five years
	Now      func() time.Time // nil is time.Now
}

// NewCA makes a key and a self-signed CA certificate, in memory. The CA signs leaves only, no further CA.
func NewCA(c CAConfig) (*CA, error) {
	if c.Name == "" {
		c.Name = "Tenon development CA"
	}
	if c.Lifetime == 0 {
		c.Lifetime = 5 * 365 * 24 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: c.Name},
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true, // RFC 5280 §4.2.1.9: no CA below this one
	}
	if err := setPeriod(template, c.Now(), c.Lifetime); err != nil {
		return nil, err
	}
	certificate, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certs: make a CA: %w", err)
	}
	return &CA{certificate: certificate, key: key, now: c.Now}, nil
}

// LoadCA reads what Save wrote into dir.
func LoadCA(dir string) (*CA, error) {
	leaf, err := LoadLeaf(filepath.Join(dir, CACertificateFile), filepath.Join(dir, CAKeyFile))
	if err != nil {
		return nil, err
	}
	if c := leaf.Certificate; !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("certs: %s is not the certificate of a CA", filepath.Join(dir, CACertificateFile))
	}
	return &CA{certificate: leaf.Certificate, key: leaf.Key, now: time.Now}, nil
}

// Save writes the CA into dir, which is made when it is missing. A CA that is already there is an error: whoever trusts it
// would be cut off.
func (ca *CA) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	certPath, keyPath := filepath.Join(dir, CACertificateFile), filepath.Join(dir, CAKeyFile)
	for _, path := range []string{certPath, keyPath} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return errors.Join(fmt.Errorf("certs: %s is already there", path), err)
		}
	}
	return (&Leaf{Certificate: ca.certificate, Key: ca.key}).Save(certPath, keyPath)
}

// Certificate returns the CA's certificate.
func (ca *CA) Certificate() *x509.Certificate { return ca.certificate }

// Pool returns a pool that trusts this CA and nobody else.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

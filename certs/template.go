package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"
)

// skew is how far before now a new certificate begins: a peer whose clock is behind must be able to use it at once.
const skew = 5 * time.Minute

// leafLifetime is used where a caller leaves the lifetime open.
const leafLifetime = 90 * 24 * time.Hour

// setPeriod makes the certificate valid from skew ago, for lifetime from now; 0 is leafLifetime.
func setPeriod(template *x509.Certificate, now time.Time, lifetime time.Duration) error {
	if lifetime < 0 {
		return fmt.Errorf("certs: a lifetime of %s", lifetime)
	}
	if lifetime == 0 {
		lifetime = leafLifetime
	}
	template.NotBefore = now.Add(-skew)
	template.NotAfter = now.Add(lifetime)
	return nil
}

// newSerial gives 128 random bits below a set bit, so that every serial number has 17 bytes and none is zero. RFC 5280 §4.1.2.2
// allows 20.
func newSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return new(big.Int).SetBit(new(big.Int).SetBytes(b), 128, 1)
}

func newKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// sign makes the certificate and reads it back, so that what is returned is what a peer will see.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	template.SerialNumber = newSerial()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

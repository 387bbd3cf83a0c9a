package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/tenon-auth/tenon/internal/durable"
)

// Save writes the certificate with its chain, and the key as PKCS#8. The key goes first: a crash in between leaves a pair that
// does not match, which every reader of this package refuses, and never a new certificate whose key is lost.
func (l *Leaf) Save(certPath, keyPath string) error {
	der, err := x509.MarshalPKCS8PrivateKey(l.Key)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := durable.WriteFile(keyPath, key, 0o600); err != nil {
		return err
	}
	var certificates bytes.Buffer
	for _, c := range append([]*x509.Certificate{l.Certificate}, l.Chain...) {
		if err := pem.Encode(&certificates, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return err
		}
	}
	return durable.WriteFile(certPath, certificates.Bytes(), 0o644)
}

// LoadLeaf reads a certificate with its chain and its key, as this package or another tool wrote them. The key must be the
// certificate's.
func LoadLeaf(certPath, keyPath string) (*Leaf, error) {
	certPEM, err := readFile(certPath)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readKeyFile(keyPath)
	if err != nil {
		return nil, err
	}
	leaf, err := parseLeaf(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certs: %s with %s: %w", certPath, keyPath, err)
	}
	return leaf, nil
}

// parseLeaf leaves the forms of private keys, and the comparison of the two public keys, to crypto/tls.
func parseLeaf(certPEM, keyPEM []byte) (*Leaf, error) {
	certificates, err := parseCertificates(certPEM)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T does not sign", pair.PrivateKey)
	}
	return &Leaf{Certificate: certificates[0], Chain: certificates[1:], Key: key}, nil
}

// parseCertificates reads PEM that holds certificates and nothing else but comments between them. A private key in a file that
// everybody may read, and a block that is cut off, are refused: encoding/pem would pass over both.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	begun := bytes.Count(data, []byte("-----BEGIN "))
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a %s among the certificates", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, c)
	}
	if begun == 0 {
		return nil, errors.New("no certificate in PEM")
	}
	if begun != len(certificates) {
		return nil, errors.New("a PEM block that cannot be read")
	}
	return certificates, nil
}

package dpop

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tenon-auth/tenon/internal/durable"
)

// maxKeyFile bounds a key file: an RSA 4096 key in PEM is 3.3 KiB.
const maxKeyFile = 16 << 10

// LoadKey reads a key from a PEM file with one PKCS#8 block that only its owner may read. An EC key signs ES256, an RSA key
// PS256, an Ed25519 key EdDSA, the name that every server knows.
func LoadKey(path string) (*Key, error) {
	signer, err := loadSigner(path)
	if err != nil {
		return nil, err
	}
	return keyFrom(path, signer, naturalAlgorithm(signer))
}

// LoadOrCreateKey reads the key at path and holds it to alg. Where there is no file it makes a key and saves it there.
func LoadOrCreateKey(path string, alg Algorithm) (*Key, error) {
	signer, err := loadSigner(path)
	if err == nil {
		return keyFrom(path, signer, alg)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	return key, key.Save(path)
}

// Save writes the key to path as PEM-encoded PKCS#8 with mode 0600. The file is there whole or not at all. A key that lives
// in hardware cannot be saved.
func (k *Key) Save(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return fmt.Errorf("dpop: save %s: %w", path, err)
	}
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), 0o600)
}

const pemType = "PRIVATE KEY" // PKCS#8, not encrypted (RFC 7468 §10)

func keyFrom(path string, signer crypto.Signer, alg Algorithm) (*Key, error) {
	key, err := NewKey(signer, alg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func naturalAlgorithm(signer crypto.Signer) Algorithm {
	switch signer.(type) {
	case *ecdsa.PrivateKey:
		return ES256
	case *rsa.PrivateKey:
		return PS256
	}
	return EdDSA
}

func loadSigner(path string) (crypto.Signer, error) {
	data, err := durable.ReadPrivateFile(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	signer, err := parseKeyFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// parseKeyFile reads exactly one block. Text before or after it is refused: a file with two keys has no one answer.
func parseKeyFile(data []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("no PEM block in the key file")
	case block.Type != pemType:
		return nil, fmt.Errorf("the PEM block is %q, not %q: convert it with openssl pkcs8 -topk8 -nocrypt", block.Type, pemType)
	case len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 || !bytes.HasPrefix(data, []byte("-----BEGIN ")):
		return nil, errors.New("the key file holds more than one PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key is not PKCS#8: %w", err)
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		return k, nil
	case *rsa.PrivateKey:
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot make proofs", key)
}

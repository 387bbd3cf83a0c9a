package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A Key is a private key that makes proofs. It is safe for use by several goroutines if its signer is.
type Key struct {
	signer     crypto.Signer
	alg        Algorithm
	jwk        []byte // public, canonical
	thumbprint string
	prefix     string // the encoded header of every proof by this key, and the dot after it
}

// GenerateKey makes a new key for alg: P-256, RSA with 3072 bits, or Ed25519.
func GenerateKey(alg Algorithm) (*Key, error) {
	signer, err := generate(alg)
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return NewKey(signer, alg)
}

func generate(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case PS256:
		return rsa.GenerateKey(rand.Reader, 3072)
	case EdDSA, Ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("%q is none of %v", alg, Algorithms())
}

// NewKey makes a key of any signer, one that never leaves its hardware too. The signer's public key must fit alg and be one
// that a checker of this package accepts.
func NewKey(s crypto.Signer, alg Algorithm) (*Key, error) {
	if s == nil {
		return nil, errors.New("dpop: a key needs a signer")
	}
	if err := fits(s.Public(), alg); err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	jwk, err := canonicalJWK(s.Public())
	if err != nil {
		return nil, err
	}
	header := fmt.Appendf(nil, `{"typ":"%s","alg":"%s","jwk":%s}`, proofType, alg, jwk)
	return &Key{signer: s, alg: alg, jwk: jwk, thumbprint: hash(jwk), prefix: encode(header) + "."}, nil
}

// fits says whether a public key can be used with alg.
func fits(pub crypto.PublicKey, alg Algorithm) error {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if alg == ES256 { // canonicalJWK sees to the curve
			return nil
		}
	case *rsa.PublicKey:
		if alg == PS256 {
			return checkRSA(k)
		}
	case ed25519.PublicKey:
		if alg == EdDSA || alg == Ed25519 {
			return checkEd25519(k)
		}
	}
	return fmt.Errorf("a key of type %T cannot sign %q", pub, alg)
}

// Thumbprint returns the key's RFC 7638 thumbprint: the jkt of tokens bound to it.
func (k *Key) Thumbprint() string { return k.thumbprint }

// Algorithm returns the algorithm the key signs with.
func (k *Key) Algorithm() Algorithm { return k.alg }

// Signer returns the signer inside.
func (k *Key) Signer() crypto.Signer { return k.signer }

// JWK returns the public key as a JWK with its required members only, in canonical order.
func (k *Key) JWK() []byte { return append([]byte(nil), k.jwk...) }

// sign returns the JWS signature over data.
func (k *Key) sign(data string) ([]byte, error) {
	digest := sha256.Sum256([]byte(data))
	switch k.alg {
	case ES256:
		der, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return asn1ToRaw(der)
	case PS256:
		return k.signer.Sign(rand.Reader, digest[:], pssOptions)
	default: // Ed25519 hashes for itself
		return k.signer.Sign(rand.Reader, []byte(data), crypto.Hash(0))
	}
}

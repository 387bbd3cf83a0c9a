package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
)

// Thumbprint returns the SHA-256 thumbprint of a public key in base64url (RFC 7638 §3), the value of cnf.jkt (RFC 9449
// §6.1). It takes *ecdsa.PublicKey on P-256, *rsa.PublicKey and ed25519.PublicKey; anything else is an error.
func Thumbprint(pub crypto.PublicKey) (string, error) {
	jwk, err := canonicalJWK(pub)
	if err != nil {
		return "", err
	}
	return hash(jwk), nil
}

// AccessTokenHash returns the ath claim for an access token: base64url of its SHA-256 (RFC 9449 §4.2).
func AccessTokenHash(token string) string { return hash([]byte(token)) }

// hash returns the SHA-256 of data in base64url without padding.
func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// canonicalJWK writes the required members of a public JWK in lexicographic order without white space (RFC 7638 §3.2). All
// values are base64url, so no JSON escape is ever needed.
func canonicalJWK(pub crypto.PublicKey) ([]byte, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, fmt.Errorf("dpop: the curve %s is not P-256", k.Params().Name)
		}
		point, err := k.Bytes() // 4, x, y (SEC 1 §2.3.3)
		if err != nil {
			return nil, fmt.Errorf("dpop: %w", err)
		}
		return fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, encode(point[1:33]), encode(point[33:])), nil
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E))
		return fmt.Appendf(nil, `{"e":"%s","kty":"RSA","n":"%s"}`, encode(e.Bytes()), encode(k.N.Bytes())), nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("dpop: an Ed25519 key of %d bytes", len(k))
		}
		return fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, encode(k)), nil
	}
	return nil, fmt.Errorf("dpop: a key of type %T has no place in a proof", pub)
}

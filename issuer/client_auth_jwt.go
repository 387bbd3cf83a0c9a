package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
)

// authenticateJWT is private_key_jwt (RFC 7523 §2.2, OIDC Core §9). Its jti is not spent here but with the token.
func (i *Issuer) authenticateJWT(ctx context.Context, f form, now time.Time) (*caller, error) {
	a, err := parseAssertion(f.get("client_assertion"))
	if err != nil {
		return nil, err
	}
	if err := a.check(i.cfg.Issuer, f.get("client_id"), now); err != nil {
		return nil, err
	}
	c, err := i.client(ctx, a.subject, PrivateKeyJWT)
	if err != nil {
		return nil, err
	}
	if string(a.algorithm) != c.Algorithm {
		return nil, failedClient("alg", errors.New("the client is registered for "+c.Algorithm)) // RFC 8725 §3.1
	}
	if err := a.verify(c.keys); err != nil {
		return nil, failedClient("signature", err) // RFC 7523 §3 (9)
	}
	return &caller{registered: c, assertion: a}, nil
}

// verify checks the signature with the key that kid names, or, when there is no kid, with each. Every key fits the client's
// registered algorithm: others are not in the list.
func (a *assertion) verify(keys []assertionKey) error {
	signed, err := jose.ParseSignedCompact(a.compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.algorithm)})
	if err != nil {
		return err
	}
	for _, key := range keys {
		if a.kid != "" && a.kid != key.id {
			continue
		}
		if _, err := signed.Verify(key); err == nil {
			return nil
		}
	}
	return errors.New("no registered key verifies the client assertion")
}

// An assertionKey is a registered public key. It verifies for go-jose, which on its own knows no Ed25519 by that name (RFC
// 9864) and takes PS256 with a salt of any length.
type assertionKey struct {
	id     string // kid, may be ""
	public crypto.PublicKey
}

var _ jose.OpaqueVerifier = assertionKey{}

var errSignature = errors.New("the signature does not verify")

// VerifyPayload checks one signature. That the key fits alg was seen to when the client was read.
func (k assertionKey) VerifyPayload(payload, signature []byte, alg jose.SignatureAlgorithm) error {
	digest := sha256.Sum256(payload)
	ok := false
	switch key := k.public.(type) {
	case *ecdsa.PublicKey:
		if dpop.Algorithm(alg) == dpop.ES256 && len(signature) == 64 { // RFC 7518 §3.4
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			ok = ecdsa.Verify(key, digest[:], r, s)
		}
	case *rsa.PublicKey:
		if dpop.Algorithm(alg) == dpop.PS256 {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256} // RFC 7518 §3.5
			ok = rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, options) == nil
		}
	case ed25519.PublicKey:
		if a := dpop.Algorithm(alg); a == dpop.EdDSA || a == dpop.Ed25519 {
			ok = ed25519.Verify(key, payload, signature)
		}
	}
	if !ok {
		return errSignature
	}
	return nil
}

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
	for _, key := range keys {
		if (a.kid == "" || a.kid == key.id) && key.verifies(a) {
			return nil
		}
	}
	return errors.New("no registered key verifies the client assertion")
}

// An assertionKey is a registered public key.
type assertionKey struct {
	id     string // kid, may be ""
	public crypto.PublicKey
}

// verifies checks one signature. That the key fits the algorithm was seen to when the client was read, and is seen to again by
// its type.
func (k assertionKey) verifies(a *assertion) bool {
	digest := sha256.Sum256(a.signed)
	switch key := k.public.(type) {
	case *ecdsa.PublicKey:
		if a.algorithm != dpop.ES256 || len(a.signature) != 64 { // RFC 7518 §3.4
			return false
		}
		r, s := new(big.Int).SetBytes(a.signature[:32]), new(big.Int).SetBytes(a.signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256} // RFC 7518 §3.5
		return a.algorithm == dpop.PS256 && rsa.VerifyPSS(key, crypto.SHA256, digest[:], a.signature, options) == nil
	case ed25519.PublicKey:
		return (a.algorithm == dpop.EdDSA || a.algorithm == dpop.Ed25519) && ed25519.Verify(key, a.signed, a.signature) // RFC 8037 §3.1
	}
	return false
}

package verifier

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A KeySource tells which keys an issuer signs with now. A key that it stops returning is no longer trusted, also for tokens that
// were verified with it before.
type KeySource interface {
	// Keys gives every key published under exactly this key id; none means that there is no such key. A token without a kid
	// asks for "". The error says that it cannot be known, and refuses nothing: it is answered with 503.
	Keys(ctx context.Context, keyID string) ([]*Key, error)
}

// A Key is a public key that an issuer signs with. Only [NewKey] makes one, so each is of a kind and size that may be used.
type Key struct {
	id         string
	algorithm  dpop.Algorithm
	public     crypto.PublicKey
	thumbprint string
}

// NewKey makes a Key for one algorithm. It refuses a key that does not fit the algorithm, and a weak one (FAPI 2.0 §5.4.1).
func NewKey(id string, alg dpop.Algorithm, public crypto.PublicKey) (*Key, error) {
	if err := checkPublicKey(alg, public); err != nil {
		return nil, err
	}
	thumbprint, err := dpop.Thumbprint(public)
	if err != nil {
		return nil, err
	}
	return &Key{id: id, algorithm: alg, public: public, thumbprint: thumbprint}, nil
}

// ID is the key id under which the key is published.
func (k *Key) ID() string { return k.id }

// Thumbprint is the RFC 7638 thumbprint of the key.
func (k *Key) Thumbprint() string { return k.thumbprint }

// same reports whether both are one key under one id.
func (k *Key) same(other *Key) bool { return k.id == other.id && k.thumbprint == other.thumbprint }

// checkPublicKey ties the type of a key to its algorithm. Curve and point are the thumbprint's matter, which a key has only when it is
// a point of P-256.
func checkPublicKey(alg dpop.Algorithm, public crypto.PublicKey) error {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if alg == dpop.ES256 {
			return nil
		}
	case *rsa.PublicKey:
		if alg == dpop.PS256 {
			return checkRSA(key)
		}
	case ed25519.PublicKey:
		if family(alg) == dpop.Ed25519 && len(key) == ed25519.PublicKeySize { // another length makes ed25519.Verify panic
			return nil
		}
	}
	return fmt.Errorf("a key of type %T does not fit %q", public, alg) // RFC 8725 §3.1
}

// checkRSA refuses moduli that are small, and exponents that are small or even.
func checkRSA(key *rsa.PublicKey) error {
	if key.N.BitLen() < 2048 {
		return fmt.Errorf("an RSA key of %d bits: at least 2048 are needed", key.N.BitLen()) // FAPI 2.0 §5.4.1 (2)
	}
	if key.N.Bit(0) == 0 || key.E < 65537 || key.E%2 == 0 {
		return errors.New("an RSA key with an even modulus, or an exponent that is even or below 65537") // NIST SP 800-89 §5.3.3
	}
	return nil
}

// fits reports whether the key may verify a signature of this algorithm. EdDSA and Ed25519 name one algorithm (RFC 9864 §2.2).
func (k *Key) fits(alg dpop.Algorithm) bool {
	return family(alg) == family(k.algorithm)
}

func family(alg dpop.Algorithm) dpop.Algorithm {
	if alg == dpop.EdDSA {
		return dpop.Ed25519
	}
	return alg
}

// verify reports whether signature is the key's signature over input (RFC 7518 §3.4, §3.5; RFC 8037 §3.1).
func (k *Key) verify(input string, signature []byte) bool {
	digest := sha256.Sum256([]byte(input))
	switch key := k.public.(type) {
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false // RFC 7518 §3.4
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, digest[:], r, s)
	case *rsa.PublicKey:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash} // RFC 7518 §3.5
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, options) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(input), signature)
	}
	return false
}

// maxKeys bounds a key set. An issuer in the middle of a rotation has a handful.
const maxKeys = 100

// A keySet holds the usable keys of a JWK Set by key id. Several keys may share an id (FAPI 2.0 §5.4.3).
type keySet map[string][]*Key

// parseKeySet reads a JWK Set (RFC 7517 §5). A key that cannot be used here is left out, and does not take the others with it: one
// for encryption, of another algorithm, too weak, symmetric, or private, which a published key must not be.
func parseKeySet(data []byte) (keySet, error) {
	set, count := keySet{}, 0
	err := strictjson.Object(data, func(name string, v strictjson.Value) error {
		if name != "keys" {
			return nil
		}
		return v.Array(func(v strictjson.Value) error {
			if count++; count > maxKeys {
				return fmt.Errorf("more than %d keys", maxKeys)
			}
			var parsed jose.JSONWebKey
			if parsed.UnmarshalJSON(v) != nil {
				return nil
			}
			if key, err := keyFromJWK(parsed); err == nil {
				set[key.id] = append(set[key.id], key)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if len(set) == 0 {
		return nil, errors.New("key set: it holds no key that can be used")
	}
	return set, nil
}

// keyFromJWK accepts a public signature key. A JWK without alg gets the one algorithm that its type can have here.
func keyFromJWK(jwk jose.JSONWebKey) (*Key, error) {
	if jwk.Use != "" && jwk.Use != "sig" {
		return nil, fmt.Errorf("its use is %q", jwk.Use) // RFC 7517 §4.2
	}
	alg := dpop.Algorithm(jwk.Algorithm)
	if alg == "" {
		switch jwk.Key.(type) {
		case *ecdsa.PublicKey:
			alg = dpop.ES256
		case *rsa.PublicKey:
			alg = dpop.PS256
		case ed25519.PublicKey:
			alg = dpop.Ed25519
		}
	}
	return NewKey(jwk.KeyID, alg, jwk.Key)
}

// StaticKeys is a KeySource of keys that never change, such as those of a test or of an issuer that is reached by configuration
// only. Unlike a remote set, a set with any key that cannot be used is an error.
func StaticKeys(set jose.JSONWebKeySet) (KeySource, error) {
	keys := keySet{}
	var faults []error
	for i, jwk := range set.Keys {
		key, err := keyFromJWK(jwk)
		if err != nil {
			faults = append(faults, fmt.Errorf("verifier: key %d (kid %q): %w", i, jwk.KeyID, err))
			continue
		}
		keys[key.id] = append(keys[key.id], key)
	}
	if len(set.Keys) == 0 {
		faults = append(faults, errors.New("verifier: the key set is empty"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return keys, nil
}

var _ KeySource = keySet(nil)

// Keys implements [KeySource].
func (s keySet) Keys(_ context.Context, keyID string) ([]*Key, error) { return s[keyID], nil }

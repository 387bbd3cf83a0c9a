package client

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
)

// An AssertionKey authenticates a client by private_key_jwt (OpenID Connect Core §9, RFC 7523 §2.2).
type AssertionKey struct {
	Signer    crypto.Signer
	Algorithm dpop.Algorithm // the one that the client registered
	KeyID     string         // kid of the registered key; empty leaves the header out
}

// assertionLifetime is how long an assertion can be used. It is sent at once and used once.
const assertionLifetime = time.Minute

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 §2.2

// check finds what is wrong with the key. It must not be the key of the proofs: each key has one purpose (FAPI 2.0 §6.8),
// and a proof key is often made anew while a registered one is not.
func (k *AssertionKey) check(proofs *dpop.Key) error {
	if k.Signer == nil {
		return errors.New("there is no Signer")
	}
	same, err := dpop.NewKey(k.Signer, k.Algorithm)
	if err != nil {
		return err
	}
	if proofs != nil && same.Thumbprint() == proofs.Thumbprint() {
		return errors.New("the same key signs the DPoP proofs: make one for each purpose (FAPI 2.0 §6.8)")
	}
	return nil
}

// sign makes an assertion. Each is new, also for a retry: a server may have spent the jti of the first before it asked for
// a nonce.
func (k *AssertionKey) sign(clientID, issuer string, now time.Time) (string, error) {
	options := (&jose.SignerOptions{}).WithType("client-authentication+jwt") // draft-ietf-oauth-rfc7523bis §4
	if k.KeyID != "" {
		options.WithHeader("kid", k.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: jose.SignatureAlgorithm(k.Algorithm),
		Key:       opaque{k},
	}, options)
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	var id [16]byte
	rand.Read(id[:]) // never fails
	claims, err := json.Marshal(map[string]any{
		"iss": clientID,
		"sub": clientID,
		"aud": issuer, // the issuer as a string and nothing else (FAPI 2.0 §5.3.3.1 (5))
		"jti": base64.RawURLEncoding.EncodeToString(id[:]),
		"iat": now.Unix(),
		"exp": now.Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	return signed.CompactSerialize()
}

// opaque lets go-jose sign with any crypto.Signer. Its own adapter salts PS256 with as much as fits, where RFC 7518 §3.5
// wants the length of the hash, and does not know the name Ed25519 (RFC 9864 §2.2).
type opaque struct{ key *AssertionKey }

var _ jose.OpaqueSigner = opaque{}

// Public gives nothing: the key is registered with the server, so the header names it by kid at most.
func (o opaque) Public() *jose.JSONWebKey { return nil }

func (o opaque) Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.SignatureAlgorithm(o.key.Algorithm)}
}

func (o opaque) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	digest := func() []byte {
		h := crypto.SHA256.New()
		h.Write(payload)
		return h.Sum(nil)
	}
	switch o.key.Algorithm {
	case dpop.ES256:
		der, err := o.key.Signer.Sign(rand.Reader, digest(), crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return rawECDSA(der, o.key.Signer.Public().(*ecdsa.PublicKey))
	case dpop.PS256:
		return o.key.Signer.Sign(rand.Reader, digest(), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case dpop.EdDSA, dpop.Ed25519:
		return o.key.Signer.Sign(rand.Reader, payload, crypto.Hash(0))
	}
	return nil, jose.ErrUnsupportedAlgorithm
}

// rawECDSA turns the ASN.1 that crypto.Signer gives into the two fixed-length integers of RFC 7518 §3.4.
func rawECDSA(der []byte, key *ecdsa.PublicKey) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) != 0 {
		return nil, errors.New("the signer gave no ASN.1 ECDSA signature")
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if sig.R.Sign() <= 0 || sig.S.Sign() <= 0 || sig.R.BitLen() > size*8 || sig.S.BitLen() > size*8 {
		return nil, errors.New("the signer gave an ECDSA signature out of range")
	}
	raw := make([]byte, 2*size)
	sig.R.FillBytes(raw[:size])
	sig.S.FillBytes(raw[size:])
	return raw, nil
}

package issuer

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/tenon-auth/tenon/dpop"
)

// sign makes a compact JWS (RFC 7515 §7.1) of the given type. Any crypto.Signer will do, which is why it is not go-jose that
// signs: its wrapper for them makes PS256 with a salt that is longer than RFC 7518 §3.5 allows.
func (k *signingKey) sign(typ string, payload []byte) (string, error) {
	header, err := json.Marshal(struct {
		Algorithm dpop.Algorithm `json:"alg"`
		Type      string         `json:"typ"`
		KeyID     string         `json:"kid"`
	}{k.algorithm(), typ, k.id()})
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	signed := make([]byte, 0, b64.EncodedLen(len(header)+len(payload)+512)+3)
	signed = append(b64.AppendEncode(signed, header), '.')
	signed = b64.AppendEncode(signed, payload)
	signature, err := rawSignature(k.signer, k.algorithm(), signed)
	if err != nil {
		return "", fmt.Errorf("issuer: sign with %s: %w", k.id(), err)
	}
	return string(b64.AppendEncode(append(signed, '.'), signature)), nil
}

// rawSignature signs in the form that JWS wants.
func rawSignature(signer crypto.Signer, alg dpop.Algorithm, signed []byte) ([]byte, error) {
	digest := sha256.Sum256(signed)
	switch alg {
	case dpop.ES256:
		der, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		return fixedWidth(der)
	case dpop.PS256:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256} // RFC 7518 §3.5
		return signer.Sign(rand.Reader, digest[:], options)
	case dpop.EdDSA, dpop.Ed25519:
		return signer.Sign(rand.Reader, signed, crypto.Hash(0)) // RFC 8037 §3.1
	}
	return nil, fmt.Errorf("no signatures with %q", alg)
}

// fixedWidth turns a DER signature into R and S of 32 bytes each (RFC 7518 §3.4).
func fixedWidth(der []byte) ([]byte, error) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil || len(rest) != 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.BitLen() > 256 || v.S.BitLen() > 256 {
		return nil, errors.New("the signer gave something that is no P-256 signature")
	}
	raw := make([]byte, 64)
	v.R.FillBytes(raw[:32])
	v.S.FillBytes(raw[32:])
	return raw, nil
}

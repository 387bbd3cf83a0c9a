package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
)

// verify checks signature over signed with the key of the header and no other (RFC 9449 §4.3 (6)).
func (h *header) verify(signed, signature string) error {
	sig, err := decode(signature)
	if err != nil {
		return refuse("malformed", "the proof signature is not base64url").Because(err)
	}
	if !verifySignature(h.key, signed, sig) {
		return refuse("signature", "the proof signature does not fit its jwk") // RFC 9449 §4.3 (6)
	}
	return nil
}

// verifySignature is the one place where a signature is judged. The type of the key decides how: parseHeader has seen to it
// that the key fits the alg.
func verifySignature(key crypto.PublicKey, signed string, sig []byte) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if len(sig) != 64 { // RFC 7518 §3.4
			return false
		}
		digest := sha256.Sum256([]byte(signed))
		return ecdsa.VerifyASN1(k, digest[:], rawToASN1(sig))
	case *rsa.PublicKey:
		digest := sha256.Sum256([]byte(signed)) // crypto/rsa refuses a signature that is not as long as the modulus
		return rsa.VerifyPSS(k, crypto.SHA256, digest[:], sig, pssOptions) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(k, []byte(signed), sig)
	}
	return false
}

// pssOptions fixes the salt to the length of the hash (RFC 7518 §3.5). Left to itself, crypto/rsa takes any.
var pssOptions = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}

// rawToASN1 turns r || s of 32 bytes each into the DER form that crypto/ecdsa wants. Both integers stay below 128 bytes of
// content together, so every length takes one byte.
func rawToASN1(raw []byte) []byte {
	der := append(make([]byte, 0, 72), 0x30, 0)
	der = appendInteger(der, raw[:32])
	der = appendInteger(der, raw[32:])
	der[1] = byte(len(der) - 2)
	return der
}

// appendInteger writes a big-endian unsigned number as a minimal DER INTEGER.
func appendInteger(der, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	if n[0] >= 0x80 { // a leading zero keeps it positive
		der = append(der, 0x02, byte(len(n)+1), 0)
		return append(der, n...)
	}
	return append(append(der, 0x02, byte(len(n))), n...)
}

// asn1ToRaw turns the DER form of a P-256 signature into r || s (RFC 7518 §3.4).
func asn1ToRaw(der []byte) ([]byte, error) {
	var v struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &v)
	if err != nil || len(rest) > 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 || v.R.BitLen() > 256 || v.S.BitLen() > 256 {
		return nil, errors.New("dpop: the signer returned something that is not a P-256 signature")
	}
	raw := make([]byte, 64)
	v.R.FillBytes(raw[:32])
	v.S.FillBytes(raw[32:])
	return raw, nil
}

package dpop

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/tenon-auth/tenon"
)

// Bounds on what a stranger sends. They are checked before anything is decoded.
const (
	maxProof = 8 << 10 // bytes of a DPoP header field; an RSA 4096 proof for a URL of 3 KiB fits
	maxJTI   = 256     // bytes; the jti is hashed, so this only bounds work (RFC 9449 §11.1)
	maxHTU   = 4 << 10 // bytes
	maxHTM   = 64      // bytes; no registered method is longer than 17
)

// strict refuses padding and non-zero trailing bits. It still skips CR and LF, which decode notices by the length.
var strict = base64.RawURLEncoding.Strict()

// encode is base64url without padding (RFC 7515 §2).
func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// decode is the inverse of encode and accepts exactly its output: one text a value, so that nothing can be respelled.
func decode(s string) ([]byte, error) {
	data, err := strict.DecodeString(s)
	if err == nil && strict.EncodedLen(len(data)) != len(s) {
		return nil, errors.New("line break in base64url")
	}
	return data, err
}

// refuse makes the refusal of a bad proof.
func refuse(reason, format string, args ...any) *tenon.Error {
	return tenon.Refuse(tenon.InvalidDPoPProof, reason, format, args...)
}

// oneField returns the one DPoP header field of a request. A field that is present but empty is not an absent one.
func oneField(fields []string) (string, error) {
	if len(fields) == 0 {
		return "", refuse("no_proof", "the request has no DPoP header field: send one with a proof")
	}
	if len(fields) > 1 {
		return "", refuse("headers", "the request has %d DPoP header fields: send one", len(fields)) // RFC 9449 §4.3 (1)
	}
	field := fields[0]
	if field == "" {
		return "", refuse("headers", "the DPoP header field is empty")
	}
	if len(field) > maxProof {
		return "", refuse("headers", "the DPoP header field is longer than %d bytes", maxProof)
	}
	// A comma, with or without a space, is what intermediaries join two fields with. Other characters that have no place
	// here are met when the parts are decoded.
	if strings.IndexByte(field, ',') >= 0 || strings.IndexByte(field, ' ') >= 0 {
		return "", refuse("headers", "the DPoP header field holds more than one compact JWT") // RFC 9449 §4.3 (1), (2)
	}
	return field, nil
}

// A compact is a JWS in compact serialisation, cut but not decoded (RFC 7515 §7.1).
type compact struct {
	signed                     string // header, dot, payload: what the signature covers
	header, payload, signature string
}

// cut splits a proof at its two dots (RFC 9449 §4.3 (2)). Dots are counted first, so that a million of them cost nothing.
func cut(proof string) (compact, error) {
	if strings.Count(proof, ".") != 2 {
		return compact{}, refuse("malformed", "the proof is not a JWT of three parts")
	}
	first, last := strings.IndexByte(proof, '.'), strings.LastIndexByte(proof, '.')
	c := compact{signed: proof[:last], header: proof[:first], payload: proof[first+1 : last], signature: proof[last+1:]}
	if c.header == "" || c.payload == "" || c.signature == "" {
		return compact{}, refuse("malformed", "the proof has an empty part")
	}
	return c, nil
}

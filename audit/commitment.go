package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Salt hides what is committed to from everybody who is not given it. Once it is deleted, nobody can tell any more.
type Salt [32]byte

// String gives the salt as it stands in openings: 43 characters of base64url.
func (s Salt) String() string { return encode(s) }

// encode writes 32 bytes in base64url without padding.
func encode(b [sha256.Size]byte) string {
	var text [digestLength]byte
	base64.RawURLEncoding.Encode(text[:], b[:])
	return string(text[:])
}

// ParseSalt reads what String wrote.
func ParseSalt(text string) (Salt, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(Salt{}) {
		return Salt{}, fmt.Errorf("%w: %q is not a salt", ErrMalformed, text)
	}
	return Salt(raw), nil
}

// KeyCommitment is the member kc: SHA-256("kc1" ‖ salt ‖ thumbprint). A key has one salt, so its leaves have one commitment.
func KeyCommitment(salt Salt, thumbprint string) string { return commit("kc1", salt, thumbprint) }

// TokenCommitment is the member jc: the same over a jti.
func TokenCommitment(salt Salt, jti string) string { return commit("jc1", salt, jti) }

// AccountCommitment is the member ac: the same over a subject.
func AccountCommitment(salt Salt, subject string) string { return commit("ac1", salt, subject) }

// DetailCommitment is the member dc: the same over the bytes of a detail record, under a nonce of its own.
func DetailCommitment(nonce Salt, detail []byte) string { return commit("dc1", nonce, detail) }

// commit hashes a tag of three bytes, a salt of 32 and a value: no two inputs run into one another.
func commit[T string | []byte](tag string, salt Salt, value T) string {
	var room [512]byte // on the stack: this is done several times for every entry
	return digest(append(append(append(room[:0], tag...), salt[:]...), value...))
}

// ProofDigest is the member pd: SHA-256 of a DPoP proof as it was sent.
func ProofDigest(proof string) string {
	var room [1024]byte // on the stack: most proofs fit
	return digest(append(room[:0], proof...))
}

func digest(data []byte) string { return encode(sha256.Sum256(data)) }

// errNotLast is about claims whose digest cannot be taken.
var errNotLast = errors.New("audit: status and tlog must be the last claims, in this order and without white space")

// ClaimsDigest is the member cd: SHA-256 of a JWT's claims as they are in the token, but for the members status and tlog. Those
// hold the index of the leaf, which is known only after the leaf is written; so they must come last, status before tlog, and are
// cut off. Claims without them are taken as they are.
func ClaimsDigest(payload []byte) (string, error) {
	var tail []byte
	err := strictjson.Object(payload, func(name string, v strictjson.Value) error {
		late := name == "status" || name == "tlog"
		if len(tail) > 0 && name != "tlog" {
			return errNotLast
		}
		if late {
			tail = fmt.Appendf(tail, ",%q:%s", name, v)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("audit: claims: %w", err)
	}
	if len(tail) == 0 {
		return digest(payload), nil
	}
	rest, ok := bytes.CutSuffix(payload, append(tail, '}'))
	if !ok {
		return "", errNotLast
	}
	return digest(append(bytes.Clone(rest), '}')), nil
}

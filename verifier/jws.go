package verifier

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// maxJWS bounds a JWS that is parsed here: an access token or a status list's envelope.
const maxJWS = 1 << 20

// A jws is a JWS in compact form (RFC 7515 §7.1), parsed strictly and not yet verified.
type jws struct {
	typ       string // as written; "" when absent
	algorithm dpop.Algorithm
	keyID     string // "" when absent
	payload   []byte
	signature []byte
	input     string // what was signed (RFC 7515 §5.2)
}

// A fault is what is wrong with a JWS, with the check that found it. It is no refusal yet: a bad token is its sender's fault, and
// a bad status list is not.
type fault struct {
	reason string
	err    error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func faultf(reason, format string, args ...any) error {
	return &fault{reason, fmt.Errorf(format, args...)}
}

// parseJWS reads a compact JWS. There is one way to write each: whatever is accepted here decodes to the same bytes everywhere.
func parseJWS(compact string) (*jws, error) {
	if len(compact) > maxJWS {
		return nil, faultf("token", "larger than %d bytes", maxJWS)
	}
	if strings.Count(compact, ".") != 2 { // counted before anything is split or decoded
		return nil, faultf("token", "not three parts joined by dots") // RFC 7515 §7.1
	}
	head, rest, _ := strings.Cut(compact, ".")
	body, tail, _ := strings.Cut(rest, ".")
	header, err := decode(head)
	if err != nil {
		return nil, faultf("token", "header: %w", err)
	}
	j := &jws{input: compact[:len(head)+1+len(body)]}
	if err := j.parseHeader(header); err != nil {
		return nil, err
	}
	if j.payload, err = decode(body); err != nil {
		return nil, faultf("token", "payload: %w", err)
	}
	if j.signature, err = decode(tail); err != nil {
		return nil, faultf("signature", "signature: %w", err)
	}
	return j, nil
}

// decode reads base64url without padding, strictly: no line ends, which encoding/base64 would skip, and no bits left over after the
// last byte, which would let one signed text have several spellings (RFC 7515 §2).
func decode(s string) ([]byte, error) {
	if s == "" {
		return nil, errors.New("empty")
	}
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("a line end")
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

// parseHeader reads the members that decide how the JWS is verified, and refuses those that would let its sender choose the key.
func (j *jws) parseHeader(header []byte) error {
	err := strictjson.Object(header, func(name string, v strictjson.Value) error {
		text, err := v.Str()
		switch name {
		case "typ":
			j.typ = text
		case "alg":
			j.algorithm = dpop.Algorithm(text)
		case "kid":
			j.keyID = text
		case "crit":
			return faultf("crit", "header member crit: no extension is known here") // RFC 7515 §4.1.11
		case "jku", "jwk", "x5u", "x5c":
			return faultf("key", "header member %s: keys come from the issuer's key set only", name) // RFC 8725 §3.10
		default:
			return nil
		}
		if err != nil {
			return faultf(headerReason(name), "header member %s: %w", name, err)
		}
		return nil
	})
	if _, known := errors.AsType[*fault](err); err != nil && !known {
		return faultf("token", "header: %w", err)
	}
	return err
}

func headerReason(member string) string {
	if member == "kid" {
		return "key"
	}
	return member
}

// isType compares the typ member with a media type, whose application/ may be left out (RFC 7515 §4.1.9).
func (j *jws) isType(name string) bool {
	return j.typ == name || j.typ == "application/"+name
}

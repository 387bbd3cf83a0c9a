package dpop

import (
	"crypto"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// proofType is the one value of typ. Media types compare without regard to case, but RFC 9449 names one spelling, every
// known client writes it, and a single spelling leaves no room between two readers.
const proofType = "dpop+jwt"

// A header is the JOSE header of a proof, reduced to what it decides: which key, and how it signs.
type header struct {
	alg        Algorithm
	key        crypto.PublicKey
	thumbprint string
}

// rawHeader is the members of a JOSE header that are looked at (RFC 9449 §4.2). The rest are ignored.
type rawHeader struct {
	typ, alg, jwk strictjson.Value
}

// parseHeader reads the first part of a proof and holds it to the list of allowed algorithms.
func parseHeader(part string, allowed []Algorithm) (*header, error) {
	raw, err := readHeader(part)
	if err != nil {
		return nil, err
	}
	if typ, err := raw.typ.Str(); err != nil || typ != proofType {
		return nil, refuse("typ", "the typ of a proof must be %s", proofType) // RFC 9449 §4.3 (4)
	}
	name, err := raw.alg.Str()
	if alg := Algorithm(name); err != nil || !slices.Contains(allowed, alg) {
		return nil, refuse("alg", "the alg of a proof must be one of %v", allowed) // RFC 9449 §4.3 (5)
	}
	if raw.jwk == nil {
		return nil, refuse("malformed", "the proof header has no jwk") // RFC 9449 §4.3 (3)
	}
	members, err := parseJWK(raw.jwk)
	if err != nil {
		return nil, asRefusal(err, "key", "the jwk cannot be read")
	}
	key, err := members.public(Algorithm(name))
	if err != nil {
		return nil, refuse("key", "the jwk cannot be used: %v", err)
	}
	thumbprint, err := Thumbprint(key)
	if err != nil {
		return nil, refuse("key", "the jwk cannot be used").Because(err)
	}
	return &header{Algorithm(name), key, thumbprint}, nil
}

// readHeader decodes the header and refuses members that would change its meaning. Nothing is ever fetched, and the key is
// the one inside: kid is ignored, jku and x5u are refused (RFC 7515 §4.1).
func readHeader(part string) (raw rawHeader, err error) {
	data, err := decode(part)
	if err != nil {
		return raw, refuse("malformed", "the proof header is not base64url").Because(err)
	}
	err = strictjson.Object(data, func(name string, v strictjson.Value) error {
		switch name {
		case "typ":
			raw.typ = v
		case "alg":
			raw.alg = v
		case "jwk":
			raw.jwk = v
		case "crit", "b64": // b64 has a meaning only under crit (RFC 7797 §6)
			return refuse("crit", "the proof header has %s: no extension is understood here", name) // RFC 7515 §4.1.11
		case "jku", "x5u":
			return refuse("key", "the proof header has %s: nothing is fetched for a proof", name)
		case "kid", "nonce":
			if _, err := v.Str(); err != nil {
				return refuse("malformed", "the proof header member %s is not a string", name) // RFC 7515 §4.1.4
			}
		}
		return nil
	})
	if err != nil {
		return raw, asRefusal(err, "malformed", "the proof header cannot be read")
	}
	return raw, nil
}

// asRefusal returns err when it refuses already, and else a refusal because of it.
func asRefusal(err error, reason, description string) error {
	if refusal, ok := errors.AsType[*tenon.Error](err); ok {
		return refusal
	}
	return refuse(reason, "%s: %v", description, err)
}

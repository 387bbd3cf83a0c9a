package dpop

import (
	"strings"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// maxTime bounds iat, nbf and exp: the last second of the year 9999, as far as time.Time prints.
const maxTime = 253402300799

// claims is what a proof says (RFC 9449 §4.2). The pointers are nil for claims that are absent.
type claims struct {
	jti, htm, htu string
	ath, nonce    *string
	iat           int64  // seconds since 1970
	nbf, exp      *int64 // not defined for proofs; honoured when they are there
}

// parseClaims reads the second part of a proof. Names are matched exactly: ATH is not ath.
func parseClaims(part string) (*claims, error) {
	data, err := decode(part)
	if err != nil {
		return nil, refuse("malformed", "the proof payload is not base64url").Because(err)
	}
	var c claims
	var hasIAT bool
	err = strictjson.Object(data, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "jti":
			c.jti, err = text(name, v)
		case "htm":
			c.htm, err = text(name, v)
		case "htu":
			c.htu, err = text(name, v)
		case "ath":
			c.ath, err = optionalText(name, v)
		case "nonce":
			c.nonce, err = optionalText(name, v)
		case "iat":
			hasIAT = true
			c.iat, err = seconds(name, v)
		case "nbf":
			c.nbf, err = optionalSeconds(name, v)
		case "exp":
			c.exp, err = optionalSeconds(name, v)
		}
		return err
	})
	if err != nil {
		return nil, asRefusal(err, "malformed", "the proof payload cannot be read")
	}
	return &c, c.complete(hasIAT)
}

// complete refuses a proof without one of the required claims (RFC 9449 §4.3 (3)) and claims out of bounds.
func (c *claims) complete(hasIAT bool) error {
	switch {
	case strings.TrimSpace(c.jti) == "":
		return refuse("malformed", "the proof has no jti") // RFC 9449 §4.3 (3)
	case len(c.jti) > maxJTI:
		return refuse("malformed", "the jti is longer than %d bytes", maxJTI) // RFC 9449 §11.1
	case c.htm == "":
		return refuse("malformed", "the proof has no htm") // RFC 9449 §4.3 (3)
	case len(c.htm) > maxHTM:
		return refuse("malformed", "the htm is longer than %d bytes", maxHTM)
	case c.htu == "":
		return refuse("malformed", "the proof has no htu") // RFC 9449 §4.3 (3)
	case len(c.htu) > maxHTU:
		return refuse("malformed", "the htu is longer than %d bytes", maxHTU)
	case !hasIAT:
		return refuse("malformed", "the proof has no iat") // RFC 9449 §4.3 (3)
	}
	return nil
}

func text(name string, v strictjson.Value) (string, error) {
	s, err := v.Str()
	if err != nil {
		return "", refuse("malformed", "the claim %s is not a string", name).Because(err)
	}
	return s, nil
}

func optionalText(name string, v strictjson.Value) (*string, error) {
	s, err := text(name, v)
	return &s, err
}

// seconds reads a NumericDate. Fractions are refused: a proof says whole seconds (RFC 7519 §2 allows either).
func seconds(name string, v strictjson.Value) (int64, error) {
	n, err := v.Int()
	if err != nil || n < 0 || n > maxTime {
		return 0, refuse("malformed", "the claim %s is not a time in whole seconds since 1970", name).Because(err)
	}
	return n, nil
}

func optionalSeconds(name string, v strictjson.Value) (*int64, error) {
	n, err := seconds(name, v)
	return &n, err
}

package issuer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

const (
	idTokenType    = "JWT"
	maxIDTokenHint = 8 << 10 // bytes
)

// A hint is an ID token that comes back. Its claims are not to be believed before its signature has been checked.
type hint struct {
	assertion // signed, signature, kid, algorithm, issuer, subject, expires, issuedAt
	typ       string
	audience  []string
}

// subjectOfHint reads an ID token that this server gave to the client, and gives its sub. One that has expired is as good as
// any (OpenID Connect Core §3.1.2.1): it only says who is meant, and whoever is meant must still log in.
func (i *Issuer) subjectOfHint(compact, clientID string) (string, error) {
	h, err := parseHint(compact)
	if err != nil {
		return "", err
	}
	keys := i.cfg.Signing.published()
	known := keys.Key(h.kid)
	switch {
	case h.typ != idTokenType:
		return "", errors.New("it is another kind of token") // RFC 8725 §3.11
	case len(known) != 1 || known[0].Algorithm != string(h.algorithm): // RFC 8725 §3.1
		return "", errors.New("its key is none of this server's, or not any more")
	case !assertionKey{public: known[0].Key}.verifies(&h.assertion):
		return "", errors.New("its signature is wrong")
	case h.issuer != i.cfg.Issuer:
		return "", errors.New("it is from another issuer")
	case !slices.Contains(h.audience, clientID):
		return "", errors.New("it was given to another client")
	case h.subject == "":
		return "", errors.New("it names nobody")
	case h.expires.IsZero() || h.issuedAt.IsZero(): // as in a signed userinfo answer, which has the same typ
		return "", errors.New("it has no exp or no iat, and is no ID token") // OpenID Connect Core §2, RFC 8725 §3.12
	}
	return h.subject, nil
}

// parseHint reads a compact JWS strictly.
func parseHint(compact string) (*hint, error) {
	parts := strings.Split(compact, ".")
	if len(compact) > maxIDTokenHint || len(parts) != 3 {
		return nil, fmt.Errorf("not a JWT of three parts, or longer than %d bytes", maxIDTokenHint)
	}
	var decoded [3][]byte
	for n, part := range parts {
		b, err := decodeSegment(part)
		if err != nil {
			return nil, err
		}
		decoded[n] = b
	}
	h := &hint{assertion: assertion{signed: []byte(compact[:strings.LastIndexByte(compact, '.')]), signature: decoded[2]}}
	return h, errors.Join(strictjson.Object(decoded[0], h.readHeader), strictjson.Object(decoded[1], h.readClaim))
}

func (h *hint) readHeader(name string, v strictjson.Value) (err error) {
	switch name {
	case "alg":
		var alg string
		alg, err = v.Str()
		h.algorithm = dpop.Algorithm(alg)
	case "kid":
		h.kid, err = v.Str()
	case "typ":
		h.typ, err = v.Str()
	}
	return err
}

func (h *hint) readClaim(name string, v strictjson.Value) (err error) {
	switch name {
	case "iss":
		h.issuer, err = v.Str()
	case "sub":
		h.subject, err = v.Str()
	case "exp":
		h.expires, err = timeOf(v)
	case "iat":
		h.issuedAt, err = timeOf(v)
	case "aud":
		if one, notText := v.Str(); notText == nil {
			h.audience = []string{one}
		} else {
			h.audience, err = v.Strings()
		}
	}
	return err
}

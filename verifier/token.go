package verifier

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// tokenType is the explicit type of a JWT access token (RFC 9068 §2.1). It keeps an ID token, a proof or a client assertion of the same
// issuer from being taken for one.
const tokenType = "at+jwt"

// maxAhead is how far the issuer's clock may be ahead of this one. FAPI 2.0 §5.3.2.1 (13) asks that 10 s are accepted and that more
// than 60 s are refused; nothing in between is needed.
const maxAhead = 10 * time.Second

// A token is an access token that was verified: everything but what changes with time.
type token struct {
	claims    tenon.Claims
	key       *Key       // that signed it; nil when it is opaque
	presented *Presented // for the recorder; nil without one
}

// token gives the verified token for its text, from the cache when it was verified before.
func (v *Verifier) token(ctx context.Context, compact string) (*token, error) {
	digest := sha256.Sum256([]byte(compact))
	if v.config.Opaque != nil && isOpaque(compact) {
		return v.opaqueToken(ctx, compact, digest)
	}
	if t := v.cache.get(digest); t != nil {
		trusted, err := v.stillTrusted(ctx, t.key)
		if err != nil {
			return nil, err
		}
		if trusted && v.checkTimes(&t.claims) == nil {
			return t, nil
		}
		v.cache.drop(digest) // and say below why it is not good any more
	}
	t, err := v.verifyToken(ctx, compact)
	if err != nil {
		return nil, err
	}
	if t.presented != nil {
		t.presented.Digest = digest
	}
	v.cache.put(digest, t)
	return t, nil
}

// stillTrusted reports whether the issuer still publishes the key.
func (v *Verifier) stillTrusted(ctx context.Context, key *Key) (bool, error) {
	keys, err := v.config.Keys.Keys(ctx, key.id)
	if err != nil {
		return false, unavailable("the issuer's keys cannot be known now", err)
	}
	return slices.ContainsFunc(keys, key.same), nil
}

// verifyToken checks a token that was not seen before (RFC 9068 §4), and its signature last.
func (v *Verifier) verifyToken(ctx context.Context, compact string) (*token, error) {
	j, err := parseJWS(compact)
	if err != nil {
		return nil, tokenRefusal(err)
	}
	if !j.isType(tokenType) {
		return nil, refuseToken("typ", "the token is not a JWT access token: its typ is not at+jwt") // RFC 9068 §4
	}
	if !slices.Contains(v.config.Algorithms, j.algorithm) {
		return nil, refuseToken("alg", "the token's alg is not accepted here") // RFC 8725 §3.1
	}
	claims, err := parseClaims(j.payload)
	if err != nil {
		return nil, err
	}
	if err := v.checkClaims(&claims); err != nil {
		return nil, err
	}
	key, err := verifySignature(ctx, v.config.Keys, j)
	if err != nil {
		return nil, tokenRefusal(err)
	}
	if err := v.checkRecord(ctx, j.payload); err != nil {
		return nil, err
	}
	return &token{claims, key, v.presented(claims, j.payload, key.id)}, nil
}

// checkClaims checks what a token says of itself, whoever says that it is so.
func (v *Verifier) checkClaims(claims *tenon.Claims) error {
	if claims.Issuer != v.config.Issuer {
		return refuseToken("issuer", "the token is from another issuer") // RFC 9068 §4
	}
	if !slices.Contains(claims.Audience, v.config.Audience) {
		return refuseToken("audience", "the token is for another audience: ask the issuer for one for this API") // RFC 9068 §4
	}
	return v.checkTimes(claims)
}

// parseClaims reads the payload of a token. A cnf that is not understood in full is told apart from other faults.
func parseClaims(payload []byte) (tenon.Claims, error) {
	var claims tenon.Claims
	err := claims.UnmarshalJSON(payload)
	if err == nil {
		return claims, nil
	}
	reason := "token"
	_ = strictjson.Object(payload, func(name string, v strictjson.Value) error {
		var cnf tenon.Confirmation
		if name == "cnf" && cnf.UnmarshalJSON(v) != nil {
			reason = "cnf"
		}
		return nil
	})
	return claims, refuseToken(reason, "the token's claims cannot be used: a claim is missing, malformed or not known").Because(err)
}

// verifySignature finds the issuer's key that made the signature. Only keys of the token's kid are tried, and of these only keys made
// for the algorithm (FAPI 2.0 §5.4.3).
func verifySignature(ctx context.Context, source KeySource, j *jws) (*Key, error) {
	keys, err := source.Keys(ctx, j.keyID)
	if err != nil {
		return nil, unavailable("the issuer's keys cannot be known now", err)
	}
	tried := false
	for _, key := range keys {
		if !key.fits(j.algorithm) {
			continue
		}
		if key.verify(j.input, j.signature) {
			return key, nil
		}
		tried = true
	}
	if !tried {
		return nil, faultf("key", "the issuer publishes no such key")
	}
	return nil, faultf("signature", "the signature is wrong")
}

// OpenJWT gives the claims, as they stand, of a JWT that a key of the source signed with exactly this typ. It looks at nothing that they
// say: issuer, audience and times are for the caller to check. A refusal is invalid_token, and temporarily_unavailable while the keys cannot
// be known.
func OpenJWT(ctx context.Context, keys KeySource, typ, compact string) ([]byte, error) {
	j, err := parseJWS(compact)
	if err != nil {
		return nil, tokenRefusal(err)
	}
	if !j.isType(typ) {
		return nil, refuseToken("typ", "the JWT is of another type") // RFC 8725 §3.11
	}
	if _, err := verifySignature(ctx, keys, j); err != nil {
		return nil, tokenRefusal(err)
	}
	return j.payload, nil
}

// tokenRefusal makes a refusal of what is wrong with a token's JWS. What cannot be known stays what it is.
func tokenRefusal(err error) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return refuseToken(f.reason, "the token is not a JWT signed by the issuer").Because(f.err)
	}
	return err
}

// refuseToken refuses a token for the given reason.
func refuseToken(reason, description string) *tenon.Error {
	return tenon.Refuse(tenon.InvalidToken, reason, "%s", description)
}

// checkTimes checks what changes with time, so it is asked for remembered tokens too.
func (v *Verifier) checkTimes(claims *tenon.Claims) error {
	now := v.config.Now()
	if !now.Before(claims.Expires) {
		return refuseToken("expired", "the token has expired: get a new one") // RFC 7519 §4.1.4
	}
	if claims.IssuedAt.After(now.Add(maxAhead)) || claims.NotBefore.After(now.Add(maxAhead)) {
		return refuseToken("expired", "the token is not valid yet") // RFC 7519 §4.1.5, §4.1.6
	}
	return nil
}

package verifier

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tenon-auth/tenon"
)

// OpaqueTokens tells what a token stands for that says nothing itself.
type OpaqueTokens interface {
	// Claims gives what the token stands for, and so says that it is alive: its Revocation is not asked. The claims are not changed by
	// who gets them. An error that is a *tenon.Error refuses the token; any other says that it cannot be known, and is answered with 503.
	Claims(ctx context.Context, token string) (*tenon.Claims, error)
}

// maxOpaque bounds an opaque token: one of Tenon's needs a tenth.
const maxOpaque = 512

// isOpaque reports whether a token may be one that says nothing itself. What has the parts or the beginning of a JWT is none, whatever
// else is wrong with it: an ID token or a proof of possession must be refused by its kind, and never be sent to somebody as if it
// were opaque (RFC 8725 §3.12).
func isOpaque(token string) bool {
	if len(token) > maxOpaque || !isToken68(token) {
		return false
	}
	switch strings.Count(token, ".") {
	case 2, 4: // JWS, JWE (RFC 7515 §7.1, RFC 7516 §7.1)
		return false
	}
	head, _, _ := strings.Cut(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(token), ".")
	header, _ := base64.RawURLEncoding.DecodeString(head) // as far as it goes
	return !isJSONText(strings.TrimLeft(string(header), " \t\r\n"))
}

// isJSONText reports whether a text may be the beginning of a JSON object. Of random bytes, one in 256 begins like one; that all of them
// are text does not happen.
func isJSONText(s string) bool {
	return strings.HasPrefix(s, "{") && !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || r < ' ' && r != '\t' && r != '\r' && r != '\n'
	})
}

// isToken68 knows the characters of a token in an Authorization field (RFC 6750 §2.1).
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if !isLetterOrDigit(s[i]) && strings.IndexByte("-._~+/", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// opaqueToken asks what an opaque token stands for, and holds that to the rules for every token. Nothing is remembered here: how long
// an answer is good is for its source to know.
func (v *Verifier) opaqueToken(ctx context.Context, text string, digest [sha256.Size]byte) (*token, error) {
	claims, err := v.config.Opaque.Claims(ctx, text)
	if err != nil {
		if _, refused := errors.AsType[*tenon.Error](err); refused {
			return nil, err
		}
		return nil, unavailable("what the token stands for cannot be known now", err)
	}
	if err := v.checkClaims(claims); err != nil {
		return nil, err
	}
	if v.config.Log == nil && v.config.Recorder == nil {
		return &token{claims: *claims}, nil
	}
	payload, err := claims.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if err := v.checkRecord(ctx, payload); err != nil {
		return nil, err
	}
	t := &token{claims: *claims, presented: v.presented(*claims, payload, "")}
	if t.presented != nil {
		t.presented.Digest = digest
	}
	return t, nil
}

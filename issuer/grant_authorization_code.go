package issuer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// authorizationCode is the grant of a person, redeemed by the code that the person's browser brought (RFC 6749 §4.1.3). A code
// is good once: whoever redeems it a second time ends the grant, because one of the two is not who the code was meant for, and
// nobody can tell which (RFC 6749 §4.1.2).
type authorizationCode struct{ *Issuer }

var _ Grant = authorizationCode{}

func (authorizationCode) Type() string { return AuthorizationCode }

// Authorize gives what the person granted, and spends the code.
func (g authorizationCode) Authorize(ctx context.Context, req Request) (*Authorization, error) {
	code, err := g.judge(ctx, req)
	if err != nil {
		return nil, err
	}
	grant, err := g.grantOf(ctx, code.Value.Grant)
	if err != nil {
		return nil, err
	}
	a, err := g.fromPerson(ctx, req, grant)
	if err != nil {
		return nil, err
	}
	a.Standing.Nonce = code.Value.Nonce
	return a, g.redeem(req, code, a)
}

// judge is the column of checks of a code. Only who passes them all has used it.
func (g authorizationCode) judge(ctx context.Context, req Request) (code store.Item[codeRecord], err error) {
	secret := req.Parameter("code")
	if secret == "" {
		return code, tenon.Refuse(tenon.InvalidRequest, "code", "code is missing") // RFC 6749 §4.1.3
	}
	code, err = codes.Get(ctx, g.cfg.Store, secretID(secret))
	c := code.Value
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && c.ClientID != req.Client.ID:
		return code, tenon.Refuse(tenon.InvalidGrant, "code", "the code is unknown, has expired, or is not this client's") // RFC 6749 §5.2
	case err != nil:
		return code, unavailable(err)
	}
	if uri := req.Parameter("redirect_uri"); uri != "" && uri != c.RedirectURI {
		return code, tenon.Refuse(tenon.InvalidGrant, "redirect_uri", "redirect_uri is not the one of the authorization request") // RFC 6749 §4.1.3
	}
	if err := checkVerifier(req.Parameter("code_verifier"), c.Challenge); err != nil {
		return code, err
	}
	if !holdsKey(req.Binding, c.JKT) {
		return code, tenon.Refuse(tenon.InvalidGrant, "dpop_jkt", "the code is bound to another DPoP key: send a proof made with that one") // RFC 9449 §10
	}
	if c.Spent {
		return code, &reuse{c.Grant, "code_reuse", tenon.Refuse(tenon.InvalidGrant, "reuse", "the code was used before: what it gave is revoked")} // FAPI 2.0 §5.3.2.2 (9)
	}
	if !g.cfg.Now().Before(c.Until) { // not req.Now, which has no fractions
		return code, tenon.Refuse(tenon.InvalidGrant, "expired", "the code has expired") // FAPI 2.0 §5.3.2.1 (11)
	}
	return code, nil
}

// checkVerifier shows that who redeems the code also made the request for it (RFC 7636 §4.6).
func checkVerifier(verifier, challenge string) error {
	switch {
	case verifier == "":
		return tenon.Refuse(tenon.InvalidGrant, "code_verifier", "code_verifier is missing") // RFC 7636 §4.5
	case len(verifier) < 43 || len(verifier) > 128 || !unreserved(verifier):
		return tenon.Refuse(tenon.InvalidGrant, "code_verifier", "code_verifier has not 43 to 128 characters of letters, digits and - . _ ~") // RFC 7636 §4.1
	}
	digest := sha256.Sum256([]byte(verifier))
	made := base64.RawURLEncoding.EncodeToString(digest[:])
	if subtle.ConstantTimeCompare([]byte(made), []byte(challenge)) != 1 {
		return tenon.Refuse(tenon.InvalidGrant, "code_verifier", "code_verifier does not belong to this code") // RFC 7636 §4.6
	}
	return nil
}

// unreserved reports whether a text has nothing but the characters that URLs never escape (RFC 3986 §2.3).
func unreserved(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return true
}

// redeem gathers what is written when the token is given. The code's record stays as long as the grant can, to notice a second
// use; the grant gets its full life; and both must still be as they were judged.
func (g authorizationCode) redeem(req Request, code store.Item[codeRecord], a *Authorization) error {
	life := req.Now.Add(g.cfg.Tokens.Lifetime + commitMargin)
	if req.Client.may(RefreshToken) {
		life = req.Now.Add(g.cfg.Codes.Grant)
		key := newSecret()
		a.Standing.Refresh = newRefreshSecret(key)
		record := refreshRecord{Grant: code.Value.Grant, ClientID: req.Client.ID, Key: key, Current: secretID(a.Standing.Refresh), Binding: req.Binding}
		if err := refreshTokens.Insert(a.Change, "", record, life); err != nil {
			return err
		}
	}
	code.Value.Spent, code.Expires = true, life
	grant := &a.Standing.Grant
	grant.Value.Used, grant.Value.Since, grant.Expires = req.Now, g.lists.seen(), life
	return errors.Join(codes.Replace(a.Change, code), personGrants.Replace(a.Change, *grant))
}

// grantOf reads a grant that something given out belongs to.
func (i *Issuer) grantOf(ctx context.Context, id string) (store.Item[grantRecord], error) {
	grant, err := personGrants.Get(ctx, i.cfg.Store, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return grant, errEnded
	case err != nil:
		return grant, unavailable(err)
	}
	return grant, nil
}

// errEnded is the refusal of everything that belongs to a grant which is no more.
var errEnded = tenon.Refuse(tenon.InvalidGrant, "ended", "the grant has ended: the person must be asked again")

// A reuse is a refusal with a consequence: something that is good once was used again, and its grant ends.
type reuse struct {
	grant   string
	why     string // for the log
	refusal *tenon.Error
}

func (r *reuse) Error() string { return r.refusal.Error() }
func (r *reuse) Unwrap() error { return r.refusal }

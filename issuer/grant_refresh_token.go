package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// refreshToken is the grant of a person, continued (RFC 6749 §6). What the profiles make of it:
//
// fapi2: the token stays the same for ever (FAPI 2.0 §5.3.2.1 (9)), so a lost answer costs nothing. It belongs to the client and
// not to a key, for only who authenticates as the client can use it; another key is told to the log.
//
// oauth2: each use replaces the token. Whoever did that, by key, may repeat it for a while and gets the same successor; so a
// lost answer costs nothing here either, and of many requests at once all end with one token. Any other use of a token that
// was replaced ends the grant (RFC 9700 §4.14.2).
//
// A public client's token belongs to its key in addition: nothing else tells it from a thief (RFC 9449 §5).
type refreshToken struct{ *Issuer }

var _ Grant = refreshToken{}

func (refreshToken) Type() string { return RefreshToken }

// A presented refresh token was given out, and its sender may use it.
type presented struct {
	record store.Item[refreshRecord]
	first  uint64 // index of the entry of the grant's first token
	secret string
	again  bool // it was replaced before, by this sender a moment ago
}

// Authorize gives what the person granted, once more.
func (g refreshToken) Authorize(ctx context.Context, req Request) (*Authorization, error) {
	p, err := g.judge(ctx, req)
	if err != nil {
		return nil, err
	}
	grant, err := g.grantOf(ctx, p.record.Value.Grant)
	if err != nil {
		return nil, err
	}
	a, err := g.fromPerson(ctx, req, grant)
	if err != nil {
		return nil, err
	}
	a.Standing.First = &p.first
	a.Standing.Rebound = !sameKey(p.record.Value.Binding, req.Binding)
	return a, g.renew(req, p, a)
}

// judge is the column of checks of a refresh token.
func (g refreshToken) judge(ctx context.Context, req Request) (p presented, err error) {
	token := req.Parameter("refresh_token")
	if token == "" {
		return p, tenon.Refuse(tenon.InvalidRequest, "refresh_token", "refresh_token is missing") // RFC 6749 §6
	}
	unknown := tenon.Refuse(tenon.InvalidGrant, "refresh_token", "the refresh token is unknown, has expired, or is not this client's") // RFC 6749 §5.2
	first, secret, ok := splitIndexed(refreshPrefix, token)
	if !ok {
		return p, unknown
	}
	p = presented{first: first, secret: secret}
	p.record, err = refreshTokens.Get(ctx, g.cfg.Store, store.LeafID(first))
	r := p.record.Value
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && r.ClientID != req.Client.ID: // RFC 6749 §6
		return p, unknown
	case err != nil:
		return p, unavailable(err)
	case r.Current == secretID(secret):
		return p, mayUse(req, r)
	case !wasGiven(r.Key, secret): // or anybody could end a grant whose index he has read somewhere
		return p, unknown
	}
	p.again = r.Rotated != nil && r.Rotated.Previous == secretID(secret)
	late := p.again && req.Now.Sub(r.Rotated.At) > g.cfg.Codes.Grace
	if !p.again || late || !sameKey(r.Rotated.Binding, req.Binding) {
		return p, &reuse{r.Grant, "refresh_token_reuse", tenon.Refuse(tenon.InvalidGrant, "reuse", "the refresh token was replaced before: the grant has ended")}
	}
	return p, mayUse(req, r)
}

// mayUse looks at the key that the new token will be bound to.
func mayUse(req Request, r refreshRecord) error {
	switch {
	case loses(r.Binding, req.Binding): // whatever the registration says today
		return tenon.Refuse(tenon.InvalidGrant, "unbound", "the tokens of this grant are bound to a key: prove one")
	case req.Client.AuthMethod == NoAuth && !sameKey(r.Binding, req.Binding): // RFC 9449 §5
		return tenon.Refuse(tenon.InvalidGrant, "key", "a public client's refresh token is bound to its key: send a proof made with that one")
	}
	return nil
}

// usedEvery is how exactly a grant remembers when it was last used: what is written less often costs less, and of two requests
// at once only one has to write.
const usedEvery = time.Hour

// renew gathers what is written when the token is given, if anything is.
func (g refreshToken) renew(req Request, p presented, a *Authorization) error {
	record, grant := p.record, &a.Standing.Grant
	changed := a.Standing.Rebound
	record.Value.Binding = req.Binding
	if g.cfg.Profile == OAuth2 {
		a.Standing.Refresh = nextRefreshSecret(record.Value.Key, p.secret)
		if !p.again {
			record.Value.Rotated = &rotation{At: req.Now, Previous: record.Value.Current, Binding: req.Binding}
			record.Value.Current = secretID(a.Standing.Refresh)
			changed = true
		}
	}
	if grant.Value.First == nil || req.Now.Sub(grant.Value.Used) >= usedEvery {
		grant.Value.First, grant.Value.Used = &p.first, req.Now
		grant.Expires = req.Now.Add(g.cfg.Codes.Grant)
		record.Expires, changed = grant.Expires, true
		if err := personGrants.Replace(a.Change, *grant); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return refreshTokens.Replace(a.Change, record)
}

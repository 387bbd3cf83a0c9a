package issuer

import (
	"context"
	"errors"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/verifier"
)

// A givenToken is an access token that this issuer has given and still remembers. Whether it is good is asked with alive.
type givenToken struct {
	claims tenon.Claims
	record store.Item[tokenRecord]
}

// errNotGiven means that a text is no access token of this issuer that is remembered. Why, its sender is not told.
var errNotGiven = errors.New("issuer: not an access token that was given here and is alive")

// given finds the access token that a text is: a JWT or an opaque one, and nothing of any other kind. It gives errNotGiven, or an
// error that says that it cannot be known.
func (i *Issuer) given(ctx context.Context, text string) (*givenToken, error) {
	item, index, err := findOpaque(ctx, i.cfg.Store, text)
	if err == nil {
		claims, err := i.opaqueClaims(item.Value, index)
		return &givenToken{claims, item}, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	claims, err := i.signedClaims(ctx, text)
	if err != nil {
		return nil, err
	}
	return i.remembered(ctx, claims)
}

// signedClaims gives what a JWT access token says that a key of this issuer signed.
func (i *Issuer) signedClaims(ctx context.Context, text string) (claims tenon.Claims, err error) {
	payload, err := verifier.OpenJWT(ctx, i.keys, accessTokenType, text)
	if errors.Is(err, tenon.InvalidToken) {
		return claims, errNotGiven
	}
	if err != nil {
		return claims, err
	}
	if claims.UnmarshalJSON(payload) != nil || claims.Issuer != i.cfg.Issuer || claims.Log == nil {
		return claims, errNotGiven
	}
	return claims, nil
}

// remembered finds the record of a token by its place in the log.
func (i *Issuer) remembered(ctx context.Context, claims tenon.Claims) (*givenToken, error) {
	item, err := liveTokens.Get(ctx, i.cfg.Store, store.LeafID(claims.Log.Index))
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && item.Value.ID != claims.ID:
		return nil, errNotGiven
	case err != nil:
		return nil, err
	}
	return &givenToken{claims, item}, nil
}

// alive reports whether a token is good now: it has not expired, was not revoked, and whoever it comes from and whoever it was given
// to are still there.
func (i *Issuer) alive(ctx context.Context, t *givenToken) (bool, error) {
	if !i.cfg.Now().Before(t.claims.Expires) {
		return false, nil
	}
	for _, standing := range []func(context.Context, *givenToken) error{i.notRevoked, i.clientStands, i.grantStands} {
		err := standing(ctx, t)
		if errors.Is(err, errNotGiven) || errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

func (i *Issuer) notRevoked(ctx context.Context, t *givenToken) error {
	revoked, err := isRevoked(ctx, i.cfg.Store, t.record.ID)
	if revoked {
		return errNotGiven
	}
	return err
}

func (i *Issuer) clientStands(ctx context.Context, t *givenToken) error {
	client, err := i.clients.find(ctx, t.record.Value.ClientID)
	if err == nil && client.Disabled {
		return errNotGiven
	}
	return err
}

// grantStands asks for the grant and for the person who gave it.
func (i *Issuer) grantStands(ctx context.Context, t *givenToken) error {
	if t.record.Value.Grant == "" {
		return nil
	}
	grant, err := personGrants.Get(ctx, i.cfg.Store, t.record.Value.Grant)
	if err != nil || i.cfg.People == nil {
		return err
	}
	person, err := i.cfg.People.Get(ctx, grant.Value.Person)
	if err == nil && person.Disabled {
		return errNotGiven
	}
	return err
}

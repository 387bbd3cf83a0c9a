package issuer

import (
	"context"
	"errors"
	"net/http"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/verifier"
)

// processRevocation is the revocation endpoint without HTTP (RFC 7009). A client ends its own tokens: a refresh token with the whole
// grant, an access token alone. A token that is unknown, expired or another client's is answered like one that was revoked, and
// nothing happens to it: the answer tells nobody what exists (RFC 7009 §2.2).
func (i *Issuer) processRevocation(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	id, err := i.identify(ctx, req, e, i.cfg.Now())
	if err != nil {
		return reply{}, id.nonce, err
	}
	token := req.form.get("token") // token_type_hint is not needed: the kinds look different
	if token == "" {
		return reply{}, id.nonce, tenon.Refuse(tenon.InvalidRequest, "token", "token is missing") // RFC 7009 §2.1
	}
	end, err := i.ending(ctx, id.caller, token)
	if err != nil {
		return reply{}, id.nonce, err
	}
	if err := i.settle(ctx, &id); err != nil {
		return reply{}, id.nonce, err
	}
	if end != nil {
		if err := end(ctx); err != nil {
			return reply{}, id.nonce, unavailable(err) // RFC 7009 §2.2.1: the client takes the token for alive
		}
	}
	return reply{status: http.StatusOK}, id.nonce, nil
}

// ending finds what is to be ended when the client revokes the token, nil for nothing. Nothing is ended yet.
func (i *Issuer) ending(ctx context.Context, client *caller, token string) (func(context.Context) error, error) {
	grant, err := i.grantOfRefreshToken(ctx, client, token)
	switch {
	case err == nil:
		return func(ctx context.Context) error {
			_, err := i.operator().endGrant(ctx, grant, "client")
			return err
		}, nil
	case !errors.Is(err, store.ErrNotFound):
		return nil, unavailable(err)
	}
	t, err := i.given(ctx, token)
	switch {
	case err == nil && t.record.Value.ClientID == client.ID: // RFC 7009 §2.1
		return func(ctx context.Context) error {
			_, err := i.operator().revokeMany(ctx, []store.Item[tokenRecord]{t.record})
			return err
		}, nil
	case err == nil, errors.Is(err, errNotGiven):
		return nil, i.checkRevocable(ctx, token)
	}
	return nil, unavailable(err)
}

// grantOfRefreshToken gives the name of the grant that a refresh token of the client belongs to, also when it was replaced by another
// since. store.ErrNotFound means that it is none.
func (i *Issuer) grantOfRefreshToken(ctx context.Context, client *caller, token string) (string, error) {
	first, secret, ok := splitIndexed(refreshPrefix, token)
	if !ok {
		return "", store.ErrNotFound
	}
	item, err := refreshTokens.Get(ctx, i.cfg.Store, store.LeafID(first))
	if err != nil {
		return "", err
	}
	if r := item.Value; r.ClientID != client.ID || !wasGiven(r.Key, secret) {
		return "", store.ErrNotFound
	}
	return item.Value.Grant, nil
}

// checkRevocable refuses what this server made and cannot take back: an ID token says what was true (RFC 7009 §2.2.1).
func (i *Issuer) checkRevocable(ctx context.Context, token string) error {
	if _, err := verifier.OpenJWT(ctx, i.keys, idTokenType, token); err == nil {
		return tenon.Refuse(tenon.UnsupportedTokenType, "typ", "only access tokens and refresh tokens can be revoked")
	}
	return nil
}

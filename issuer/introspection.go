package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// inactive is the one answer to whatever is no good token for who asks: unknown, expired, revoked, of another kind, or for another API
// (RFC 7662 §2.2).
var inactive = json.RawMessage(`{"active":false}`)

// processIntrospection is the introspection endpoint without HTTP (RFC 7662). Only APIs may ask, and only about tokens for
// themselves: an answer tells who a token is about.
func (i *Issuer) processIntrospection(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	id, err := i.identify(ctx, req, e, i.cfg.Now())
	if err != nil {
		return reply{}, id.nonce, err
	}
	if len(id.caller.Serves) == 0 {
		return reply{}, id.nonce, tenon.Refuse(tenon.AccessDenied, "serves", "this client is registered as no API, and only APIs may ask about tokens") // RFC 7662 §2.1, §4
	}
	token := req.form.get("token") // token_type_hint is not needed: the kinds look different
	if token == "" {
		return reply{}, id.nonce, tenon.Refuse(tenon.InvalidRequest, "token", "token is missing") // RFC 7662 §2.1
	}
	answer, err := i.introspect(ctx, id.caller, token)
	if err != nil {
		return reply{}, id.nonce, unavailable(err)
	}
	if err := i.settle(ctx, &id); err != nil {
		return reply{}, id.nonce, err
	}
	return reply{http.StatusOK, answer}, id.nonce, nil
}

// introspect gives what the API may know about the token.
func (i *Issuer) introspect(ctx context.Context, api *caller, token string) (json.RawMessage, error) {
	t, err := i.given(ctx, token)
	switch {
	case errors.Is(err, errNotGiven):
		return inactive, nil
	case err != nil:
		return nil, err
	case !slices.ContainsFunc(api.Serves, func(api string) bool { return slices.Contains(t.claims.Audience, api) }):
		return inactive, nil // RFC 7662 §2.2
	}
	good, err := i.alive(ctx, t)
	if err != nil || !good {
		return inactive, err
	}
	return active(t.claims)
}

// active is the answer about a good token: what a JWT would say, so that an API can hold an opaque token to the same rules, its cnf
// first of all (RFC 7662 §2.2, RFC 8705 §3.2, RFC 9449 §6.2). It never has a username: an API knows people by sub.
func active(claims tenon.Claims) (json.RawMessage, error) {
	payload, err := claims.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return append([]byte(`{"active":true,"token_type":"`+tokenType(claims.Confirmation)+`",`), payload[1:]...), nil
}

// settle spends what a call used up whose other effects, if it has any, are committed elsewhere.
func (i *Issuer) settle(ctx context.Context, id *identified) error {
	var change store.Change
	id.spend(&change, i.cfg.Issuer)
	if len(change.Inserts) == 0 {
		return nil
	}
	_, err := i.cfg.Store.Commit(ctx, &change)
	if conflict, ok := errors.AsType[*store.Conflict](err); ok {
		return conflicted(conflict)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

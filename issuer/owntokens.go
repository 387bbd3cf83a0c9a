package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/verifier"
)

// ownTokens is what the verifier of the issuer's own API asks about tokens: the store, without a delay.
type ownTokens struct{ *Issuer }

var (
	_ verifier.OpaqueTokens = ownTokens{}
	_ verifier.Revocation   = ownTokens{}
)

// Claims implements [verifier.OpaqueTokens].
func (o ownTokens) Claims(ctx context.Context, token string) (*tenon.Claims, error) {
	item, index, err := findOpaque(ctx, o.cfg.Store, token)
	if errors.Is(err, store.ErrNotFound) {
		return nil, tenon.Refuse(tenon.InvalidToken, "inactive", "the token is unknown or has expired: get a new one")
	}
	if err != nil {
		return nil, err
	}
	claims, err := o.opaqueClaims(item.Value, index)
	if err != nil {
		return nil, err
	}
	good, err := o.alive(ctx, &givenToken{claims, item})
	if err == nil && !good {
		return nil, tenon.Refuse(tenon.InvalidToken, "revoked", "the token was revoked: get a new one")
	}
	return &claims, err
}

// Revoked implements [verifier.Revocation].
func (o ownTokens) Revoked(ctx context.Context, _ string, claims *tenon.Claims) (bool, error) {
	if claims.Log == nil {
		return true, nil // not remembered, so nobody could revoke it
	}
	t, err := o.remembered(ctx, *claims)
	if errors.Is(err, errNotGiven) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	good, err := o.alive(ctx, t)
	return !good, err
}

// storedReplays remembers proofs in the store, durably and for all replicas (RFC 9449 §11.1).
type storedReplays struct{ store store.Store }

var _ dpop.Replays = storedReplays{}

// Use implements [dpop.Replays].
func (s storedReplays) Use(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	var change store.Change
	spend(&change, kindProofs, key, until)
	_, err := s.store.Commit(ctx, &change)
	if isConflict(err) {
		return false, nil
	}
	return err == nil, err
}

package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// A Revocation says which tokens are to die: exactly one field is set.
type Revocation struct {
	TokenID    string // the jti of one token
	Token      string // one token: itself, or its index in the log, in decimal
	ClientID   string // every token of a client, which is also disabled: else it would just get another
	Thumbprint string // every token bound to a key or certificate; the client can still get new ones
}

// Revoked says what a revocation hit.
type Revoked struct {
	Count    int           `json:"count"`    // tokens that were alive and are now revoked
	ByWhen   time.Duration `json:"by_when"`  // the longest until every verifier that keeps the list's ttl knows
	Disabled bool          `json:"disabled"` // the client gets no more tokens
}

// Revoke revokes live tokens. A token that is revoked already or has expired does not count; that there is none is no error,
// except that a single token which was never issued, or a client that does not exist, is store.ErrNotFound.
func (a *Admin) Revoke(ctx context.Context, r Revocation) (Revoked, error) {
	done := Revoked{ByWhen: a.Tokens.withDefaults().StatusTTL}
	given := 0
	for _, s := range []string{r.TokenID, r.Token, r.ClientID, r.Thumbprint} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return Revoked{}, errors.New("revoke: name exactly one of a token, a client and a thumbprint")
	}
	var err error
	switch {
	case r.ClientID != "":
		if err = a.disable(ctx, r.ClientID); err != nil {
			return Revoked{}, err
		}
		done.Disabled = true
		done.Count, err = a.revokeAll(ctx, func(t tokenRecord) bool { return t.ClientID == r.ClientID })
	case r.Thumbprint != "":
		if !tenon.IsThumbprint(r.Thumbprint) {
			return Revoked{}, errors.New("revoke: a thumbprint has 43 characters of base64url")
		}
		done.Count, err = a.revokeAll(ctx, func(t tokenRecord) bool {
			return t.Confirmation.JKT == r.Thumbprint || t.Confirmation.X5T == r.Thumbprint
		})
	default:
		done.Count, err = a.revokeOne(ctx, r)
	}
	return done, err
}

// disable closes the client's door before its tokens are looked for: a request that commits its token after this is refused
// by the look at the registration that follows every commit, and one that committed before is found.
func (a *Admin) disable(ctx context.Context, id string) error {
	item, err := clientRecords.Get(ctx, a.Store, id)
	if err != nil || item.Value.Disabled {
		return err
	}
	item.Value.Disabled = true
	var change store.Change
	if err := clientRecords.Replace(&change, item); err != nil {
		return err
	}
	return a.commitClient(ctx, &change, clientChange{id, "disabled"}, ErrChanged)
}

// revokeAll revokes every live token that matches.
func (a *Admin) revokeAll(ctx context.Context, matches func(tokenRecord) bool) (int, error) {
	count := 0
	for item, err := range liveTokens.All(ctx, a.Store, "") {
		if err != nil {
			return count, err
		}
		if !matches(item.Value) {
			continue
		}
		hit, err := a.revoke(ctx, item)
		if err != nil {
			return count, err
		}
		count += hit
	}
	return count, nil
}

// revokeOne revokes the token that r names.
func (a *Admin) revokeOne(ctx context.Context, r Revocation) (int, error) {
	item, err := a.find(ctx, r)
	if err != nil {
		return 0, err
	}
	return a.revoke(ctx, item)
}

// revoke marks one token and records it. The mark is kept as long as the token's record.
func (a *Admin) revoke(ctx context.Context, item store.Item[tokenRecord]) (int, error) {
	index, err := store.ParseLeafID(item.ID)
	if err != nil {
		return 0, err
	}
	var change store.Change
	if err := revokedTokens.Insert(&change, item.ID, struct{}{}, item.Expires); err != nil {
		return 0, err
	}
	t := item.Value
	err = record(ctx, a.Log, &change, audit.Entry{
		Type: audit.TokenRevoked, Confirmation: t.Confirmation, Client: t.ClientID, About: &index,
		Token: audit.TokenFacts{Expires: time.Unix(t.Expires, 0)},
	})
	if err != nil {
		return 0, err
	}
	switch err := a.commit(ctx, &change, ErrChanged); {
	case errors.Is(err, ErrChanged): // revoked already, or expired in this instant
		return 0, nil
	case err != nil:
		return 0, err
	}
	return 1, nil
}

// find finds the live token that r names: by its index in the log, which a token carries, or by its jti, for which every live
// token is looked at.
func (a *Admin) find(ctx context.Context, r Revocation) (item store.Item[tokenRecord], err error) {
	if r.TokenID != "" {
		return a.findID(ctx, r.TokenID)
	}
	if index, err := strconv.ParseUint(r.Token, 10, 64); err == nil {
		return liveTokens.Get(ctx, a.Store, store.LeafID(index))
	}
	claims, err := claimsOf(r.Token)
	if err != nil {
		return item, err
	}
	if claims.Status == nil || claims.Log == nil {
		return item, errors.New("revoke: the token has no index in the log: it is not one of this issuer")
	}
	item, err = liveTokens.Get(ctx, a.Store, store.LeafID(claims.Log.Index))
	if err == nil && item.Value.ID != claims.ID {
		err = store.ErrNotFound // the index is that of another token
	}
	return item, err
}

func (a *Admin) findID(ctx context.Context, jti string) (store.Item[tokenRecord], error) {
	for item, err := range liveTokens.All(ctx, a.Store, "") {
		if err != nil || item.Value.ID == jti {
			return item, err
		}
	}
	return store.Item[tokenRecord]{}, store.ErrNotFound
}

// claimsOf reads a token. Its signature is not looked at: its jti is as hard to guess.
func claimsOf(token string) (claims tenon.Claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims, errors.New("revoke: give a token, or its index in the log")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return claims, errors.New("revoke: the token is not a JWT")
	}
	if err := claims.UnmarshalJSON(payload); err != nil {
		return claims, fmt.Errorf("revoke: the token: %w", err)
	}
	return claims, nil
}

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
	"github.com/tenon-auth/tenon/store"
)

// A Revocation says which tokens are to die: exactly one field is set.
type Revocation struct {
	TokenID    string // the jti of one token
	Token      string // one token: itself, or its index in the log, in decimal
	GrantID    string // what a person allowed one client: every token of it, and its refresh token
	Person     string // every grant of a person, by the directory's subject
	ClientID   string // every token and grant of a client, which is also disabled: else it would just get others
	Thumbprint string // every token bound to a key or certificate, and every grant last used with it; the client can still get new ones
}

// Revoked says what a revocation hit.
type Revoked struct {
	Count    int           `json:"count"`            // tokens that were alive and are now revoked
	Grants   int           `json:"grants,omitempty"` // of people that were ended
	ByWhen   time.Duration `json:"by_when"`          // the longest until every verifier that keeps the list's ttl knows
	Disabled bool          `json:"disabled"`         // the client gets no more tokens
}

// Revoke revokes live tokens. A token that is revoked already or has expired does not count; that there is none is no error,
// except that a single token which was never issued, or a grant or client that does not exist, is store.ErrNotFound.
func (a *Admin) Revoke(ctx context.Context, r Revocation) (done Revoked, err error) {
	given := 0
	for _, s := range []string{r.TokenID, r.Token, r.GrantID, r.Person, r.ClientID, r.Thumbprint} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return Revoked{}, errors.New("revoke: name exactly one of a token, a grant, a person, a client and a thumbprint")
	}
	done.ByWhen = a.Tokens.withDefaults().StatusTTL
	switch {
	case r.GrantID != "":
		if _, err := personGrants.Get(ctx, a.Store, r.GrantID); err != nil {
			return Revoked{}, err
		}
		done.Grants = 1
		done.Count, err = a.endGrant(ctx, r.GrantID, "operator")
	case r.Person != "":
		done.Grants, done.Count, err = a.endGrants(ctx, grantsOf(r.Person), func(g grantRecord) bool { return g.Person == r.Person })
	case r.ClientID != "":
		return a.revokeClient(ctx, r.ClientID, done)
	case r.Thumbprint != "":
		return a.revokeKey(ctx, r.Thumbprint, done)
	default:
		done.Count, err = a.revokeOne(ctx, r)
	}
	return done, err
}

// revokeClient disables a client and takes from it what it has.
func (a *Admin) revokeClient(ctx context.Context, id string, done Revoked) (Revoked, error) {
	if err := a.disable(ctx, id); err != nil {
		return Revoked{}, err
	}
	grants, tokens, err := a.endGrants(ctx, "", func(g grantRecord) bool { return g.ClientID == id })
	done.Disabled, done.Grants, done.Count = true, grants, tokens
	if err != nil {
		return done, err
	}
	others, err := a.revokeAll(ctx, func(t tokenRecord) bool { return t.ClientID == id })
	done.Count += others
	return done, err
}

// revokeKey takes from whoever holds a key what is bound to it.
func (a *Admin) revokeKey(ctx context.Context, thumbprint string, done Revoked) (Revoked, error) {
	if !tenon.IsThumbprint(thumbprint) {
		return Revoked{}, errors.New("revoke: a thumbprint has 43 characters of base64url")
	}
	grants, tokens, err := a.endGrantsOfKey(ctx, thumbprint)
	done.Grants, done.Count = grants, tokens
	if err != nil {
		return done, err
	}
	others, err := a.revokeAll(ctx, func(t tokenRecord) bool { return names(t.Confirmation, thumbprint) })
	done.Count += others
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
func (a *Admin) revokeAll(ctx context.Context, matches func(tokenRecord) bool) (count int, err error) {
	var some []store.Item[tokenRecord]
	for item, err := range liveTokens.All(ctx, a.Store, "") {
		if err != nil {
			return count, err
		}
		if matches(item.Value) {
			some = append(some, item)
		}
		if len(some) == inOneChange {
			hit, err := a.revokeMany(ctx, some)
			if count += hit; err != nil {
				return count, err
			}
			some = some[:0]
		}
	}
	hit, err := a.revokeMany(ctx, some)
	return count + hit, err
}

// revokeOne revokes the token that r names.
func (a *Admin) revokeOne(ctx context.Context, r Revocation) (int, error) {
	item, err := a.find(ctx, r)
	if err != nil {
		return 0, err
	}
	return a.revoke(ctx, item)
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
	if strings.HasPrefix(r.Token, opaquePrefix) {
		item, _, err := findOpaque(ctx, a.Store, r.Token)
		return item, err
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

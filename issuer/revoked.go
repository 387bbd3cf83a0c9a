package issuer

import (
	"context"
	"encoding/base64"
	"encoding/json"
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
			return t.JKT == r.Thumbprint || t.X5T == r.Thumbprint
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
	return a.commit(ctx, &change, ErrChanged)
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
	index, id, err := nameOfToken(r)
	if err != nil {
		return 0, err
	}
	item, err := liveTokens.Get(ctx, a.Store, store.LeafID(index))
	if err != nil {
		return 0, err
	}
	if id != "" && item.Value.ID != id {
		return 0, store.ErrNotFound // the index is that of another token
	}
	return a.revoke(ctx, item)
}

// revoke marks one token and writes the leaf. The mark is kept as long as the token's record.
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
	entry, err := leaf{Type: leafRevoked, Binding: t.binding(), Client: t.ClientID, Expires: t.Expires, Of: &index}.bytes(a.now())
	if err != nil {
		return 0, err
	}
	change.Leaves = [][]byte{entry}
	switch err := a.commit(ctx, &change, ErrChanged); {
	case errors.Is(err, ErrChanged): // revoked already, or expired in this instant
		return 0, nil
	case err != nil:
		return 0, err
	}
	return 1, nil
}

// A token's id is its index in the log, which finds its record, and a random part, which nobody can guess from the index.
const tokenIDSeparator = "."

func tokenID(index uint64, random string) string {
	return store.LeafID(index) + tokenIDSeparator + random
}

func parseTokenID(jti string) (index uint64, random string, err error) {
	first, random, ok := strings.Cut(jti, tokenIDSeparator)
	if index, err = store.ParseLeafID(first); err != nil || !ok || random == "" {
		return 0, "", errors.New("revoke: this is not the id (jti) of a token of this issuer")
	}
	return index, random, nil
}

// nameOfToken reads what names a single token. The signature of a token is not looked at: its jti is as hard to guess.
func nameOfToken(r Revocation) (index uint64, random string, err error) {
	if r.TokenID != "" {
		return parseTokenID(r.TokenID)
	}
	if index, err := strconv.ParseUint(r.Token, 10, 64); err == nil {
		return index, "", nil
	}
	parts := strings.Split(r.Token, ".")
	if len(parts) != 3 {
		return 0, "", errors.New("revoke: give a token, or its index in the log")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0, "", errors.New("revoke: the token is not a JWT")
	}
	var claims tenon.Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return 0, "", fmt.Errorf("revoke: the token: %w", err)
	}
	return parseTokenID(claims.ID)
}

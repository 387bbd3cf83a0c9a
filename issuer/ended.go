package issuer

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// operator is the issuer doing what an operator can do.
func (i *Issuer) operator() *Admin {
	return &Admin{Store: i.cfg.Store, Log: i.cfg.Log.Book, Keyring: i.cfg.Signing, Profile: i.cfg.Profile, Tokens: i.cfg.Tokens}
}

// endGrant ends a grant; see [Admin.endGrant].
func (i *Issuer) endGrant(ctx context.Context, id, why string) error {
	_, err := i.operator().endGrant(ctx, id, why)
	return err
}

// An ending is what the log keeps, under a commitment, of the end of a grant.
type ending struct {
	Why string `json:"why"` // code_reuse, refresh_token_reuse, client, person or operator
}

// inOneChange bounds how many tokens one Change revokes: it must not keep others waiting for long.
const inOneChange = 64

// endGrant ends a grant: its tokens are revoked, its refresh token and its code are good for nothing. It gives how many tokens
// were alive. A grant that is not there has ended, and its tokens with it.
//
// The grant and the first of its tokens go in one Change, which for most grants is all of it: either nothing has happened yet,
// or nothing is left to do. A token that comes to be after that is refused by the look at the grant that follows its commit; one
// that came to be just before is found by looking again.
func (a *Admin) endGrant(ctx context.Context, id, why string) (int, error) {
	count := 0
	for range attempts {
		grant, err := personGrants.Get(ctx, a.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			return count, nil
		}
		if err != nil {
			return count, err
		}
		tokens, err := a.tokensOf(ctx, grant)
		if err != nil {
			return count, err
		}
		hit, err := a.closeGrant(ctx, grant, tokens, why)
		if errors.Is(err, ErrChanged) { // a token was given in this moment, or revoked
			continue
		}
		if err != nil {
			return count, err
		}
		if tokens, err = a.tokensOf(ctx, grant); err != nil {
			return hit, err
		}
		more, err := a.revokeMany(ctx, tokens)
		return hit + more, err
	}
	return count, ErrChanged
}

// closeGrant takes away the grant together with as many of its tokens as one Change may hold.
func (a *Admin) closeGrant(ctx context.Context, grant store.Item[grantRecord], tokens []store.Item[tokenRecord], why string) (int, error) {
	var change store.Change
	personGrants.Delete(&change, grant)
	first, err := a.firstOf(ctx, grant, tokens)
	if err != nil {
		return 0, err
	}
	err = record(ctx, a.Log, &change, audit.Entry{Type: audit.GrantRevoked, Client: grant.Value.ClientID, About: first, Detail: ending{why}})
	if err != nil {
		return 0, err
	}
	some := tokens[:min(len(tokens), inOneChange)]
	for _, token := range some {
		if err := a.mark(ctx, &change, token); err != nil {
			return 0, err
		}
	}
	return len(some), a.commit(ctx, &change, ErrChanged)
}

// firstOf gives the index of the entry of a grant's first token, nil when it never had one.
func (a *Admin) firstOf(ctx context.Context, grant store.Item[grantRecord], tokens []store.Item[tokenRecord]) (*uint64, error) {
	if grant.Value.First != nil {
		return grant.Value.First, nil
	}
	id := ""
	if len(tokens) > 0 { // there is one token: with a second one the grant would know
		id = tokens[0].ID
	}
	for item, err := range mentioning(ctx, a.Store, refreshTokens, grant.Value.Since, grant.ID) {
		if err != nil {
			return nil, err
		}
		if item.Value.Grant == grant.ID {
			id = item.ID
			break
		}
	}
	if id == "" {
		return nil, nil
	}
	index, err := store.ParseLeafID(id)
	return &index, err
}

// tokensOf gives the live tokens of a grant that are not revoked yet.
func (a *Admin) tokensOf(ctx context.Context, grant store.Item[grantRecord]) ([]store.Item[tokenRecord], error) {
	var tokens []store.Item[tokenRecord]
	for item, err := range mentioning(ctx, a.Store, liveTokens, grant.Value.Since, grant.ID) {
		if err != nil {
			return nil, err
		}
		if item.Value.Grant != grant.ID {
			continue
		}
		revoked, err := isRevoked(ctx, a.Store, item.ID)
		if err != nil {
			return nil, err
		}
		if !revoked {
			tokens = append(tokens, item)
		}
	}
	return tokens, nil
}

// isRevoked reports whether a token is marked; it is named by the id of its record.
func isRevoked(ctx context.Context, s store.Store, id string) (bool, error) {
	_, err := revokedTokens.Get(ctx, s, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// mentioning goes through the records named by an index after the given one whose text has a word in it. Reading a record costs
// many times more than searching it, and nearly all of them are of others.
func mentioning[T any](ctx context.Context, s store.Store, c store.Collection[T], since uint64, word string) func(func(store.Item[T], error) bool) {
	const page = 512
	return func(yield func(store.Item[T], error) bool) {
		after := ""
		if since > 0 {
			after = store.LeafID(since)
		}
		for {
			records, err := s.Scan(ctx, store.Key{Kind: c.Kind}, after, page)
			if err != nil {
				yield(store.Item[T]{}, err)
				return
			}
			for _, r := range records {
				after = r.Key.ID
				if !bytes.Contains(r.Body, []byte(word)) {
					continue
				}
				item, err := c.Get(ctx, s, r.Key.ID)
				if errors.Is(err, store.ErrNotFound) { // it expired in this moment
					continue
				}
				if !yield(item, err) || err != nil {
					return
				}
			}
			if len(records) < page {
				return
			}
		}
	}
}

// mark adds to a Change that a token is revoked. The mark is kept as long as the token's record.
func (a *Admin) mark(ctx context.Context, change *store.Change, item store.Item[tokenRecord]) error {
	index, err := store.ParseLeafID(item.ID)
	if err != nil {
		return err
	}
	if err := revokedTokens.Insert(change, item.ID, struct{}{}, item.Expires); err != nil {
		return err
	}
	t := item.Value
	return record(ctx, a.Log, change, audit.Entry{
		Type: audit.TokenRevoked, Confirmation: t.Confirmation, Client: t.ClientID, About: &index,
		Token: audit.TokenFacts{Expires: time.Unix(t.Expires, 0)},
	})
}

// revokeMany revokes tokens in Changes of bounded size. When one of a Change is revoked already, the others of it are taken one
// by one.
func (a *Admin) revokeMany(ctx context.Context, tokens []store.Item[tokenRecord]) (count int, err error) {
	for len(tokens) > 0 {
		some := tokens[:min(len(tokens), inOneChange)]
		tokens = tokens[len(some):]
		hit, err := a.revokeTogether(ctx, some)
		if errors.Is(err, ErrChanged) {
			hit, err = a.revokeEach(ctx, some)
		}
		count += hit
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

func (a *Admin) revokeTogether(ctx context.Context, tokens []store.Item[tokenRecord]) (int, error) {
	var change store.Change
	for _, token := range tokens {
		if err := a.mark(ctx, &change, token); err != nil {
			return 0, err
		}
	}
	if err := a.commit(ctx, &change, ErrChanged); err != nil {
		return 0, err
	}
	return len(tokens), nil
}

func (a *Admin) revokeEach(ctx context.Context, tokens []store.Item[tokenRecord]) (count int, err error) {
	for n := range tokens {
		switch hit, err := a.revokeTogether(ctx, tokens[n:n+1]); {
		case errors.Is(err, ErrChanged): // revoked already, or expired in this instant
		case err != nil:
			return count, err
		default:
			count += hit
		}
	}
	return count, nil
}

// revoke revokes one token. One that is revoked already does not count.
func (a *Admin) revoke(ctx context.Context, token store.Item[tokenRecord]) (int, error) {
	return a.revokeEach(ctx, []store.Item[tokenRecord]{token})
}

// endGrants ends every grant that matches, of those whose ids begin with prefix.
func (a *Admin) endGrants(ctx context.Context, prefix string, matches func(grantRecord) bool) (grants, tokens int, err error) {
	for item, err := range personGrants.All(ctx, a.Store, prefix) {
		if err != nil {
			return grants, tokens, err
		}
		if !matches(item.Value) {
			continue
		}
		hit, err := a.endGrant(ctx, item.ID, "operator")
		tokens += hit
		if err != nil {
			return grants, tokens, err
		}
		grants++
	}
	return grants, tokens, nil
}

// endGrantsOfKey ends every grant whose refresh token was last used with a key: who has the key could go on with it.
func (a *Admin) endGrantsOfKey(ctx context.Context, thumbprint string) (grants, tokens int, err error) {
	for item, err := range mentioning(ctx, a.Store, refreshTokens, 0, thumbprint) {
		if err != nil {
			return grants, tokens, err
		}
		if !names(item.Value.Binding, thumbprint) {
			continue
		}
		_, err := personGrants.Get(ctx, a.Store, item.Value.Grant)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return grants, tokens, err
		}
		hit, err := a.endGrant(ctx, item.Value.Grant, "operator")
		tokens += hit
		if err != nil {
			return grants, tokens, err
		}
		grants++
	}
	return grants, tokens, nil
}

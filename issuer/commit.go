package issuer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// A plan is a token that is about to be: everything has been judged, nothing has been spent.
type plan struct {
	identified
	authorization *Authorization
	cnf           tenon.Confirmation
	key           *signingKey // chosen before the commit, because the record and the leaf name it
	id            string      // jti
	secret        string      // of an opaque token; "" makes a JWT
	now           time.Time   // when it was judged, and iat
	expires       time.Time
	from          sender
}

// commit spends the proof, the assertion and what the grant spends, records the token and appends the leaf: all of it or
// nothing. It gives the index of the leaf, which no other token will ever have.
func (i *Issuer) commit(ctx context.Context, p *plan) (index uint64, err error) {
	change, err := i.change(ctx, p)
	if err != nil {
		return 0, err
	}
	receipt, err := i.cfg.Store.Commit(ctx, change)
	if conflict, ok := errors.AsType[*store.Conflict](err); ok {
		return 0, conflicted(conflict)
	}
	if err != nil {
		return 0, unavailable(err)
	}
	i.lists.saw(receipt.First)
	return receipt.First, i.stillStands(ctx, p)
}

// stillStands looks, after the commit, whether what gave the token its right is still there: who takes that away first closes
// the door and then looks for tokens, and ours may have been missed.
func (i *Issuer) stillStands(ctx context.Context, p *plan) error {
	unchanged, err := i.clients.unchanged(ctx, p.caller.registered)
	switch {
	case err != nil:
		return unavailable(err)
	case !unchanged: // also when the client was disabled
		return tenon.Refuse(tenon.Unavailable, "changed", "the client's registration was changed in this moment: try again")
	}
	s := p.authorization.Standing
	if s == nil || s.First == nil { // the commit of a first token replaces the grant: it was there
		return nil
	}
	_, err = i.cfg.Store.Get(ctx, store.Key{Kind: personGrants.Kind, ID: s.Grant.ID}) // whether it is there is all that counts
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errEnded
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// change gathers what the commit does.
func (i *Issuer) change(ctx context.Context, p *plan) (*store.Change, error) {
	change := p.authorization.Change
	if change == nil {
		change = &store.Change{}
	}
	p.spend(change, i.cfg.Issuer)
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	p.id = id.String()
	claims, err := i.claims(p)
	if err != nil {
		return nil, err
	}
	payload, err := claims.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if err := i.remember(change, p, payload); err != nil {
		return nil, err
	}
	digest, err := audit.ClaimsDigest(payload)
	if err != nil {
		return nil, err
	}
	for _, entry := range p.entries(digest) {
		if err := i.cfg.Log.Book.Add(ctx, change, entry); err != nil {
			return nil, unavailable(err)
		}
	}
	return change, nil
}

// remember adds the record of the token. It is named by the index of the Change's first entry, which is the token's.
func (i *Issuer) remember(change *store.Change, p *plan, claims []byte) error {
	record := tokenRecord{ID: p.id, ClientID: p.caller.ID, KeyID: p.key.id(), Confirmation: p.cnf, Expires: p.expires.Unix()}
	if s := p.authorization.Standing; s != nil {
		record.Grant = s.Grant.ID
	}
	if p.secret = ""; i.wantsOpaque(&p.caller.Client, p.authorization.Audience) {
		p.secret = newSecret()
		record.Opaque = &opaqueRecord{Secret: secretID(p.secret), Claims: claims}
	}
	return liveTokens.Insert(change, "", record, p.expires.Add(commitMargin))
}

// spend inserts a key that must not be there yet. It stays until nothing that was judged good before can still be committed.
func spend(change *store.Change, kind store.Kind, key [32]byte, until time.Time) {
	change.Inserts = append(change.Inserts, store.Record{
		Key:     store.Key{Kind: kind, ID: base64.RawURLEncoding.EncodeToString(key[:])},
		Expires: until.Add(commitMargin),
	})
}

// assertionReplayKey is per client: nobody can use up another's jti. A client id has no NUL, so the two cannot run together.
func assertionReplayKey(clientID, jti string) [32]byte {
	return sha256.Sum256([]byte(clientID + "\x00" + jti))
}

// conflicted turns what had been spent before into the refusal that belongs to it.
func conflicted(c *store.Conflict) error {
	switch c.Key.Kind {
	case kindProofs:
		return tenon.Refuse(tenon.InvalidDPoPProof, "replay", "this proof was used before: make a new one for every request").Because(c) // RFC 9449 §11.1
	case kindAssertions:
		return tenon.Refuse(tenon.InvalidClient, "replay", "this client assertion was used before: make a new one for every request").Because(c) // RFC 7523 §3 (7)
	}
	return &overtaken{c}
}

// An overtaken request was judged by something that another request has changed before the commit. Nothing was spent.
type overtaken struct{ conflict *store.Conflict }

func (o *overtaken) Error() string { return "issuer: overtaken: " + o.conflict.Error() }
func (o *overtaken) Unwrap() error { return o.conflict }

// unavailable says that the store did not answer: nothing is issued, and the caller may try again.
func unavailable(cause error) *tenon.Error {
	return tenon.Refuse(tenon.Unavailable, "unavailable", "the server cannot reach its memory: try again").Because(cause)
}

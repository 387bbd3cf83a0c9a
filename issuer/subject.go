package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// pairwisePrefix begins the subjects that are different for each sector. No client id has a colon (see checkClientID), and the
// directory's own subjects begin otherwise.
const pairwisePrefix = "pairwise:"

// pairwiseKey is the secret behind pairwise subjects. It is made once and never changed: with another one all people would be
// strangers to their clients.
type pairwiseKey struct {
	Key string `json:"key"`
}

var pairwiseKeys = store.Collection[pairwiseKey]{Kind: "pairwise"}

const pairwiseKeyID = "key"

// subject gives the name by which a client knows a person, whom the directory has under another: the same in ID tokens, access
// tokens, userinfo and introspection. A pairwise one is the same for all clients of a sector, tells nothing, and cannot be
// turned back (OpenID Connect Core §8.1).
func (i *Issuer) subject(ctx context.Context, c *Client, person string) (string, error) {
	if c.SubjectType != PairwiseSubjects {
		return person, nil
	}
	sector, err := c.sector()
	if err != nil {
		return "", err
	}
	key, err := i.pairwise(ctx)
	if err != nil {
		return "", unavailable(err)
	}
	name := keyed(key, "subject", []byte(sector+"\x00"+person)) // a host has no NUL
	return pairwisePrefix + base64.RawURLEncoding.EncodeToString(name), nil
}

// pairwise reads the secret, and makes it when there is none.
func (i *Issuer) pairwise(ctx context.Context) (string, error) {
	item, err := pairwiseKeys.Get(ctx, i.cfg.Store, pairwiseKeyID)
	if !errors.Is(err, store.ErrNotFound) {
		return item.Value.Key, err
	}
	var change store.Change
	if err := pairwiseKeys.Insert(&change, pairwiseKeyID, pairwiseKey{newSecret()}, time.Time{}); err != nil {
		return "", err
	}
	if _, err := i.cfg.Store.Commit(ctx, &change); err != nil && !isConflict(err) { // another replica was faster
		return "", err
	}
	item, err = pairwiseKeys.Get(ctx, i.cfg.Store, pairwiseKeyID)
	return item.Value.Key, err
}

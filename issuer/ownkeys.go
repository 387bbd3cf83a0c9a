package issuer

import (
	"context"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/verifier"
)

// ownKeys are the signing keys as a verifier sees them: what the issuer verifies of its own, it verifies as everybody else does.
type ownKeys struct {
	keyring *Keyring
	known   atomic.Pointer[ownKeySet]
}

// An ownKeySet is made of one ring, and is good until there is another.
type ownKeySet struct {
	ring *[]*signingKey
	verifier.KeySource
}

var _ verifier.KeySource = (*ownKeys)(nil)

// Keys implements [verifier.KeySource].
func (o *ownKeys) Keys(ctx context.Context, keyID string) ([]*verifier.Key, error) {
	ring := o.keyring.ring.Load()
	known := o.known.Load()
	if known == nil || known.ring != ring {
		var set jose.JSONWebKeySet
		for _, key := range *ring {
			set.Keys = append(set.Keys, key.item.Value.JWK)
		}
		source, err := verifier.StaticKeys(set)
		if err != nil {
			return nil, err
		}
		known = &ownKeySet{ring, source}
		o.known.Store(known)
	}
	return known.Keys(ctx, keyID)
}

package issuer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
)

// tickEvery is how often Run looks at the schedule. A key that another replica made is known here after at most this long,
// which is why PublishBefore is at least as much.
const tickEvery = time.Minute

// Tick reads the keys again, makes the next one when its time to be published has come, and removes those whose last token
// has expired. It may be called at any time by any number of replicas.
func (k *Keyring) Tick(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(ctx); err != nil {
		return err
	}
	if at, due := k.nextDue(); due {
		if _, err := k.create(ctx, at); err != nil {
			return err
		}
	}
	return k.removeExpired(ctx)
}

// nextDue tells whether a key must be made now, and from when it signs.
func (k *Keyring) nextDue() (activeFrom time.Time, due bool) {
	ring, now := *k.ring.Load(), k.cfg.Now()
	if len(ring) == 0 {
		return now, true
	}
	youngest := ring[len(ring)-1]
	activeFrom = youngest.item.Value.ActiveFrom.Add(k.cfg.RotateEvery)
	if youngest.algorithm() != k.cfg.Algorithm { // the configuration has changed: soon, but after every key of the old kind
		activeFrom = youngest.item.Value.ActiveFrom.Add(time.Second)
	}
	if activeFrom.Sub(now) > k.cfg.PublishBefore {
		return time.Time{}, false
	}
	if earliest := now.Add(k.cfg.PublishBefore); activeFrom.Before(earliest) {
		activeFrom = earliest
	}
	return activeFrom, true
}

// Rotate makes the next key sign as soon as every verifier can know it: PublishBefore after it was first published.
func (k *Keyring) Rotate(ctx context.Context) (SigningKey, error) {
	return k.bringForward(ctx, k.cfg.PublishBefore)
}

// RotateUnpublished makes the next key sign at once. Verifiers that have cached the key set refuse its tokens until they
// fetch it again: this is for a key that has been stolen.
func (k *Keyring) RotateUnpublished(ctx context.Context) (SigningKey, error) {
	return k.bringForward(ctx, 0)
}

// bringForward lets the next key sign as soon as it has been published for the given time. There may be no next key yet.
func (k *Keyring) bringForward(ctx context.Context, published time.Duration) (SigningKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(ctx); err != nil {
		return SigningKey{}, err
	}
	now := k.cfg.Now()
	ring := *k.ring.Load()
	i := slices.IndexFunc(ring, func(key *signingKey) bool { return key.item.Value.ActiveFrom.After(now) })
	if i < 0 {
		return k.create(ctx, now.Add(published))
	}
	next := ring[i].item
	at := next.Value.Created.Add(published)
	if at.Before(now) {
		at = now
	}
	if at.Before(next.Value.ActiveFrom) {
		next.Value.ActiveFrom = at
		var change store.Change
		if err := signingKeys.Replace(&change, next); err != nil {
			return SigningKey{}, err
		}
		if err := k.record(ctx, &change, keyChange{next.Value.KeyID, "brought forward"}); err != nil {
			return SigningKey{}, err
		}
		if _, err := k.cfg.Store.Commit(ctx, &change); err != nil {
			return SigningKey{}, fmt.Errorf("keyring: bring the next key forward: %w", err)
		}
	}
	return k.reloaded(ctx, next.Value.KeyID)
}

// create makes a key that signs from the given time. The private half is durable before the record names it: a crash in
// between leaves a key that nobody uses. When another replica was faster, its key counts and ours is destroyed.
func (k *Keyring) create(ctx context.Context, activeFrom time.Time) (SigningKey, error) {
	id, err := k.cfg.Signers.Create(ctx, k.cfg.Algorithm)
	if err != nil {
		return SigningKey{}, fmt.Errorf("keyring: make a key: %w", err)
	}
	signer, err := k.cfg.Signers.Open(ctx, id)
	if err != nil {
		return SigningKey{}, fmt.Errorf("keyring: open the new key: %w", err)
	}
	record, err := newKeyRecord(signer, k.cfg.Algorithm)
	if err != nil {
		return SigningKey{}, err
	}
	record.Signer, record.Created, record.ActiveFrom = id, k.cfg.Now().UTC(), activeFrom.UTC()
	var change store.Change
	if err := signingKeys.Insert(&change, k.nextNumber(), record, time.Time{}); err != nil {
		return SigningKey{}, err
	}
	if err := k.record(ctx, &change, keyChange{record.KeyID, "published"}); err != nil {
		return SigningKey{}, err
	}
	_, err = k.cfg.Store.Commit(ctx, &change)
	if isConflict(err) {
		if err := k.cfg.Signers.Remove(ctx, id); err != nil {
			return SigningKey{}, fmt.Errorf("keyring: destroy a key that is not needed: %w", err)
		}
		if err := k.load(ctx); err != nil {
			return SigningKey{}, err
		}
		ring := *k.ring.Load()
		return k.describe(ring[len(ring)-1], k.cfg.Now()), nil
	}
	if err != nil {
		return SigningKey{}, fmt.Errorf("keyring: record the new key: %w", err)
	}
	return k.reloaded(ctx, record.KeyID)
}

// newKeyRecord describes the public half of a key: its thumbprint is its kid.
func newKeyRecord(signer crypto.Signer, alg dpop.Algorithm) (keyRecord, error) {
	kid, err := dpop.Thumbprint(signer.Public())
	if err != nil {
		return keyRecord{}, fmt.Errorf("keyring: %w", err)
	}
	jwk := jose.JSONWebKey{Key: signer.Public(), KeyID: kid, Algorithm: string(alg), Use: "sig"}
	if !jwk.IsPublic() {
		return keyRecord{}, errors.New("keyring: the new key is not an asymmetric one")
	}
	return keyRecord{KeyID: kid, JWK: jwk}, nil
}

// nextNumber is the id of the next record. Numbers of removed keys are not missed: only the last one counts.
func (k *Keyring) nextNumber() string {
	last := 0
	for _, key := range *k.ring.Load() {
		var n int
		if _, err := fmt.Sscanf(key.item.ID, "%d", &n); err == nil && n > last {
			last = n
		}
	}
	return fmt.Sprintf("%08d", last+1)
}

// removeExpired forgets the keys whose last token has expired: the record first, so that no record names a key that is gone.
// The tokens are looked at too, because a shorter lifetime or KeepAfter may have been configured since.
func (k *Keyring) removeExpired(ctx context.Context) error {
	now := k.cfg.Now()
	removed := false
	for _, key := range *k.ring.Load() {
		if !key.retired(now) || now.Before(key.until.Add(k.cfg.KeepAfter)) {
			continue
		}
		if alive, err := k.hasTokens(ctx, key.id()); err != nil || alive {
			if err != nil {
				return err
			}
			continue
		}
		var change store.Change
		signingKeys.Delete(&change, key.item)
		if err := k.record(ctx, &change, keyChange{key.id(), "withdrawn"}); err != nil {
			return err
		}
		_, err := k.cfg.Store.Commit(ctx, &change)
		if err != nil && !isConflict(err) { // a conflict: another replica did it
			return fmt.Errorf("keyring: remove %s: %w", key.id(), err)
		}
		if err := k.cfg.Signers.Remove(ctx, key.item.Value.Signer); err != nil {
			return fmt.Errorf("keyring: destroy %s: %w", key.id(), err)
		}
		removed = true
	}
	if !removed {
		return nil
	}
	return k.load(ctx)
}

// A keyChange is what the log keeps of a change of the key ring.
type keyChange struct {
	KeyID  string `json:"kid"`
	Change string `json:"change"` // published, brought forward or withdrawn
}

// record appends the entry of a change of the ring.
func (k *Keyring) record(ctx context.Context, change *store.Change, what keyChange) error {
	return record(ctx, k.cfg.Log, change, audit.Entry{Type: audit.ServerKey, Token: audit.TokenFacts{KeyID: what.KeyID}, Detail: what})
}

// hasTokens reports whether a token signed by the key is alive.
func (k *Keyring) hasTokens(ctx context.Context, kid string) (bool, error) {
	for item, err := range liveTokens.All(ctx, k.cfg.Store, "") {
		if err != nil {
			return false, err
		}
		if item.Value.KeyID == kid {
			return true, nil
		}
	}
	return false, nil
}

// reloaded reads the ring again and describes one of its keys.
func (k *Keyring) reloaded(ctx context.Context, kid string) (SigningKey, error) {
	if err := k.load(ctx); err != nil {
		return SigningKey{}, err
	}
	for _, key := range *k.ring.Load() {
		if key.id() == kid {
			return k.describe(key, k.cfg.Now()), nil
		}
	}
	return SigningKey{}, fmt.Errorf("keyring: %s was removed by somebody else", kid)
}

// load reads the keys from the store and opens the private halves of those that sign or will.
func (k *Keyring) load(ctx context.Context) error {
	opened := make(map[string]crypto.Signer)
	if old := k.ring.Load(); old != nil {
		for _, key := range *old {
			opened[key.id()] = key.signer
		}
	}
	var ring []*signingKey
	for item, err := range signingKeys.All(ctx, k.cfg.Store, "") {
		if err != nil {
			return fmt.Errorf("keyring: read the keys: %w", err)
		}
		ring = append(ring, &signingKey{item: item})
	}
	slices.SortStableFunc(ring, func(a, b *signingKey) int {
		return a.item.Value.ActiveFrom.Compare(b.item.Value.ActiveFrom)
	})
	now := k.cfg.Now()
	for i, key := range ring {
		if i+1 < len(ring) {
			key.until = ring[i+1].item.Value.ActiveFrom
		}
		if key.retired(now) {
			continue
		}
		if key.signer = opened[key.id()]; key.signer == nil {
			signer, err := k.open(ctx, key.item.Value)
			if err != nil {
				return err
			}
			key.signer = signer
		}
	}
	k.ring.Store(&ring)
	return nil
}

// open opens a private half and makes sure that it belongs to the record: a file put in its place must not sign.
func (k *Keyring) open(ctx context.Context, r keyRecord) (crypto.Signer, error) {
	signer, err := k.cfg.Signers.Open(ctx, r.Signer)
	if err != nil {
		return nil, fmt.Errorf("keyring: open %s: %w", r.KeyID, err)
	}
	if kid, err := dpop.Thumbprint(signer.Public()); err != nil || kid != r.KeyID {
		return nil, fmt.Errorf("keyring: the private key %q is not the one recorded as %s", r.Signer, r.KeyID)
	}
	return signer, nil
}

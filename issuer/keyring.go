package issuer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
)

// Signers keeps the private halves of the signing keys. The store has the public ones and the schedule.
type Signers interface {
	// Create makes a key and gives the id under which Open finds it. When it returns, the key is durable.
	Create(ctx context.Context, alg dpop.Algorithm) (id string, err error)
	Open(ctx context.Context, id string) (crypto.Signer, error)
	// Remove destroys a key. One that does not exist is no error.
	Remove(ctx context.Context, id string) error
}

// KeyringConfig is all that a Keyring needs.
type KeyringConfig struct {
	Store         store.Store    // required
	Signers       Signers        // required
	Log           Recorder       // required
	Algorithm     dpop.Algorithm // of new keys; "" means ES256
	RotateEvery   time.Duration  // how long a key signs: 0 means 30 days; at least twice PublishBefore
	PublishBefore time.Duration  // how long a key is published before it signs: 0 means 1 day; at least 1 min
	KeepAfter     time.Duration  // how long a key is published after it last signed: 0 means 2 h
	Now           func() time.Time
}

func (c KeyringConfig) withDefaults() KeyringConfig {
	if c.Algorithm == "" {
		c.Algorithm = dpop.ES256
	}
	if c.RotateEvery == 0 {
		c.RotateEvery = 30 * 24 * time.Hour
	}
	if c.PublishBefore == 0 {
		c.PublishBefore = 24 * time.Hour
	}
	if c.KeepAfter == 0 {
		c.KeepAfter = 2 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c KeyringConfig) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("keyring: "+format, args...)) }
	if c.Store == nil || c.Signers == nil || c.Log == nil {
		fault("a Store, Signers and a Log are required")
	}
	if !supported(c.Algorithm) {
		fault("algorithm %q: use one of %v", c.Algorithm, dpop.Algorithms())
	}
	if c.PublishBefore < time.Minute {
		fault("PublishBefore is %v: use at least 1m", c.PublishBefore)
	}
	if c.RotateEvery < 2*c.PublishBefore {
		fault("RotateEvery is %v: use at least twice PublishBefore, %v", c.RotateEvery, 2*c.PublishBefore)
	}
	if c.KeepAfter < 0 {
		fault("KeepAfter is negative")
	}
	return errors.Join(faults...)
}

// A Keyring holds the signing keys. Which one signs follows from the records and the clock alone, so that replicas agree
// without talking: the youngest key whose time has come. keyschedule.go makes and removes keys.
type Keyring struct {
	cfg  KeyringConfig
	mu   sync.Mutex // one change of the ring at a time
	ring atomic.Pointer[[]*signingKey]
}

// A signingKey is one key with its place in the schedule. It is not changed once it is in a ring.
type signingKey struct {
	item   store.Item[keyRecord]
	signer crypto.Signer // nil once the key is retired
	until  time.Time     // when the next key takes over; zero for the youngest
}

// keyRecord is what the store keeps about a key. Its id there is a number, so that two replicas that make the next key at
// the same time collide and one of them yields.
type keyRecord struct {
	KeyID      string          `json:"kid"`
	Signer     string          `json:"signer"` // the id that Signers.Open takes
	JWK        jose.JSONWebKey `json:"jwk"`    // public
	Created    time.Time       `json:"created"`
	ActiveFrom time.Time       `json:"active_from"`
}

func (k *signingKey) id() string { return k.item.Value.KeyID }

func (k *signingKey) algorithm() dpop.Algorithm { return dpop.Algorithm(k.item.Value.JWK.Algorithm) }

// OpenKeyring reads the keys and makes the first one when there is none: it signs at once, for nobody knows another.
func OpenKeyring(ctx context.Context, cfg KeyringConfig) (*Keyring, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	k := &Keyring{cfg: cfg}
	if err := k.Tick(ctx); err != nil {
		return nil, err
	}
	return k, nil
}

// active is the key that signs now: the youngest whose time has come. When the clock has been set back before all of
// them, the oldest.
func (k *Keyring) active(now time.Time) (*signingKey, error) {
	ring := *k.ring.Load()
	if len(ring) == 0 {
		return nil, errors.New("keyring: there is no signing key")
	}
	key := ring[0]
	for _, next := range ring[1:] {
		if !next.item.Value.ActiveFrom.After(now) {
			key = next
		}
	}
	if key.signer == nil {
		return nil, fmt.Errorf("keyring: the private half of %s is not open", key.id())
	}
	return key, nil
}

// published is the key set for verifiers: the next key, the one that signs, and those whose tokens may still be alive.
func (k *Keyring) published() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, key := range *k.ring.Load() {
		set.Keys = append(set.Keys, key.item.Value.JWK)
	}
	return set
}

// The states of a signing key.
const (
	KeyPublished = "published" // will sign later
	KeyActive    = "active"    // signs
	KeyRetired   = "retired"   // does not sign any more; its tokens may be alive
)

// A SigningKey tells an operator about one key. RemoveAt is the earliest time for it, zero while no successor is known.
type SigningKey struct {
	ID         string         `json:"kid"`
	Algorithm  dpop.Algorithm `json:"alg"`
	State      string         `json:"state"`
	Created    time.Time      `json:"created"`
	ActiveFrom time.Time      `json:"active_from"`
	RemoveAt   time.Time      `json:"remove_at,omitzero"`
}

// List gives the keys, oldest first.
func (k *Keyring) List() []SigningKey {
	now := k.cfg.Now()
	var all []SigningKey
	for _, key := range *k.ring.Load() {
		all = append(all, k.describe(key, now))
	}
	return all
}

func (k *Keyring) describe(key *signingKey, now time.Time) SigningKey {
	r := key.item.Value
	s := SigningKey{ID: r.KeyID, Algorithm: key.algorithm(), State: KeyActive, Created: r.Created, ActiveFrom: r.ActiveFrom}
	if !key.until.IsZero() {
		s.RemoveAt = key.until.Add(k.cfg.KeepAfter)
	}
	switch {
	case r.ActiveFrom.After(now):
		s.State = KeyPublished
	case key.retired(now):
		s.State = KeyRetired
	}
	return s
}

// retired reports whether another key has taken over.
func (k *signingKey) retired(now time.Time) bool { return !k.until.IsZero() && !k.until.After(now) }

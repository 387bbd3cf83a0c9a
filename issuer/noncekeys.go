package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-auth/tenon/store"
)

const (
	nonceKeyLife  = 24 * time.Hour  // how long a key makes nonces
	nonceKeyDelay = 5 * time.Minute // between making a key and using it: every replica has read it by then
	nonceKeyKeep  = 2 * time.Hour   // how long a key is accepted after its last nonce; longer than any nonce lives
)

// A NonceKeyring holds the keys of the server nonces. They are in the store, so that a nonce from one replica is good at every
// other, and after a restart. Its Keys fits dpop.NonceConfig.
type NonceKeyring struct {
	store store.Store
	now   func() time.Time
	mu    sync.Mutex // one change of the ring at a time
	ring  atomic.Pointer[[]store.Item[nonceKeyRecord]]
	order atomic.Pointer[nonceKeyOrder]
}

// nonceKeyRecord is one key. Records are numbered, so that two replicas that make the next one collide and one yields.
type nonceKeyRecord struct {
	Key        []byte    `json:"key"`
	ActiveFrom time.Time `json:"active_from"`
}

// nonceKeyOrder is what Keys answers until the next key takes over.
type nonceKeyOrder struct {
	keys  [][]byte
	until time.Time // zero: until the ring changes
}

// NonceKeys reads the nonce keys and makes the first one when there is none. now may be nil for time.Now.
func NonceKeys(ctx context.Context, s store.Store, now func() time.Time) (*NonceKeyring, error) {
	if s == nil {
		return nil, errors.New("nonce keys: a store is required")
	}
	if now == nil {
		now = time.Now
	}
	n := &NonceKeyring{store: s, now: now}
	if err := n.Tick(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// Keys gives the key that makes nonces now, then every other whose nonces are still accepted.
func (n *NonceKeyring) Keys() [][]byte {
	now := n.now()
	if o := n.order.Load(); o != nil && (o.until.IsZero() || now.Before(o.until)) {
		return o.keys
	}
	o := orderNonceKeys(*n.ring.Load(), now)
	n.order.Store(o)
	return o.keys
}

func orderNonceKeys(ring []store.Item[nonceKeyRecord], now time.Time) *nonceKeyOrder {
	var o nonceKeyOrder
	current := 0
	for i, item := range ring {
		o.keys = append(o.keys, item.Value.Key)
		if !item.Value.ActiveFrom.After(now) {
			current = i
		} else if o.until.IsZero() {
			o.until = item.Value.ActiveFrom
		}
	}
	if len(o.keys) > 0 {
		o.keys[0], o.keys[current] = o.keys[current], o.keys[0]
	}
	return &o
}

// Tick reads the keys again, makes the next one when it is due and removes those that nothing alive was made with.
func (n *NonceKeyring) Tick(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.load(ctx); err != nil {
		return err
	}
	ring, now := *n.ring.Load(), n.now()
	var change store.Change
	for i := range len(ring) - 1 {
		if now.After(ring[i+1].Value.ActiveFrom.Add(nonceKeyKeep)) {
			nonceKeys.Delete(&change, ring[i])
		}
	}
	if err := n.addDue(&change, ring, now); err != nil {
		return err
	}
	if change.Empty() {
		return nil
	}
	_, err := n.store.Commit(ctx, &change)
	if err != nil && !isConflict(err) { // a conflict: another replica did it
		return fmt.Errorf("nonce keys: %w", err)
	}
	return n.load(ctx)
}

// addDue puts the next key into the change when the youngest has served its time. The very first is used at once.
func (n *NonceKeyring) addDue(change *store.Change, ring []store.Item[nonceKeyRecord], now time.Time) error {
	record := nonceKeyRecord{Key: make([]byte, 32), ActiveFrom: now.UTC()}
	number := 1
	if len(ring) > 0 {
		youngest := ring[len(ring)-1]
		if now.Before(youngest.Value.ActiveFrom.Add(nonceKeyLife)) {
			return nil
		}
		if _, err := fmt.Sscanf(youngest.ID, "%d", &number); err != nil {
			return fmt.Errorf("nonce keys: the id %q is not a number", youngest.ID)
		}
		number++
		record.ActiveFrom = now.Add(nonceKeyDelay).UTC()
	}
	if _, err := rand.Read(record.Key); err != nil {
		return err
	}
	return nonceKeys.Insert(change, fmt.Sprintf("%08d", number), record, time.Time{})
}

func (n *NonceKeyring) load(ctx context.Context) error {
	var ring []store.Item[nonceKeyRecord]
	for item, err := range nonceKeys.All(ctx, n.store, "") {
		if err != nil {
			return fmt.Errorf("nonce keys: %w", err)
		}
		ring = append(ring, item)
	}
	slices.SortStableFunc(ring, func(a, b store.Item[nonceKeyRecord]) int { return a.Value.ActiveFrom.Compare(b.Value.ActiveFrom) })
	n.ring.Store(&ring)
	n.order.Store(nil)
	return nil
}

// Run calls Tick every minute until the context ends. An error of one Tick is told to observe, which may be nil: the keys at
// hand stay good, and the next Tick tries again.
func (n *NonceKeyring) Run(ctx context.Context, observe func(error)) error {
	return every(ctx, tickEvery, func() {
		if err := n.Tick(ctx); err != nil && observe != nil && ctx.Err() == nil {
			observe(err)
		}
	})
}

// every calls do at a fixed pace until the context ends, and returns nil then.
func every(ctx context.Context, pace time.Duration, do func()) error {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			do()
		}
	}
}

package dpop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A NoncePolicy says when a proof needs a nonce of ours (RFC 9449 §8, §9). Whatever the policy, a nonce that is there must be
// one of ours and recent (RFC 9449 §4.3 (10)).
type NoncePolicy int

const (
	RequireNonce NoncePolicy = iota // every proof
	OfferNonce                      // every proof by a key that was given one (RFC 9449 §11.3)
	NoNonce                         // none, but while a fence is up
)

// A NonceState is what [Nonces.Check] found.
type NonceState int

const (
	Stale NonceState = iota // not ours, too old, or from before a fence
	Fresh
	Aging // good, and the caller should hand out a newer one (RFC 9449 §8.2)
)

// NonceConfig says how nonces are made.
type NonceConfig struct {
	// Keys returns the HMAC keys, at least one, the current first and then those whose nonces are still good, 32 bytes or
	// more each. Replicas that share them honour each other's nonces. It is called for every nonce.
	Keys     func() [][]byte
	Realm    string        // who gives and takes these nonces, "issuer" or a resource; nonces of one realm are stale in another
	Lifetime time.Duration // how long a nonce is good; 0 means 5 minutes, at most 1 hour
	Policy   NoncePolicy
	Now      func() time.Time // nil means time.Now
}

// Nonces makes and judges nonces without storing them: a nonce is its time of making and the process that made it, under
// HMAC-SHA-256 with the realm.
type Nonces struct {
	keys     func() [][]byte
	realm    string
	lifetime time.Duration
	policy   NoncePolicy
	now      func() time.Time
	epoch    [epochSize]byte // random for every process
	fence    atomic.Int64    // the last millisecond at which only this process's nonces count; 0 for none
	offered  offered
}

// A nonce is 6 bytes of milliseconds, the epoch and a truncated MAC: 30 bytes, 40 characters of base64url without spare bits.
const (
	timeSize  = 6
	epochSize = 8
	macSize   = 16
	nonceSize = timeSize + epochSize + macSize
	nonceText = nonceSize / 3 * 4
)

const (
	defaultLifetime = 5 * time.Minute
	maxLifetime     = time.Hour
	minNonceKey     = 32               // bytes
	replicaSkew     = 10 * time.Second // how far the clock of the replica that made a nonce may be ahead
)

// NewNonces checks the configuration.
func NewNonces(c NonceConfig) (*Nonces, error) {
	n := &Nonces{keys: c.Keys, realm: c.Realm, lifetime: c.Lifetime, policy: c.Policy, now: c.Now}
	var faults []error
	if c.Keys == nil || len(c.Keys()) == 0 {
		faults = append(faults, errors.New("dpop: nonces need at least one key"))
	} else if !usableKeys(c.Keys()) {
		faults = append(faults, fmt.Errorf("dpop: a nonce key needs %d bytes", minNonceKey))
	}
	if c.Realm == "" {
		faults = append(faults, errors.New("dpop: nonces need a realm"))
	}
	if c.Lifetime < 0 || c.Lifetime > maxLifetime {
		faults = append(faults, fmt.Errorf("dpop: the lifetime of a nonce is %s, it must be at most %s", c.Lifetime, maxLifetime))
	}
	if c.Policy < RequireNonce || c.Policy > NoNonce {
		faults = append(faults, fmt.Errorf("dpop: no nonce policy has the number %d", c.Policy))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if n.lifetime == 0 {
		n.lifetime = defaultLifetime
	}
	if n.now == nil {
		n.now = time.Now
	}
	rand.Read(n.epoch[:])
	return n, nil
}

func usableKeys(keys [][]byte) bool {
	for _, key := range keys {
		if len(key) < minNonceKey {
			return false
		}
	}
	return true
}

// Policy returns the policy.
func (n *Nonces) Policy() NoncePolicy { return n.policy }

// Mint returns a new nonce. Should there be no usable key any more, it returns "", which goes into no header and which no
// check accepts.
func (n *Nonces) Mint() string {
	keys := n.keys()
	if len(keys) == 0 || len(keys[0]) < minNonceKey {
		return ""
	}
	var b [nonceSize]byte
	putMillis(b[:], n.now().UnixMilli())
	copy(b[timeSize:], n.epoch[:])
	copy(b[timeSize+epochSize:], n.mac(keys[0], b[:timeSize+epochSize]))
	return encode(b[:])
}

// Check judges a nonce that came back in a proof.
func (n *Nonces) Check(nonce string) NonceState {
	if len(nonce) != nonceText {
		return Stale
	}
	b, err := decode(nonce)
	if err != nil {
		return Stale
	}
	which := n.signer(b)
	if which < 0 {
		return Stale
	}
	now := n.now()
	if n.fenced(now) && [epochSize]byte(b[timeSize:]) != n.epoch {
		return Stale
	}
	age := now.Sub(time.UnixMilli(millis(b)))
	switch {
	case age > n.lifetime || age < -replicaSkew:
		return Stale
	case age > n.lifetime/2 || which > 0: // a key that is not the current one will go
		return Aging
	}
	return Fresh
}

// signer returns the place of the key that the nonce's MAC fits, -1 for none.
func (n *Nonces) signer(nonce []byte) int {
	content, mac := nonce[:timeSize+epochSize], nonce[timeSize+epochSize:]
	for i, key := range n.keys() {
		if len(key) >= minNonceKey && hmac.Equal(mac, n.mac(key, content)) {
			return i
		}
	}
	return -1
}

// mac authenticates the content of a nonce for this realm. The label keeps the key's other uses apart, the length in front of
// the realm keeps realm and content apart.
func (n *Nonces) mac(key, content []byte) []byte {
	buf := append(make([]byte, 0, 128), "tenon dpop nonce 1\x00"...)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(n.realm)))
	buf = append(append(buf, n.realm...), content...)
	h := hmac.New(sha256.New, key)
	h.Write(buf)
	return h.Sum(buf[:0])[:macSize]
}

// Fence makes every proof need a nonce minted by this process, from now until window has passed, whatever the policy. After an
// unclean stop of a replay memory that writes behind, nothing accepted before the stop can be accepted again: it has no such
// nonce. The window must be at least [Checker.Window].
func (n *Nonces) Fence(window time.Duration) {
	n.fence.Store(n.now().Add(window).UnixMilli() + 1)
}

func (n *Nonces) fenced(now time.Time) bool { return now.UnixMilli() <= n.fence.Load() }

// demands reports whether a proof by this key must have a nonce now.
func (n *Nonces) demands(thumbprint string) bool {
	return n.policy == RequireNonce || n.fenced(n.now()) || n.policy == OfferNonce && n.offered.has(thumbprint)
}

// Offered records that the key was given a nonce: under OfferNonce it must use one from now on (RFC 9449 §11.3).
func (n *Nonces) Offered(thumbprint string) {
	if n.policy == OfferNonce {
		n.offered.add(thumbprint)
	}
}

func putMillis(b []byte, ms int64) {
	binary.BigEndian.PutUint16(b, uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
}

func millis(b []byte) int64 {
	return int64(binary.BigEndian.Uint16(b))<<32 | int64(binary.BigEndian.Uint32(b[2:]))
}

package people

import (
	"context"
	"crypto/rand"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// A hasher hashes passwords, so many at once and no more: each takes Cost.Memory. Known devices have places of their own, so that
// a flood of strangers does not make people wait who have been here before.
type hasher struct {
	cost      Cost
	nobody    phc // compared with where there is no password, so that it takes as long
	strangers lane
	known     lane
	hashed    atomic.Uint64 // how many hashes were made; the tests for equal work count them
}

// A lane has places to work in and room to wait.
type lane struct {
	places  chan struct{}
	waiting *atomic.Int64
	room    int64
}

func newLane(places, room int) lane {
	return lane{places: make(chan struct{}, places), waiting: new(atomic.Int64), room: int64(room)}
}

func newHasher(c Cost) *hasher {
	h := &hasher{cost: c, strangers: newLane(c.Parallel, c.Waiting), known: newLane(max(1, c.Parallel/2), c.Waiting)}
	h.nobody = phc{c.Memory, c.Passes, c.Lanes, random(saltSize), random(hashSize)} // nothing hashes to random bytes
	return h
}

// enter waits for a place to hash in. ErrBusy means that there is not even room to wait. The caller must call leave.
func (l lane) enter(ctx context.Context) (leave func(), err error) {
	if l.waiting.Add(1) > l.room+int64(cap(l.places)) {
		l.waiting.Add(-1)
		return nil, ErrBusy
	}
	select {
	case l.places <- struct{}{}:
		return func() { <-l.places; l.waiting.Add(-1) }, nil
	case <-ctx.Done():
		l.waiting.Add(-1)
		return nil, ctx.Err()
	}
}

// of gives the lane for a caller.
func (h *hasher) of(known bool) lane {
	if known {
		return h.known
	}
	return h.strangers
}

// compare makes one hash. The caller has a place.
func (h *hasher) compare(p phc, password string) bool {
	h.hashed.Add(1)
	return p.matches(password)
}

// hash makes the hash of a new password. The caller has a place.
func (h *hasher) hash(password string) string {
	h.hashed.Add(1)
	p := phc{memory: h.cost.Memory, passes: h.cost.Passes, lanes: h.cost.Lanes, salt: random(saltSize)}
	p.hash = argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, hashSize)
	return p.String()
}

// outdated tells whether a hash was made at another cost than today's.
func (h *hasher) outdated(p phc) bool {
	return p.memory != h.cost.Memory || p.passes != h.cost.Passes || p.lanes != h.cost.Lanes || len(p.hash) != hashSize
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: it ends the process instead
	return b
}

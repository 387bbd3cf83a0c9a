package verifier

import (
	"crypto/sha256"
	"sync"
)

// A cache remembers what is known of tokens by the SHA-256 of their text. It is bounded. It is made of shards, and each shard of two generations: when the young one is full it becomes the old one, and what nobody
// asked for since then is forgotten. A nil cache remembers nothing.
type cache[T any] struct {
	shards [cacheShards]cacheShard[T]
}

// cacheShards is a power of two, so that callers seldom meet at one lock.
const cacheShards = 16

type cacheShard[T any] struct {
	mu         sync.Mutex // owns what is below
	young, old map[[sha256.Size]byte]*T
	limit      int // of each generation
}

// newCache makes a cache of about that size, nil when size is negative.
func newCache[T any](size int) *cache[T] {
	if size < 0 {
		return nil
	}
	c := new(cache[T])
	for i := range c.shards {
		c.shards[i].limit = max(1, size/(2*cacheShards))
		c.shards[i].young = map[[sha256.Size]byte]*T{}
	}
	return c
}

func (c *cache[T]) shard(digest [sha256.Size]byte) *cacheShard[T] {
	return &c.shards[digest[0]%cacheShards]
}

// get gives what is remembered for digest, or nil.
func (c *cache[T]) get(digest [sha256.Size]byte) *T {
	if c == nil {
		return nil
	}
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.young[digest]; t != nil {
		return t
	}
	t := s.old[digest]
	if t != nil {
		s.add(digest, t)
	}
	return t
}

// put remembers t.
func (c *cache[T]) put(digest [sha256.Size]byte, t *T) {
	if c == nil {
		return
	}
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(digest, t)
}

// drop forgets what is remembered for digest.
func (c *cache[T]) drop(digest [sha256.Size]byte) {
	if c == nil {
		return
	}
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.young, digest)
	delete(s.old, digest)
}

// add puts t in the young generation. The caller holds mu.
func (s *cacheShard[T]) add(digest [sha256.Size]byte, t *T) {
	if len(s.young) >= s.limit {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]*T, s.limit)
	}
	s.young[digest] = t
}

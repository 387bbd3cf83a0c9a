package verifier

import (
	"crypto/sha256"
	"sync"
)

// A cache remembers verified tokens by the SHA-256 of their compact form. It is bounded and holds only what passed every check.
// It is made of shards, and each shard of two generations: when the young one is full it becomes the old one, and what nobody
// asked for since then is forgotten. A nil cache remembers nothing.
type cache struct {
	shards [cacheShards]cacheShard
}

// cacheShards is a power of two, so that callers seldom meet at one lock.
const cacheShards = 16

type cacheShard struct {
	mu         sync.Mutex // owns what is below
	young, old map[[sha256.Size]byte]*token
	limit      int // of each generation
}

// newCache makes a cache for about size tokens, nil when size is negative.
func newCache(size int) *cache {
	if size < 0 {
		return nil
	}
	c := new(cache)
	for i := range c.shards {
		c.shards[i].limit = max(1, size/(2*cacheShards))
		c.shards[i].young = map[[sha256.Size]byte]*token{}
	}
	return c
}

func (c *cache) shard(digest [sha256.Size]byte) *cacheShard {
	return &c.shards[digest[0]%cacheShards]
}

// get gives the token remembered for digest, or nil.
func (c *cache) get(digest [sha256.Size]byte) *token {
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
func (c *cache) put(digest [sha256.Size]byte, t *token) {
	if c == nil {
		return
	}
	s := c.shard(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(digest, t)
}

// drop forgets the token of digest.
func (c *cache) drop(digest [sha256.Size]byte) {
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
func (s *cacheShard) add(digest [sha256.Size]byte, t *token) {
	if len(s.young) >= s.limit {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]*token, s.limit)
	}
	s.young[digest] = t
}

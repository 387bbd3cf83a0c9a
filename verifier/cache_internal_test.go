package verifier

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
)

// TestCacheIsBounded looks inside: that a token is forgotten cannot be seen from outside.
func TestCacheIsBounded(t *testing.T) {
	const size = 320
	c := newCache[token](size)
	digest := func(i int) [sha256.Size]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }
	used, usedToken := digest(-1), new(token)
	c.put(used, usedToken)
	for i := range 10_000 {
		d, held := digest(i), new(token)
		c.put(d, held)
		if c.get(d) != held {
			t.Fatalf("token %d was not remembered", i)
		}
		if c.get(used) != usedToken {
			t.Fatalf("a token that is used all the time was forgotten after %d others", i)
		}
	}
	held := 0
	for i := range c.shards {
		held += len(c.shards[i].young) + len(c.shards[i].old)
	}
	if held > size {
		t.Errorf("%d tokens are held, the bound is %d", held, size)
	}
	c.drop(used)
	if c.get(used) != nil {
		t.Error("a dropped token is still there")
	}
	for i := range c.shards {
		if s := &c.shards[i]; s.old[used] != nil || s.young[used] != nil {
			t.Error("a dropped token is still held")
		}
	}
}

func TestNoCache(t *testing.T) {
	c := newCache[token](-1)
	d := sha256.Sum256(nil)
	c.put(d, new(token))
	if c.get(d) != nil {
		t.Error("no cache remembered a token")
	}
	c.drop(d)
}

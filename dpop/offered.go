package dpop

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// maxOffered bounds the keys that are remembered as having been given a nonce: at most some 4 MiB.
const maxOffered = 1 << 17

// offered remembers which keys were given a nonce (RFC 9449 §11.3). It is never emptied: a key that could wait until it is
// forgotten could use proofs made in advance. When it is full, it says yes to everybody, which costs each client one retry
// and is what RequireNonce does anyway. It does not outlive the process. The zero value is ready for use.
type offered struct {
	mu   sync.RWMutex
	keys map[uint64]struct{} // of hashes; two keys that collide only cost one of them a retry
}

func (o *offered) has(thumbprint string) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	_, found := o.keys[short(thumbprint)]
	return found || len(o.keys) >= maxOffered
}

func (o *offered) add(thumbprint string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys == nil {
		o.keys = map[uint64]struct{}{}
	}
	if len(o.keys) < maxOffered {
		o.keys[short(thumbprint)] = struct{}{}
	}
}

func short(thumbprint string) uint64 {
	sum := sha256.Sum256([]byte(thumbprint))
	return binary.BigEndian.Uint64(sum[:])
}

package dpop

import (
	"strings"
	"sync"
)

// A client sends the same header with every proof, so parsing its key once is enough. The cache holds headers under which a
// signature was verified; its key is the header as sent, so a hit is the same text and thus the same key.
const (
	maxCachedHeaders = 1024
	maxCachedHeader  = 1024 // bytes; an RSA 4096 header has 1000, so the cache holds 1 MiB of them at most
)

// headerCache is bounded by two generations: when the young one is full, it becomes the old one, and what is not used from
// there in time goes. The zero value is ready for use.
type headerCache struct {
	mu         sync.RWMutex
	young, old map[string]*header
}

// get returns the header sent as part, nil when it is not known. Fresh says that there is no need to keep it again.
func (c *headerCache) get(part string) (h *header, fresh bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if h := c.young[part]; h != nil {
		return h, true
	}
	return c.old[part], false
}

func (c *headerCache) keep(part string, h *header) {
	if len(part) > maxCachedHeader {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= maxCachedHeaders/2 {
		c.young, c.old = make(map[string]*header), c.young
	}
	c.young[strings.Clone(part)] = h // part is a piece of a whole request header
}

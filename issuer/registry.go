package issuer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"

	"github.com/tenon-auth/tenon/store"
)

// A registered client is a registration with its keys and certificates ready for use.
type registered struct {
	Client
	version      uint64
	keys         []assertionKey      // of private_key_jwt
	certificates []*x509.Certificate // of self_signed_tls_client_auth
}

// maxCached bounds how many registrations are kept ready; each takes a few kilobytes.
const maxCached = 4096

// A registry reads clients. The record is read from the store for every request, so that a change counts at once and at every
// replica; what costs time is parsing the keys, and that is done once for each version.
type registry struct {
	store  store.Store
	mu     sync.RWMutex
	cached map[string]*registered
}

func newRegistry(s store.Store) *registry {
	return &registry{store: s, cached: make(map[string]*registered)}
}

// find gives the client, or store.ErrNotFound.
func (g *registry) find(ctx context.Context, id string) (*registered, error) {
	if checkClientID(id) != nil {
		return nil, store.ErrNotFound
	}
	record, err := g.store.Get(ctx, store.Key{Kind: clientRecords.Kind, ID: id})
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			g.forget(id)
		}
		return nil, err
	}
	g.mu.RLock()
	c := g.cached[id]
	g.mu.RUnlock()
	if c != nil && c.version == record.Version {
		return c, nil
	}
	return g.parse(ctx, id)
}

// parse reads the record again, as a value, and keeps what it gives.
func (g *registry) parse(ctx context.Context, id string) (*registered, error) {
	item, err := clientRecords.Get(ctx, g.store, id)
	if err != nil {
		return nil, err
	}
	c := &registered{Client: item.Value, version: item.Version}
	if c.ID != id {
		return nil, fmt.Errorf("registry: the record of %q is that of %q", id, c.ID)
	}
	for _, jwk := range c.JWKS.Keys {
		if len(jwk.Certificates) > 0 {
			c.certificates = append(c.certificates, jwk.Certificates[0])
		}
		if c.AuthMethod == PrivateKeyJWT && checkKey(jwk, c.Algorithm) == nil {
			c.keys = append(c.keys, assertionKey{id: jwk.KeyID, public: jwk.Key})
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.cached[id]; !known && len(g.cached) >= maxCached {
		for other := range g.cached { // any one: the map's order is as good as none
			delete(g.cached, other)
			break
		}
	}
	g.cached[id] = c
	return c, nil
}

func (g *registry) forget(id string) {
	g.mu.RLock()
	_, known := g.cached[id]
	g.mu.RUnlock()
	if known {
		g.mu.Lock()
		delete(g.cached, id)
		g.mu.Unlock()
	}
}

// unchanged reports whether the registration is still the one that the request was judged by. It is asked after the commit,
// see Admin.disable.
func (g *registry) unchanged(ctx context.Context, c *registered) (bool, error) {
	record, err := g.store.Get(ctx, store.Key{Kind: clientRecords.Kind, ID: c.ID})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return record.Version == c.version, err
}

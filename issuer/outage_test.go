package issuer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// A hookedStore lets a test step in.
type hookedStore struct {
	store.Store
	get    func(store.Key) error
	scan   error
	commit func(*store.Change) error // before the commit
	after  func(*store.Change)       // after it
}

func (s *hookedStore) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if s.get != nil {
		if err := s.get(k); err != nil {
			return store.Record{}, err
		}
	}
	return s.Store.Get(ctx, k)
}

func (s *hookedStore) Scan(ctx context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	if s.scan != nil {
		return nil, s.scan
	}
	return s.Store.Scan(ctx, prefix, after, n)
}

func (s *hookedStore) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	if s.commit != nil {
		if err := s.commit(c); err != nil {
			return store.Receipt{}, err
		}
	}
	receipt, err := s.Store.Commit(ctx, c)
	if s.after != nil {
		s.after(c)
	}
	return receipt, err
}

func newHookedServer(t *testing.T, refusalsPerMinute int) (*server, *hookedStore) {
	t.Helper()
	hooks := &hookedStore{}
	v := newServer(t, setup{edit: func(c *issuer.Config) {
		hooks.Store = c.Store
		c.Store = hooks
		c.Limits = issuer.Limits{RefusalsPerMinute: refusalsPerMinute, ClientPerSecond: -1}
	}})
	return v, hooks
}

// What cannot be remembered is not issued, and the caller is told to come back, not that he is wrong.
func TestStoreOutage(t *testing.T) {
	v, hooks := newHookedServer(t, 2)
	p := v.register("c", nil)
	outage := errors.New("disk: /var/secret is gone")
	tests := map[string]func(){
		"the client cannot be read":  func() { hooks.get = func(store.Key) error { return outage } },
		"nothing can be committed":   func() { hooks.commit = func(*store.Change) error { return outage } },
		"the outcome is not certain": func() { hooks.commit = func(*store.Change) error { return store.ErrUncertain } },
		"after the commit the client cannot be read again": func() {
			hooks.after = func(*store.Change) { hooks.get = func(store.Key) error { return outage } }
		},
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			v.t = t
			breakIt()
			for range 5 { // not held against the address: see the limit above
				got := p.refused(message{}, 503, tenon.Unavailable, "unavailable")
				if got.header.Get("Retry-After") == "" || got.event.Err == nil {
					t.Errorf("Retry-After %q, cause %v", got.header.Get("Retry-After"), got.event.Err)
				}
			}
			*hooks = hookedStore{Store: hooks.Store}
			p.accepted(message{})
		})
	}
}

// A client that is disabled while its request is under way gets no token, whichever comes first.
func TestClientDisabledInTheMiddle(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	p := v.register("c", nil)
	hooks.commit = func(*store.Change) error {
		_, err := v.admin.Revoke(t.Context(), issuer.Revocation{ClientID: "c"})
		return err
	}
	p.refused(message{}, 503, tenon.Unavailable, "changed")
	*hooks = hookedStore{Store: hooks.Store}
	p.refused(message{}, 401, tenon.InvalidClient, "disabled")
	must(t, v.admin.RemoveClient(t.Context(), "c"))
	p.refused(message{}, 401, tenon.InvalidClient, "unknown_client")
}

// A bug in a place like the store must not take the connection down with it, or tell what it was.
func TestPanicIsAServerError(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	p := v.register("c", nil)
	hooks.commit = func(*store.Change) error { panic("secret") }
	p.refused(message{}, 500, tenon.ServerError, "fault")
}

// A request that was judged in time and is committed a moment too late is still an honest one; a second use of it is not.
func TestCommitAtTheEdge(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	p := v.register("c", nil)
	assertion := part{Raw: p.assertion(part{Claims: map[string]any{"exp": "@now+1"}})}
	hooks.commit = func(*store.Change) error {
		v.clock.advance(2 * time.Second)
		return nil
	}
	p.accepted(message{assertion: assertion})
	v.clock.advance(-4 * time.Second) // a replica whose clock is behind
	p.refused(message{assertion: assertion}, 401, tenon.InvalidClient, "replay")
}

package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// A grant is a token and what goes with it.
type grant struct {
	token *oauth2.Token
	over  *identity // the certificate it was asked for with, and its connections; nil without one

	refresh time.Time // from here on a successor is asked for while this one still serves
	expires time.Time // from here on it is not sent any more
}

// keeper holds the current grant and decides when the next one is asked for. However many callers wait, one request is
// under way. Nothing runs while nobody calls.
type keeper struct {
	fetch func(context.Context) (*grant, error)
	now   func() time.Time

	mu      sync.Mutex // owns what follows
	held    *grant     // nil: none, or the last one was refused
	flying  *flight    // nil: nothing is under way
	again   time.Time  // no early refresh before this, after one that failed
	pause   time.Time  // no request at all before this, because the server said so
	paused  error      // what it said
	dropped time.Time  // when a grant was last dropped because a server refused it
	closed  error      // there will be no grant any more
}

// A flight is one request that many callers wait for.
type flight struct {
	done  chan struct{} // closed when grant and err are set
	grant *grant
	err   error
}

const (
	flightTime = 30 * time.Second // for discovery, the token request and its retry together
	dropEvery  = 10 * time.Second // see drop
	maxPause   = time.Minute      // the longest Retry-After that is obeyed
)

// get gives a grant that can be used. When the one it has is getting old it gives that one and asks for the next in the
// background: an early refresh that fails costs nobody anything until the token really ends.
func (k *keeper) get(ctx context.Context) (*grant, error) {
	k.mu.Lock()
	if k.closed != nil {
		defer k.mu.Unlock()
		return nil, k.closed
	}
	now := k.now()
	held := k.held
	if held != nil && now.Before(held.expires) {
		if !now.Before(held.refresh) && !now.Before(k.again) {
			k.join(ctx)
		}
		k.mu.Unlock()
		return held, nil
	}
	if now.Before(k.pause) {
		defer k.mu.Unlock()
		return nil, k.paused
	}
	f := k.join(ctx)
	k.mu.Unlock()

	select {
	case <-f.done:
		return f.grant, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// join gives the flight that is under way, and starts one when there is none. k.mu is held. The flight outlives the caller
// who started it: others may be waiting, and the next one will be glad of the token.
func (k *keeper) join(ctx context.Context) *flight {
	if k.flying != nil {
		return k.flying
	}
	f := &flight{done: make(chan struct{})}
	k.flying = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flightTime)
	go func() {
		defer cancel()
		k.land(ctx, f)
	}()
	return f
}

// shut ends it: whoever asks from now on is told why.
func (k *keeper) shut(why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = why
}

// settle waits until nothing is under way.
func (k *keeper) settle(ctx context.Context) error {
	k.mu.Lock()
	f := k.flying
	k.mu.Unlock()
	if f == nil {
		return nil
	}
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// land carries out the request and keeps what came of it.
func (k *keeper) land(ctx context.Context, f *flight) {
	f.grant, f.err = k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.flying = nil
	if f.err == nil {
		k.held = f.grant
	} else {
		k.rest(f.err)
	}
	close(f.done)
}

// rest puts off the next request after one that failed. k.mu is held.
func (k *keeper) rest(err error) {
	now := k.now()
	var refusal *Refusal
	if errors.As(err, &refusal) && refusal.RetryAfter > 0 {
		k.pause, k.paused = now.Add(min(refusal.RetryAfter, maxPause)), err
		k.again = k.pause
		return
	}
	if k.held != nil { // a quarter of what is left, so that several tries fit in
		wait := min(max(k.held.expires.Sub(now)/4, time.Second), 30*time.Second)
		k.again = now.Add(wait/2 + jitter(wait/2))
	}
}

// drop gives up a grant that a server refused, and reports whether to try once more: with another grant, that is. A server
// that refuses every token would make each call fetch one; so a grant is dropped at most once in ten seconds.
func (k *keeper) drop(refused *grant) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held != refused {
		return true // somebody else has seen to it already
	}
	now := k.now()
	if !k.dropped.IsZero() && now.Sub(k.dropped) < dropEvery {
		return false
	}
	k.dropped, k.held = now, nil
	return true
}

// lifetimes says when to look for the successor of a token that was asked for at start and lives that long: after 70 to
// 80 % of its life, at another moment in each process, so that a fleet does not ask all at once. It is no longer sent in
// its last moments, because it might end on the way.
func lifetimes(start time.Time, life time.Duration) (refresh, expires time.Time) {
	refresh = start.Add(life - life/5 - jitter(life/10))
	return refresh, start.Add(life - min(life/10, 10*time.Second))
}

// jitter gives a random part of d. Nothing secret hangs on it.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}

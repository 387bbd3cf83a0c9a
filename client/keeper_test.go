package client

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// script is a token endpoint in one function: tokens that live five minutes and take a second to get.
type script struct {
	calls atomic.Int32
	fail  atomic.Pointer[error]
}

func (s *script) fetch(ctx context.Context) (*grant, error) {
	s.calls.Add(1)
	start := time.Now()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.fail.Load(); err != nil {
		return nil, *err
	}
	g := &grant{token: &oauth2.Token{AccessToken: start.Format(time.TimeOnly)}}
	g.refresh, g.expires = lifetimes(start, 5*time.Minute)
	return g, nil
}

func (s *script) failWith(err error) { s.fail.Store(&err) }

// inBubble runs a test on a clock that stands still while anybody works.
func inBubble(t *testing.T, f func(t *testing.T, k *keeper, s *script)) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		f(t, &keeper{fetch: s.fetch, now: time.Now}, s)
		time.Sleep(2 * flightTime) // nothing may be left in the air when the bubble ends
	})
}

func mustGet(t *testing.T, k *keeper) *grant {
	t.Helper()
	g, err := k.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestRefreshIsEarlyAndInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		first := mustGet(t, k)
		time.Sleep(200 * time.Second) // two thirds of its life
		if mustGet(t, k); s.calls.Load() != 1 {
			t.Fatal("refreshed too early")
		}
		time.Sleep(50 * time.Second) // five sixths
		before := time.Now()
		for range 10 { // one request, however many ask, and nobody waits
			if mustGet(t, k) != first {
				t.Error("the old token was not used during the refresh")
			}
		}
		if !time.Now().Equal(before) {
			t.Error("a caller waited for the early refresh")
		}
		synctest.Wait()
		if n := s.calls.Load(); n != 2 {
			t.Errorf("%d token requests, want 2", n)
		}
		time.Sleep(2 * time.Second)
		if mustGet(t, k) == first {
			t.Error("the new token is not used")
		}
	})
}

func TestFailedEarlyRefreshKeepsTheToken(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		first := mustGet(t, k)
		s.failWith(errors.New("no connection"))
		time.Sleep(245 * time.Second)
		until := time.Until(first.expires)
		for waited := time.Duration(0); waited < until-time.Second; waited += 100 * time.Millisecond {
			if mustGet(t, k) != first {
				t.Fatal("another token, from nowhere")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.calls.Load(); n < 3 || n > 40 {
			t.Errorf("%d requests: a failing refresh is to be tried again, and not with every call", n)
		}
		time.Sleep(2 * time.Second)
		if g, err := k.get(t.Context()); err == nil {
			t.Errorf("an expired token is still given out: %v", g.token.Expiry)
		}
		s.fail.Store(nil)
		if mustGet(t, k) == first {
			t.Error("the expired token came back")
		}
	})
}

func TestExpiredTokenIsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		first := mustGet(t, k)
		time.Sleep(291 * time.Second) // it ends in eight seconds: too late to send it
		if mustGet(t, k) == first {
			t.Error("a token in its last moments was given out")
		}
	})
}

func TestCallerWhoLeavesDoesNotStopTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		ctx, cancel := context.WithCancelCause(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := k.get(ctx)
			left <- err
		}()
		synctest.Wait()
		cancel(errors.New("gone home"))
		if err := <-left; err == nil || err.Error() != "gone home" {
			t.Errorf("error %v, want the cause of the cancellation", err)
		}
		mustGet(t, k)
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d token requests, want the one that the caller who left had started", n)
		}
	})
}

func TestServerThatNeverAnswersIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		k.fetch = func(ctx context.Context) (*grant, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		start := time.Now()
		if _, err := k.get(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if waited := time.Since(start); waited != flightTime {
			t.Errorf("waited %v", waited)
		}
	})
}

// RFC 9110 §10.2.3: a server that says when to come back is not asked before.
func TestRetryAfterIsObeyed(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		s.failWith(&Refusal{Status: 503, RetryAfter: 20 * time.Second})
		for range 10 {
			if _, err := k.get(t.Context()); err == nil {
				t.Fatal("a token, from nowhere")
			}
		}
		if n := s.calls.Load(); n != 1 {
			t.Errorf("%d token requests, want 1", n)
		}
		s.fail.Store(nil)
		time.Sleep(20 * time.Second)
		mustGet(t, k)
		s.failWith(&Refusal{Status: 503, RetryAfter: 24 * time.Hour})
		k.drop(k.held)
		k.get(t.Context())
		s.fail.Store(nil)
		time.Sleep(maxPause)
		mustGet(t, k) // nobody is sent away for a day
	})
}

func TestDropIsForTheGrantThatWasRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, k *keeper, s *script) {
		first := mustGet(t, k)
		if !k.drop(first) {
			t.Error("the first refusal is not acted on")
		}
		second := mustGet(t, k)
		if !k.drop(first) || mustGet(t, k) != second {
			t.Error("a late refusal of the old token threw the new one away")
		}
		if k.drop(second) || mustGet(t, k) != second {
			t.Error("a server that refuses every token makes a token request with every call")
		}
		time.Sleep(dropEvery)
		if !k.drop(second) || mustGet(t, k) == second {
			t.Error("a token that was revoked later is kept")
		}
	})
}

func TestLifetimesAreSpread(t *testing.T) {
	start := time.Now()
	for _, life := range []time.Duration{time.Second, time.Minute, time.Hour} {
		seen := map[time.Time]bool{}
		for range 50 {
			refresh, expires := lifetimes(start, life)
			if refresh.Before(start.Add(life*7/10)) || refresh.After(start.Add(life*8/10)) {
				t.Errorf("life %v: refresh after %v", life, refresh.Sub(start))
			}
			if !expires.After(refresh) || !expires.Before(start.Add(life)) {
				t.Errorf("life %v: not sent after %v", life, expires.Sub(start))
			}
			seen[refresh] = true
		}
		if len(seen) < 10 {
			t.Errorf("life %v: %d different moments in 50 tries: a fleet would ask at once", life, len(seen))
		}
	}
}

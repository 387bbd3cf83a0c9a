package issuer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what one caller can ask for. Zero means the default, a negative number no bound.
type Limits struct {
	Form              int64 // bytes of a request's body: 0 means 64 KiB
	ClientPerSecond   int   // token requests of one client in the long run: 0 means 100
	WaitingPerClient  int   // KiB of pushed requests of one client that wait for people: 0 means 65536; at least 2048
	RefusalsPerMinute int   // requests from one address that prove no client: 0 means 120
	Table             int   // clients and addresses that are told apart: 0 means 16384; the rest share one bound
}

func (l Limits) withDefaults() Limits {
	if l.Form == 0 {
		l.Form = 64 << 10
	}
	if l.ClientPerSecond == 0 {
		l.ClientPerSecond = 100
	}
	if l.WaitingPerClient == 0 {
		l.WaitingPerClient = 64 << 10
	}
	if l.RefusalsPerMinute == 0 {
		l.RefusalsPerMinute = 120
	}
	if l.Table == 0 {
		l.Table = 16384
	}
	return l
}

func (l Limits) validate() error {
	if l.Form < 0 || l.Form > 1<<20 {
		return fmt.Errorf("issuer: a form of at most %d bytes: use 1 to 1048576", l.Form)
	}
	if l.WaitingPerClient >= 0 && l.WaitingPerClient < 2048 { // the largest request of a public client must fit in half of it
		return fmt.Errorf("issuer: %d KiB of waiting requests for a client: use at least 2048", l.WaitingPerClient)
	}
	if l.Table < 0 {
		return errors.New("issuer: the table of limits has a negative size")
	}
	return nil
}

// A bound is a rate with the burst it lets through, for each of a number of names.
type bound struct {
	rate  rate.Limit
	burst int
	table int
}

// clients is the bound on authenticated requests: two seconds' worth may come at once.
func (l Limits) clients() bound {
	if l.ClientPerSecond < 0 {
		return bound{rate: rate.Inf}
	}
	return bound{rate.Limit(l.ClientPerSecond), 2 * l.ClientPerSecond, l.Table}
}

// waiting is the bound on what a client makes the store keep, in KiB. What is kept goes after the lifetime: half of the
// allowance at once, and the other half spread over that time, are never more than the whole.
func (l Limits) waiting(lifetime time.Duration) bound {
	if l.WaitingPerClient < 0 {
		return bound{rate: rate.Inf}
	}
	half := l.WaitingPerClient / 2
	return bound{rate.Limit(float64(half) / lifetime.Seconds()), half, l.Table}
}

// refusals is the bound on strangers: half a minute's worth may come at once.
func (l Limits) refusals() bound {
	if l.RefusalsPerMinute < 0 {
		return bound{rate: rate.Inf}
	}
	return bound{rate.Limit(l.RefusalsPerMinute) / 60, max(1, l.RefusalsPerMinute/2), l.Table}
}

// limiters is a bounded table of rate limiters by name. When it is full, names it does not hold share one limiter, until
// somebody in the table has been quiet long enough: a flood of names takes neither memory nor another's place.
type limiters struct {
	bound  bound
	mu     sync.Mutex
	byName map[string]*rate.Limiter
	shared *rate.Limiter
	swept  time.Time // when the quiet ones were last looked for
}

func newLimiters(b bound) *limiters {
	return &limiters{bound: b, byName: make(map[string]*rate.Limiter), shared: rate.NewLimiter(b.rate, b.burst)}
}

// of gives the limiter of a name, and whether the name has one of its own.
func (l *limiters) of(name string, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limiter := l.byName[name]; limiter != nil {
		return limiter
	}
	if len(l.byName) >= l.bound.table {
		l.sweep(now)
	}
	if len(l.byName) >= l.bound.table {
		return l.shared
	}
	limiter := rate.NewLimiter(l.bound.rate, l.bound.burst)
	l.byName[name] = limiter
	return limiter
}

// sweep drops those that are as good as new, at most once a second: it looks at the whole table.
func (l *limiters) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second && !now.Before(l.swept) {
		return
	}
	l.swept = now
	for name, limiter := range l.byName {
		if limiter.TokensAt(now) >= float64(l.bound.burst) {
			delete(l.byName, name)
		}
	}
}

// take takes one request off the name's allowance, or tells how long to wait.
func (l *limiters) take(name string, now time.Time) (wait time.Duration, ok bool) {
	return l.takeN(name, 1, now)
}

// takeN takes n off the name's allowance, or tells how long to wait.
func (l *limiters) takeN(name string, n int, now time.Time) (wait time.Duration, ok bool) {
	if l.bound.rate == rate.Inf {
		return 0, true
	}
	limiter := l.of(name, now)
	if limiter.AllowN(now, n) {
		return 0, true
	}
	return l.pause(limiter, n, now), false
}

// spent tells whether the name has used up its allowance, and how long to wait. It takes nothing and keeps nothing.
func (l *limiters) spent(name string, now time.Time) (wait time.Duration, spent bool) {
	if l.bound.rate == rate.Inf {
		return 0, false
	}
	l.mu.Lock()
	limiter := l.byName[name]
	if limiter == nil {
		if len(l.byName) < l.bound.table {
			l.mu.Unlock()
			return 0, false
		}
		limiter = l.shared
	}
	l.mu.Unlock()
	if limiter.TokensAt(now) >= 1 {
		return 0, false
	}
	return l.pause(limiter, 1, now), true
}

// charge takes one off the allowance after the fact. What runs at the same time may overdraw it, by one burst at most: who
// sends a thousand bad requests at once is shut out for longer, not let through.
func (l *limiters) charge(name string, now time.Time) {
	if l.bound.rate == rate.Inf {
		return
	}
	if limiter := l.of(name, now); limiter.TokensAt(now) > -float64(l.bound.burst) {
		limiter.ReserveN(now, 1)
	}
}

// pause is how long until n more are allowed, at least a second.
func (l *limiters) pause(limiter *rate.Limiter, n int, now time.Time) time.Duration {
	missing := float64(n) - limiter.TokensAt(now)
	return max(time.Second, time.Duration(missing/float64(l.bound.rate)*float64(time.Second)))
}

// addressOf is the name of a caller for the limits: an IPv4 address, or the /64 of an IPv6 one, which one caller may own whole.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return host
	}
	return p.String()
}

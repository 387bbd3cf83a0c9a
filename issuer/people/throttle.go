package people

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"
)

// A pace says how failures slow down what they came from. The first few cost nothing; then each doubles the pause, up to the
// longest; after a quiet time all is forgotten.
type pace struct {
	free    int           // failures before the first pause
	longest time.Duration // pauses begin at a second
	forget  time.Duration
}

// pause is how long to wait after so many failures.
func (p pace) pause(failures int) time.Duration {
	if failures < p.free {
		return 0
	}
	return min(p.longest, time.Second<<min(failures-p.free, 20))
}

// A throttle counts failures by name, in bounded memory. When it is full, the one that has been quiet for longest is forgotten:
// a flood of names neither takes another's place nor shuts anybody out, and whoever wants to be forgotten must fail as often
// as the table has places.
type throttle struct {
	pace   pace
	table  int
	seed   maphash.Seed // so that nobody can choose names that fall together
	mu     sync.Mutex
	counts map[uint64]*list.Element // of *count
	quiet  *list.List               // longest quiet first
}

type count struct {
	name     uint64
	failures int
	last     time.Time
}

// A stamp is what take did, so that it can be undone.
type stamp struct{ at, before time.Time }

func newThrottle(p pace, table int) *throttle {
	return &throttle{pace: p, table: table, seed: maphash.MakeSeed(), counts: map[uint64]*list.Element{}, quiet: list.New()}
}

// wait tells how long until the name may try again; zero means now.
func (t *throttle) wait(name string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pending(maphash.String(t.seed, name), now)
}

// take counts a failure in advance, unless the name must wait. So a thousand attempts at the same instant are not all free.
func (t *throttle) take(name string, now time.Time) (s stamp, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := maphash.String(t.seed, name)
	if wait := t.pending(n, now); wait > 0 {
		return stamp{}, wait
	}
	return stamp{at: now, before: t.add(n, now)}, 0
}

// fail counts a failure.
func (t *throttle) fail(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(maphash.String(t.seed, name), now)
}

// refund takes back one failure that was counted in advance, and the pause it caused.
func (t *throttle) refund(name string, s stamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.counts[maphash.String(t.seed, name)]
	if e == nil {
		return
	}
	c := e.Value.(*count)
	if c.failures--; c.failures <= 0 {
		t.drop(e)
	} else if c.last.Equal(s.at) { // nobody has failed since
		c.last = s.before
	}
}

// forgive forgets all failures of the name.
func (t *throttle) forgive(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.counts[maphash.String(t.seed, name)]; e != nil {
		t.drop(e)
	}
}

// pending is wait for one who holds mu.
func (t *throttle) pending(n uint64, now time.Time) time.Duration {
	e := t.counts[n]
	if e == nil {
		return 0
	}
	c := e.Value.(*count)
	if now.Sub(c.last) >= t.pace.forget {
		t.drop(e)
		return 0
	}
	pause := t.pace.pause(c.failures)
	return min(pause, max(0, pause-now.Sub(c.last))) // a clock that was set back makes nobody wait for longer
}

// add is fail for one who holds mu. It gives when the name failed before.
func (t *throttle) add(n uint64, now time.Time) (before time.Time) {
	e := t.counts[n]
	if e == nil {
		for len(t.counts) >= t.table {
			t.drop(t.quiet.Front())
		}
		e = t.quiet.PushBack(&count{name: n})
		t.counts[n] = e
	}
	c := e.Value.(*count)
	before, c.failures, c.last = c.last, c.failures+1, now
	t.quiet.MoveToBack(e)
	return before
}

func (t *throttle) drop(e *list.Element) {
	delete(t.counts, e.Value.(*count).name)
	t.quiet.Remove(e)
}

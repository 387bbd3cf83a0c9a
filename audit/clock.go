package audit

import (
	"sync"
	"time"
)

// stepOver is how far the clock may drift between two entries before the log says that it was set.
const stepOver = time.Second

// A clock tells the time of entries and notices when it was set: it holds what the clock on the wall shows against one that
// nobody can set.
type clock struct {
	now    func() time.Time
	uptime func() time.Duration

	mu   sync.Mutex
	wall time.Time     // what now said last
	up   time.Duration // what uptime said then
}

// newClock begins at the present. Without an uptime, the monotonic reading that time.Now gives along with the time is used; a
// Now that has none is believed.
func newClock(now func() time.Time, uptime func() time.Duration) *clock {
	if now == nil {
		now = time.Now
	}
	first := now()
	if uptime == nil {
		uptime = func() time.Duration { return now().Sub(first) }
	}
	return &clock{now: now, uptime: uptime, wall: first.Round(0), up: uptime()}
}

// behind tells a clock that starts what the time was when the log was last written. It may not be later now than then.
func (c *clock) behind(last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last.After(c.wall) {
		c.wall = last
	}
}

// read returns the time for an entry. When the clock was set since the last call, it first calls stepped with the time that it
// should be and the time that it is; while that fails, there is no time to be had.
func (c *clock) read(stepped func(want, is time.Time) error) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	is, up := c.now().Round(0), c.uptime()
	want := c.wall.Add(up - c.up)
	if off := is.Sub(want); off > stepOver || off < -stepOver {
		if err := stepped(want, is); err != nil {
			return time.Time{}, err
		}
	}
	c.wall, c.up = is, up
	return is, nil
}

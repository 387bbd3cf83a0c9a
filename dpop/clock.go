package dpop

import (
	"net/http"
	"net/url"
	"time"
)

// minOffset is the difference below which a clock is right: Date has whole seconds and takes its time to arrive.
const minOffset = 3 * time.Second

// A Clock tells the time that a server goes by, learnt from the Date of its answers. A client whose own clock is wrong makes
// proofs that are accepted all the same; a server can lead its own proofs astray at most by the cap, and nobody else's.
type Clock struct {
	limit   time.Duration
	now     func() time.Time
	offsets origins[time.Duration]
}

// NewClock returns a clock that follows servers up to limit away from now, in either direction; 0 follows none. Now nil means
// time.Now.
func NewClock(limit time.Duration, now func() time.Time) *Clock {
	if now == nil {
		now = time.Now
	}
	return &Clock{limit: limit, now: now}
}

// Learn takes the Date of an answer from u. Only https is believed, and only an offset within the limit: a larger one is
// not followed part of the way, since proofs would still be refused.
func (c *Clock) Learn(u *url.URL, h http.Header) {
	if c.limit <= 0 || u == nil || u.Scheme != "https" || len(h.Values("Date")) != 1 {
		return
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	offset := date.Sub(c.now())
	if offset.Abs() > c.limit {
		return
	}
	if offset.Abs() < minOffset {
		offset = 0
	}
	c.offsets.put(originOf(u), offset)
}

// Now returns the time at the origin of u, as far as it is known.
func (c *Clock) Now(u *url.URL) time.Time { return c.now().Add(c.offset(u)) }

func (c *Clock) offset(u *url.URL) time.Duration {
	offset, _ := c.offsets.get(originOf(u))
	return offset
}

package dpop

import (
	"fmt"
	"time"

	"github.com/tenon-auth/tenon"
)

// A window is how far the iat of a proof may be from now. Both ends belong to it.
type window struct {
	age   time.Duration // how old a proof may be
	ahead time.Duration // how far in the future, for clients whose clock is fast
}

// admit decides whether a proof may be used now, and until when the same proof could be used at all (RFC 9449 §4.3 (11),
// §11.1). Both answers are here so that they cannot drift apart: what admit accepts at an instant has until at or after
// that instant, whatever the clock does in between. nbf and exp narrow the window and never widen it; until does not follow
// them, since remembering a proof for longer than it is good costs nothing but a few bytes.
func (w window) admit(c *claims, now time.Time) (until time.Time, err error) {
	iat := time.Unix(c.iat, 0)
	until = iat.Add(w.age)
	switch {
	case now.After(until):
		return time.Time{}, late("iat", iat, now, w.age).Because(&Skew{iat.Sub(now)}) // RFC 9449 §4.3 (11)
	case now.Before(iat.Add(-w.ahead)):
		return time.Time{}, early("iat", iat, now, w.ahead).Because(&Skew{iat.Sub(now)}) // RFC 9449 §4.3 (11)
	case c.nbf != nil && now.Before(time.Unix(*c.nbf, 0).Add(-w.ahead)):
		return time.Time{}, early("nbf", time.Unix(*c.nbf, 0), now, w.ahead) // RFC 7519 §4.1.5
	case c.exp != nil && !now.Before(time.Unix(*c.exp, 0)):
		return time.Time{}, late("exp", time.Unix(*c.exp, 0), now, 0) // RFC 7519 §4.1.4
	}
	return until, nil
}

// A Skew is the cause of a refusal for iat: how far the clock of the proof's sender seems to be off. Operators see their
// clients' clocks by it, the wrong ones above all.
type Skew struct {
	Offset time.Duration // iat minus our time
}

func (s *Skew) Error() string {
	return fmt.Sprintf("the sender's clock is off by %s", s.Offset.Round(time.Second))
}

func late(claim string, t, now time.Time, window time.Duration) *tenon.Error {
	return refuse("iat", "proof %s is %s behind server time %s; accepted window %s", claim, spell(now.Sub(t)), instant(now), spell(window))
}

func early(claim string, t, now time.Time, window time.Duration) *tenon.Error {
	return refuse("iat", "proof %s is %s ahead of server time %s; accepted window %s", claim, spell(t.Sub(now)), instant(now), spell(window))
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// spell writes a duration in whole seconds, rounded up, so that "61 s behind" never stands beside "window 61 s".
func spell(d time.Duration) string {
	return fmt.Sprintf("%d s", (d+time.Second-1)/time.Second)
}

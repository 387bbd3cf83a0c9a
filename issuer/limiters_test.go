package issuer

import (
	"fmt"
	"testing"
	"time"
)

func TestAddressOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:443":                  "192.0.2.1",
		"[::ffff:192.0.2.1]:443":         "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:443":     "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::%eth0]:443": "2001:db8:1:2::/64",
		"@":                              "@", // a unix socket
		"not an address:443":             "not an address",
	} {
		if got := addressOf(remote); got != want {
			t.Errorf("%s is counted as %s, want %s", remote, got, want)
		}
	}
}

// A flood of addresses takes no more memory than the table, and no place from who is in it.
func TestLimitersAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLimiters(Limits{RefusalsPerMinute: 20, Table: 100}.refusals())
	for range 10 {
		l.charge("victim", now)
	}
	for n := range 10_000 {
		l.charge(fmt.Sprint("flood", n), now)
	}
	if len(l.byName) > 100 {
		t.Errorf("%d names are held", len(l.byName))
	}
	if _, spent := l.spent("victim", now); !spent {
		t.Error("the flood has wiped out what was charged before")
	}
	if _, spent := l.spent("newcomer", now); !spent {
		t.Error("who has no place in a full table must share what the rest have used up")
	}
	later := now.Add(time.Hour)
	if _, spent := l.spent("newcomer", later); spent {
		t.Error("shut out for ever")
	}
	l.charge("newcomer", later)
	if len(l.byName) > 2 {
		t.Errorf("%d names are held after an hour of quiet", len(l.byName))
	}
}

// What runs at the same time overdraws by one burst at most.
func TestChargeOverdrawsByOneBurst(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := newLimiters(Limits{RefusalsPerMinute: 60, Table: 10}.refusals()) // one a second, a burst of 30
	for range 1000 {
		l.charge("a", now)
	}
	wait, spent := l.spent("a", now)
	if !spent || wait < 30*time.Second || wait > 32*time.Second {
		t.Errorf("wait %v, spent %v", wait, spent)
	}
}

func TestNoBound(t *testing.T) {
	l := newLimiters(Limits{RefusalsPerMinute: -1}.refusals())
	for range 1000 {
		l.charge("a", time.Unix(1e9, 0))
	}
	if _, spent := l.spent("a", time.Unix(1e9, 0)); spent || len(l.byName) != 0 {
		t.Error("a bound where there is none")
	}
	if _, ok := newLimiters(Limits{ClientPerSecond: -1}.clients()).take("a", time.Unix(1e9, 0)); !ok {
		t.Error("a bound where there is none")
	}
}

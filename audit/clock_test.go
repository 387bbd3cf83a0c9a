package audit_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

// wallAndUptime are clocks that a test sets.
type wallAndUptime struct {
	mu   sync.Mutex
	wall time.Time
	up   time.Duration
}

func (c *wallAndUptime) now() time.Time        { c.mu.Lock(); defer c.mu.Unlock(); return c.wall }
func (c *wallAndUptime) uptime() time.Duration { c.mu.Lock(); defer c.mu.Unlock(); return c.up }

// pass lets time pass and the wall clock be set by so much more.
func (c *wallAndUptime) pass(d, set time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.up = c.wall.Add(d+set), c.up+d
}

func TestClockSteps(t *testing.T) {
	start := time.UnixMilli(1_800_000_000_000)
	for name, tt := range map[string]struct {
		passed, set time.Duration
		stepped     bool
	}{
		"an hour back":          {time.Minute, -time.Hour, true},
		"a day ahead":           {time.Minute, 24 * time.Hour, true},
		"a little over":         {time.Hour, time.Second + time.Millisecond, true},
		"a little over, back":   {time.Hour, -time.Second - time.Millisecond, true},
		"within":                {time.Hour, time.Second, false},
		"within, back":          {0, -time.Second, false},
		"a long time, no step":  {1000 * time.Hour, 0, false},
		"no time, no step":      {0, 0, false},
		"back by what went by":  {time.Hour, -time.Hour, true},
		"ahead and nothing ran": {0, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &wallAndUptime{wall: start}
			d := openDesk(t, t.TempDir(), func(b *audit.BookConfig, _ *audit.PublisherConfig) { b.Now, b.Uptime = c.now, c.uptime })
			before := len(d.leaves(t))
			c.pass(tt.passed, tt.set)
			index, err := d.book.Append(t.Context(), audit.Entry{Type: audit.ClientChanged})
			if err != nil {
				t.Fatal(err)
			}
			if got := int(index) - before; (got == 1) != tt.stepped {
				t.Fatalf("%d entries came before it", got)
			}
			if !tt.stepped {
				return
			}
			leaf, err := audit.ParseLeaf(d.leaves(t)[before].Body)
			want := audit.Leaf{Type: audit.ClockStep, Outcome: audit.OK, Time: c.now().UnixMilli(), Span: audit.LeafSpan{From: start.Add(tt.passed).UnixMilli(), To: c.now().UnixMilli()}}
			if diff := cmp.Diff(want, leaf); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if next, err := d.book.Append(t.Context(), audit.Entry{Type: audit.ClientChanged}); err != nil || next != index+1 {
				t.Errorf("the step was recorded again: %d, %v", next, err)
			}
		})
	}
}

// A clock that was set back while nothing ran is noticed at the next start.
func TestClockStepAcrossARestart(t *testing.T) {
	c := &wallAndUptime{wall: time.UnixMilli(1_800_000_000_000)}
	dir := t.TempDir()
	clocks := func(b *audit.BookConfig, _ *audit.PublisherConfig) { b.Now, b.Uptime = c.now, c.uptime }
	d := openDesk(t, dir, clocks)
	d.close()
	for _, tt := range []struct {
		set  time.Duration
		want audit.Type
	}{{time.Hour, audit.LogOpened}, {-time.Hour, audit.ClockStep}} {
		c.pass(0, tt.set)
		d = openDesk(t, dir, clocks)
		all := d.leaves(t)
		at := len(all) - 1
		if tt.want == audit.ClockStep {
			at--
		}
		if leaf, err := audit.ParseLeaf(all[at].Body); err != nil || leaf.Type != tt.want {
			t.Errorf("after a clock set by %v: %+v, %v", tt.set, leaf, err)
		}
		d.close()
	}
}

package audit

import "fmt"

// A chronology follows the times of the entries. They rise, but for neighbours that waited for one commit; silence is no longer
// than the interval of heartbeats; and a clock that was set is announced.
type chronology struct {
	limit  int64 // the longest silence in ms
	now    int64 // of the auditor
	begun  bool
	last   int64 // the latest time so far
	odd    int64 // the time of the last entry, when it did not fit; or 0
	before Type  // of the last entry
	lost   bool  // entries between the last one and the next could not be read
}

// judge gives a finding about the entry's time, or else what is worth a note.
func (c *chronology) judge(index int64, l *Leaf) (f *Finding, down string) {
	before, lost := c.before, c.lost
	c.before, c.lost = l.Type, false
	tolerance := orderTolerance.Milliseconds()
	delta := l.Time - c.last
	switch {
	case !c.begun:
		c.begun, c.last = true, l.Time
		if l.Time > c.now+tolerance {
			return found(TimeStep, index, "its time %s is ahead of this machine's clock", stamp(l.Time)), ""
		}
	case l.Type == ClockStep && !lost:
		return c.stepped(index, l)
	case lost: // what could not be read may have been a heartbeat or a step
		c.last, c.odd = l.Time, 0
	case delta < -tolerance:
		return c.misfit(index, l, "goes back"), ""
	case delta > c.limit && l.Time > c.now+tolerance:
		return c.misfit(index, l, "is ahead of this machine's clock and goes forward"), ""
	case delta > c.limit && l.Type == LogOpened:
		from := stamp(c.last)
		c.last, c.odd = l.Time, 0
		how := "it was not closed in good order"
		if before == LogClosed {
			how = "it was closed"
		}
		return nil, fmt.Sprintf("the log was down from %s to %s (entry %d opened it again; %s)", from, stamp(l.Time), index, how)
	case delta > c.limit:
		f = c.gap(index, l.Time)
		c.last, c.odd = l.Time, 0
		return f, ""
	default:
		c.last, c.odd = max(c.last, l.Time), 0
	}
	return nil, ""
}

// stepped takes an announced step: the time that it should have been carries on what was before, the time that it is begins anew.
func (c *chronology) stepped(index int64, l *Leaf) (f *Finding, down string) {
	tolerance := orderTolerance.Milliseconds()
	switch delta := l.Span.From - c.last; {
	case delta < -tolerance:
		f = found(TimeStep, index, "it says that the clock should have shown %s, and an entry before it is of %s", stamp(l.Span.From), stamp(c.last))
	case delta > c.limit:
		f = c.gap(index, l.Span.From)
	case l.Time < l.Span.To-tolerance || l.Time > l.Span.To+tolerance:
		f = found(TimeStep, index, "it says that the clock was set to %s, and is itself of %s", stamp(l.Span.To), stamp(l.Time))
	}
	c.last, c.odd = l.Time, 0
	return f, fmt.Sprintf("the clock was set from %s to %s (entry %d)", stamp(l.Span.From), stamp(l.Span.To), index)
}

// misfit handles a time that does not go on from the others. One entry alone may be out of line; when the next one agrees with
// it, the clock moved. Either way it is said once.
func (c *chronology) misfit(index int64, l *Leaf, how string) *Finding {
	if c.odd != 0 && l.Time >= c.odd-orderTolerance.Milliseconds() && l.Time <= c.odd+c.limit {
		c.last, c.odd = l.Time, 0
		return nil
	}
	c.odd = l.Time
	return found(TimeStep, index, "its time %s %s by %d s after %s, and no clock.step says why", stamp(l.Time), how, abs(l.Time-c.last)/1000, stamp(c.last))
}

func (c *chronology) gap(index, until int64) *Finding {
	return found(LoggingGap, index, "nothing was logged from %s to %s, not even a heartbeat", stamp(c.last), stamp(until))
}

func abs(n int64) int64 { return max(n, -n) }

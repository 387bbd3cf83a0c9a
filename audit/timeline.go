package audit

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// A Timeline is the life of a key, or of whatever else was asked for, in the order in which it was logged.
type Timeline struct {
	Search Search  `json:"search"`
	Events []Event `json:"events"`
	Uses   []Uses  `json:"uses"` // how often tokens were used, minute by minute, without the minutes of none
}

// An Event is one entry, as a person reads it.
type Event struct {
	Index   int64           `json:"index"`
	At      time.Time       `json:"at"`
	Type    Type            `json:"type"`
	Outcome Outcome         `json:"outcome"`
	Reason  string          `json:"reason,omitempty"`
	Client  string          `json:"client,omitempty"`
	Scope   string          `json:"scope,omitempty"`
	About   *uint64         `json:"about,omitempty"`
	Count   int64           `json:"count,omitempty"` // of what a summary stands for
	Detail  json.RawMessage `json:"detail,omitempty"`
}

// Uses counts the uses in one minute.
type Uses struct {
	Minute time.Time `json:"minute"`
	Count  int64     `json:"count"`
}

// maxEvents bounds a timeline. What has more is for export.
const maxEvents = 1 << 20

// ErrTooMany means that a timeline would be longer than anybody could read.
var ErrTooMany = errors.New("audit: more than a million entries: narrow the time, or export")

// MakeTimeline finds what the query asks for, with what is about it.
func MakeTimeline(ctx context.Context, c FindConfig) (*Timeline, error) {
	c.Query.Related = true
	line := &Timeline{Events: []Event{}, Uses: []Uses{}}
	uses := map[int64]int64{} // minute -> count
	search, err := Find(ctx, c, func(m Match) error {
		if len(line.Events) == maxEvents {
			return ErrTooMany
		}
		line.Events = append(line.Events, event(m))
		countUses(uses, &m.Leaf)
		return nil
	})
	if err != nil {
		return nil, err
	}
	line.Search = *search
	for minute, count := range uses {
		line.Uses = append(line.Uses, Uses{time.Unix(minute*60, 0).UTC(), count})
	}
	slices.SortFunc(line.Uses, func(a, b Uses) int { return a.Minute.Compare(b.Minute) })
	return line, nil
}

func event(m Match) Event {
	l := &m.Leaf
	e := Event{
		Index: m.Index, At: utc(l.Time), Type: l.Type, Outcome: l.Outcome, Reason: l.Reason, Client: l.Token.Client,
		Scope: l.Token.Scope, About: l.Evidence.About, Count: l.Span.Count,
	}
	if o := m.checkedOpening(); o != nil {
		e.Detail = o.Detail
	}
	return e
}

// countUses adds the uses that an entry tells of to the minutes in which they were. A summary is of one minute.
func countUses(uses map[int64]int64, l *Leaf) {
	switch l.Type {
	case TokenUsed:
		uses[l.Time/60_000]++
	case UseSummary:
		uses[l.Span.From/60_000] += l.Span.Count
	}
}

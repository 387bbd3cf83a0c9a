package verifierlog

import (
	"context"
	"sync"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/verifier"
)

// queueFull is the reason of the entries about verdicts that have none of their own.
const queueFull = "queue_full"

// missed counts verdicts that have no entry. The zero value has counted none.
type missed struct {
	mu             sync.Mutex // owns what is below; taken for moments, and by Record only when the queue is full
	all            int64
	uses, refusals audit.LeafSpan // not in the log yet
}

func (m *missed) add(v verifier.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all++
	span := &m.uses
	if v.Code != "" {
		span = &m.refusals
	}
	ms := v.At.UnixMilli()
	if span.Count == 0 {
		span.From, span.To = ms, ms
	}
	span.Count++
	span.From, span.To = min(span.From, ms), max(span.To, ms)
}

func (m *missed) total() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// flush writes the counts. What cannot be written stays counted.
func (m *missed) flush(ctx context.Context, book *audit.Book) error {
	m.mu.Lock()
	uses, refusals := m.uses, m.refusals
	m.mu.Unlock()
	var entries []audit.Entry
	if uses.Count > 0 {
		entries = append(entries, audit.Entry{Type: audit.UseSummary, Outcome: audit.OK, Reason: queueFull, Span: uses})
	}
	if refusals.Count > 0 {
		entries = append(entries, audit.Entry{Type: audit.RefusalSummary, Outcome: audit.Refused, Reason: queueFull, Span: refusals})
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := book.Append(ctx, entries...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.uses, m.refusals = since(m.uses, uses), since(m.refusals, refusals)
	return nil
}

// since takes what was written from what was counted.
func since(now, written audit.LeafSpan) audit.LeafSpan {
	now.Count -= written.Count
	if now.Count > 0 && written.Count > 0 {
		now.From = written.To // what came meanwhile
	}
	return now
}

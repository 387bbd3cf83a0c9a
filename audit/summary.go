package audit

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// SummariesConfig says what is folded.
type SummariesConfig struct {
	// Book is the log. Required.
	Book *Book
	// Threshold is how many refusals of one reason have an entry of their own in each Window. Zero means 10; to have
	// none, take what is below zero.
	Threshold int
	// Window is how long is folded into one entry. Zero means a minute.
	Window time.Duration
	// Most is how many tokens are counted at once; when there are more, a flush makes room. Zero means 10,000.
	Most int
}

// Summaries folds what happens often into few entries, so that the log does not grow with the number of requests: the refusals
// of requests that nobody vouches for, and the uses of tokens. NewSummaries makes one; Run or Flush writes what was counted.
// What was counted and not written yet is lost when the process is killed.
type Summaries struct {
	cfg SummariesConfig

	mu       sync.Mutex
	refusals map[string]*tally // by reason
	uses     map[string]*tally // by the digest of the token's claims
	flushing sync.Mutex
}

// A tally is what one summary will say.
type tally struct {
	entry Entry // of which the summary takes token, key and client
	alone int   // how many had an entry of their own
	span  LeafSpan
}

// mostReasons bounds the reasons of refusals that are told apart; those beyond it are counted as one.
const mostReasons = 256

// otherReason stands for reasons beyond mostReasons.
const otherReason = "other"

// NewSummaries begins to count.
func NewSummaries(c SummariesConfig) (*Summaries, error) {
	if c.Book == nil {
		return nil, errors.New("audit: SummariesConfig.Book is required")
	}
	if c.Window < 0 || c.Most < 0 {
		return nil, errors.New("audit: SummariesConfig has a negative limit")
	}
	if c.Threshold == 0 {
		c.Threshold = 10
	}
	if c.Window == 0 {
		c.Window = time.Minute
	}
	if c.Most == 0 {
		c.Most = 10_000
	}
	return &Summaries{cfg: c, refusals: map[string]*tally{}, uses: map[string]*tally{}}, nil
}

// Refusal records the refusal of a request that nobody vouches for: by an entry of its own up to the threshold, and beyond it in
// the summary of its reason.
func (s *Summaries) Refusal(ctx context.Context, e Entry) error {
	if !s.count(e) {
		return nil
	}
	_, err := s.cfg.Book.Append(ctx, e)
	return err
}

// count reports whether a refusal is to have an entry of its own.
func (s *Summaries) count(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := e.Reason
	if s.refusals[reason] == nil && len(s.refusals) >= mostReasons {
		reason = otherReason
	}
	t := s.refusals[reason]
	if t == nil {
		t = &tally{entry: Entry{Type: RefusalSummary, Reason: reason, Outcome: Refused}}
		s.refusals[reason] = t
	}
	if t.alone < s.cfg.Threshold {
		t.alone++
		return true
	}
	t.add(s.cfg.Book.clock.now())
	return false
}

// Use counts a use of a token that has had an entry before, like token.used. The entry's Token.Claims says which token.
func (s *Summaries) Use(ctx context.Context, e Entry) error {
	if e.Token.Claims == "" {
		return errors.New("audit: a use without the digest of its token")
	}
	for {
		if s.countUse(e) {
			return nil
		}
		if err := s.Flush(ctx); err != nil {
			return err
		}
	}
}

// countUse reports whether there was room.
func (s *Summaries) countUse(e Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.uses[e.Token.Claims]
	if t == nil {
		if len(s.uses) >= s.cfg.Most {
			return false
		}
		t = &tally{entry: Entry{Type: UseSummary, Confirmation: e.Confirmation, Client: e.Client, Token: e.Token, About: e.About}}
		s.uses[e.Token.Claims] = t
	}
	t.add(s.cfg.Book.clock.now())
	return true
}

func (t *tally) add(now time.Time) {
	ms := now.UnixMilli()
	if t.span.Count == 0 {
		t.span.From, t.span.To = ms, ms
	}
	t.span.Count++
	t.span.From, t.span.To = min(t.span.From, ms), max(t.span.To, ms)
}

// Run flushes once a window, and once more when ctx ends.
func (s *Summaries) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.Window)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		case <-ticker.C:
			if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// Flush writes what was counted and begins a new window. What could not be written is counted on.
func (s *Summaries) Flush(ctx context.Context) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	refusals, uses := s.refusals, s.uses
	s.refusals, s.uses = map[string]*tally{}, map[string]*tally{}
	s.mu.Unlock()
	maps.DeleteFunc(refusals, func(_ string, t *tally) bool { return t.span.Count == 0 })
	err := flush(ctx, s.cfg.Book, refusals)
	if err == nil {
		err = flush(ctx, s.cfg.Book, uses)
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		putBack(s.refusals, refusals)
		putBack(s.uses, uses)
	}
	return err
}

// flush writes tallies and takes those that are written out of the map.
func flush[K comparable](ctx context.Context, b *Book, tallies map[K]*tally) error {
	for len(tallies) > 0 {
		var ch store.Change
		var written []K
		for key, t := range tallies {
			e := t.entry
			e.Span = t.span
			if err := b.Add(ctx, &ch, e); err != nil {
				return err
			}
			if written = append(written, key); len(written) == mostInChange {
				break
			}
		}
		if _, err := b.store.Commit(ctx, &ch); err != nil {
			return err
		}
		for _, key := range written {
			delete(tallies, key)
		}
	}
	return nil
}

// putBack adds what could not be written to what was counted meanwhile.
func putBack[K comparable](now, old map[K]*tally) {
	for key, t := range old {
		if newer := now[key]; newer != nil {
			t.alone += newer.alone
			if newer.span.Count > 0 {
				t.span = LeafSpan{t.span.Count + newer.span.Count, min(t.span.From, newer.span.From), max(t.span.To, newer.span.To)}
			}
		}
		now[key] = t
	}
}

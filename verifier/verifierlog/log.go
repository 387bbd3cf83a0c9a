package verifierlog

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/verifier"
)

// Config says where verdicts go.
type Config struct {
	// Book is the resource server's own log. Required.
	Book *audit.Book
	// Queue is how many verdicts may wait. 0 means 4096.
	Queue int
	// Tokens is how many tokens are known to have been used. One that was forgotten has another first use. 0 means 65536.
	Tokens int
	// Refusals is how many refusals of one reason have an entry of their own in each Window. 0 means 10.
	Refusals int
	// Window is how long is folded into one entry. 0 means a minute.
	Window time.Duration
}

// A Log is a verifier.Recorder. New makes one, and Run writes. It is safe for concurrent use.
type Log struct {
	book   *audit.Book
	window time.Duration
	queue  chan verifier.Verdict
	missed missed

	// Run's own:
	folded *audit.Summaries
	seen   *seen
}

var _ verifier.Recorder = (*Log)(nil)

// batchSize bounds how many verdicts are written together, and so how many entries one commit has.
const batchSize = 256

// New reports every fault of the configuration. Nothing is written before Run.
func New(c Config) (*Log, error) {
	var faults []error
	if c.Book == nil {
		faults = append(faults, errors.New("verifierlog: Config.Book is required"))
	}
	if c.Queue < 0 || c.Tokens < 0 || c.Refusals < 0 || c.Window < 0 {
		faults = append(faults, errors.New("verifierlog: Config has a negative limit"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if c.Queue == 0 {
		c.Queue = 4096
	}
	if c.Tokens == 0 {
		c.Tokens = 1 << 16
	}
	if c.Window == 0 {
		c.Window = time.Minute
	}
	folded, err := audit.NewSummaries(audit.SummariesConfig{Book: c.Book, Threshold: c.Refusals, Window: c.Window})
	if err != nil {
		return nil, err
	}
	return &Log{book: c.Book, window: c.Window, queue: make(chan verifier.Verdict, c.Queue), folded: folded, seen: newSeen(c.Tokens)}, nil
}

// Record puts a verdict into the queue, or counts it when there is no room. It never waits.
func (l *Log) Record(v verifier.Verdict) {
	select {
	case l.queue <- v:
	default:
		l.missed.add(v)
	}
}

// Stats are what a service should watch.
type Stats struct {
	Waiting int   // verdicts in the queue
	Missed  int64 // verdicts without an entry since the start, because the queue was full or the log could not be written
}

// Stats tells how the log is doing.
func (l *Log) Stats() Stats { return Stats{Waiting: len(l.queue), Missed: l.missed.total()} }

// Run writes until ctx ends, and then what is left. An error means that the log cannot be written: from then on verdicts are
// only counted. It is for the service to decide whether it goes on without a record.
func (l *Log) Run(ctx context.Context) error {
	work := context.WithoutCancel(ctx) // an entry that was begun is finished
	ticker := time.NewTicker(l.window)
	defer ticker.Stop()
	for {
		select {
		case v := <-l.queue:
			if err := l.write(work, l.waiting(v)); err != nil {
				return err
			}
		case <-ticker.C:
			if err := l.flush(work); err != nil {
				return err
			}
		case <-ctx.Done():
			return l.finish(work)
		}
	}
}

// waiting takes what is in the queue already, up to a batch.
func (l *Log) waiting(first verifier.Verdict) []verifier.Verdict {
	batch := []verifier.Verdict{first}
	for len(batch) < batchSize {
		select {
		case v := <-l.queue:
			batch = append(batch, v)
		default:
			return batch
		}
	}
	return batch
}

// finish empties the queue.
func (l *Log) finish(ctx context.Context) error {
	for {
		select {
		case v := <-l.queue:
			if err := l.write(ctx, l.waiting(v)); err != nil {
				return err
			}
		default:
			return l.flush(ctx)
		}
	}
}

// flush writes what was counted.
func (l *Log) flush(ctx context.Context) error {
	if err := l.folded.Flush(ctx); err != nil {
		return err
	}
	return l.missed.flush(ctx, l.book)
}

// write writes verdicts in their order. First uses that follow one another are committed together; later uses are only
// counted, so they may wait until the batch is done.
func (l *Log) write(ctx context.Context, batch []verifier.Verdict) error {
	var first, later []verifier.Verdict
	pending := map[digest]bool{}
	for i, v := range batch {
		switch {
		case v.Code != "":
			err := l.begin(ctx, first)
			if err == nil {
				first = nil
				err = l.refusal(ctx, v)
			}
			if err != nil {
				return l.lost(err, first, later, batch[i:])
			}
		case pending[v.Token.Digest] || l.seen.has(v.Token.Digest):
			later = append(later, v)
		default:
			pending[v.Token.Digest] = true
			first = append(first, v)
		}
	}
	if err := l.begin(ctx, first); err != nil {
		return l.lost(err, first, later)
	}
	for i, v := range later {
		if err := l.use(ctx, v); err != nil {
			return l.lost(err, later[i:])
		}
	}
	return nil
}

// lost counts what could not be written.
func (l *Log) lost(err error, parts ...[]verifier.Verdict) error {
	for _, part := range parts {
		for _, v := range part {
			l.missed.add(v)
		}
	}
	return err
}

// begin writes first uses.
func (l *Log) begin(ctx context.Context, first []verifier.Verdict) error {
	if len(first) == 0 {
		return nil
	}
	entries := make([]audit.Entry, len(first))
	for i, v := range first {
		entries[i] = entryOf(v)
	}
	index, err := l.book.Append(ctx, entries...)
	if err != nil {
		return err
	}
	for i, v := range first {
		l.seen.add(v.Token.Digest, firstUse{index + uint64(i), entries[i].Token.Claims})
	}
	return nil
}

// use counts a later use.
func (l *Log) use(ctx context.Context, v verifier.Verdict) error {
	e := audit.Entry{Type: audit.UseSummary, Confirmation: v.Token.Claims.Confirmation, Client: v.Token.Claims.ClientID}
	if known, ok := l.seen.get(v.Token.Digest); ok {
		e.Token, e.About = factsWith(v.Token, known.claims), &known.index
	} else { // forgotten since it was looked up
		e.Token = facts(v.Token)
	}
	return l.folded.Use(ctx, e)
}

// refusal writes or counts a refusal.
func (l *Log) refusal(ctx context.Context, v verifier.Verdict) error {
	e := entryOf(v)
	if v.Token != nil {
		if known, ok := l.seen.get(v.Token.Digest); ok {
			e.About = &known.index
		}
	}
	return l.folded.Refusal(ctx, e)
}

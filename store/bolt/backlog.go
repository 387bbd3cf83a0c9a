package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenon-auth/tenon/store"
)

const (
	// writeAfter is how long the writer lets proofs gather: less than half of behind, so that a write of usual length fits too.
	writeAfter = 20 * time.Millisecond
	// behind is how far the file may be behind what was accepted. Who comes while it is more waits for the writer.
	behind = 50 * time.Millisecond
	// patience is how long somebody waits for a writer that does not get on, who did not set an end to ctx before.
	patience = 5 * time.Second
)

// errBehind says that the disk does not keep up or that Run does not run.
var errBehind = errors.New("store/bolt: the replay file is too far behind what was accepted")

// A backlog holds the proofs that were accepted and are not in the file yet.
type backlog struct {
	mu      sync.Mutex
	waiting []entry
	since   time.Time     // when the first of waiting came
	written chan struct{} // closed by the writer when what it took is written; then replaced
	taken   time.Time     // since of what the writer is writing now; zero when it writes nothing
	stopped error         // why nothing more is accepted
	lost    bool          // a write was begun and is not known to have succeeded
	kick    chan struct{} // holds one: something is waiting
	writing sync.Mutex    // held by who writes
}

func (b *backlog) init() {
	b.written = make(chan struct{})
	b.kick = make(chan struct{}, 1)
}

// add puts an entry into the backlog. It returns nil when everything in the backlog is younger than the bound; otherwise it
// waits for the writer. After an error the entry may still be written.
func (b *backlog) add(ctx context.Context, e entry) error {
	b.mu.Lock()
	if b.stopped != nil {
		defer b.mu.Unlock()
		return b.stopped
	}
	if len(b.waiting) == 0 {
		b.since = time.Now()
		select {
		case b.kick <- struct{}{}:
		default:
		}
	}
	b.waiting = append(b.waiting, e)
	late, written := b.late(), b.written
	b.mu.Unlock()
	if !late {
		return nil
	}
	return b.wait(ctx, written)
}

// wait lets a caller go when the backlog is within its bound again.
func (b *backlog) wait(ctx context.Context, written chan struct{}) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-written:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", errBehind, ctx.Err())
		case <-timer.C:
			return errBehind
		}
		b.mu.Lock()
		stopped, late := b.stopped, b.late()
		written = b.written
		b.mu.Unlock()
		if stopped != nil || !late {
			return stopped
		}
	}
}

// late wants the lock.
func (b *backlog) late() bool {
	oldest := b.taken
	if oldest.IsZero() {
		oldest = b.since
	}
	return !oldest.IsZero() && time.Since(oldest) > behind
}

// run writes the backlog with write whenever something has waited for writeAfter, and calls expire once a slice.
func (b *backlog) run(ctx context.Context, write func([]entry) error, expire func() error) error {
	ticker := time.NewTicker(proofSlice * time.Second)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return b.close(write)
		case <-ticker.C:
			err = expire()
		case <-b.kick:
			select {
			case <-ctx.Done():
			case <-time.After(b.pause()):
			}
			err = b.flush(write)
		}
		if err != nil {
			b.stop(err)
			return err
		}
	}
}

// errLost is the answer of a close that comes after a write that failed.
var errLost = errors.New("store/bolt: proofs that were accepted could not be written")

// pause is how long the writer lets proofs gather. What came while it was busy has waited enough.
func (b *backlog) pause() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return writeAfter - time.Since(b.since)
}

// flush writes what is waiting now.
func (b *backlog) flush(write func([]entry) error) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	b.mu.Lock()
	batch, lost := b.waiting, b.lost
	b.waiting, b.taken, b.since = make([]entry, 0, len(batch)), b.since, time.Time{}
	b.lost = true // until it is known better, also if write does not come back
	b.mu.Unlock()
	var err error
	if len(batch) > 0 {
		err = write(batch)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken, b.lost = time.Time{}, lost || err != nil
	if b.lost && b.stopped == nil {
		b.stopped = errors.Join(errLost, err)
	}
	close(b.written)
	b.written = make(chan struct{})
	return err
}

// stop lets nobody in any more.
func (b *backlog) stop(why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped == nil {
		b.stopped = why
	}
}

// close lets nobody in any more and writes the rest. It fails if anything that was accepted is not in the file.
func (b *backlog) close(write func([]entry) error) error {
	b.stop(store.ErrClosed)
	err := b.flush(write)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil && b.lost {
		return errLost
	}
	return err
}

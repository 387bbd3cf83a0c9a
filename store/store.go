package store

import (
	"context"
	"errors"
)

// A Store keeps records and the log's leaves. Its methods may be called from many goroutines at once. The package comment
// says what an engine promises.
type Store interface {
	// Get returns the record, or ErrNotFound when there is none or it has expired.
	Get(ctx context.Context, k Key) (Record, error)
	// Scan returns at most n records of prefix.Kind whose ids begin with prefix.ID and come after the given id, in the order
	// of the bytes of their ids. Expired records are left out. Fewer than n records mean that there are no more. n is at least 1.
	Scan(ctx context.Context, prefix Key, after string, n int) ([]Record, error)
	// Commit applies the Change. A *Conflict names the precondition that does not hold; ErrUncertain says that nobody knows.
	Commit(ctx context.Context, c *Change) (Receipt, error)
}

var (
	// ErrNotFound means that there is no such record now.
	ErrNotFound = errors.New("store: not found")
	// ErrClosed means that the store has been closed.
	ErrClosed = errors.New("store: closed")
	// ErrUncertain means that a Change may or may not have been committed. Whoever must know reads the record again, after
	// opening the store anew if it says that it is broken.
	ErrUncertain = errors.New("store: the outcome of the change is not known")
)

// A Conflict is a precondition of a Change that does not hold: an insert whose key exists, a replacement or deletion whose
// record is gone or has another version. Nothing of the Change has been applied.
type Conflict struct{ Key Key }

func (c *Conflict) Error() string { return "store: conflict at " + c.Key.String() }

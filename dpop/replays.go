package dpop

import (
	"context"
	"errors"
	"time"
)

// A Replays remembers which proofs were used (RFC 9449 §11.1).
type Replays interface {
	// Use records key until the given time and reports whether it was new. Two calls with one key, however close, get
	// at most one true between them. False is also the answer for a key so old that it may have been forgotten. An error
	// means that the answer cannot be known: the caller refuses the request as 503, it never lets it pass.
	Use(ctx context.Context, key [32]byte, until time.Time) (first bool, err error)
}

// ErrFull says that a replay memory holds as many proofs as it may, all of them still acceptable. None is given up early.
var ErrFull = errors.New("dpop: the replay memory is full")

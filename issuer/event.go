package issuer

import (
	"time"

	"github.com/tenon-auth/tenon"
)

// An Event tells what became of one request, for metrics and the log line. It holds no token, key, proof or assertion. The
// client's id is there only when the client has proved to be it, so that a stranger cannot fill a metric with names.
type Event struct {
	Endpoint   string     // "token", "jwks", "metadata", "status"; "keys" for the schedule, which is no request
	Status     int        // HTTP; 0 for what is no request
	Code       tenon.Code // "" when nothing was refused
	Reason     string     // the check that refused, in a short stable word
	ClientID   string
	GrantType  string // a grant this server knows, or ""
	Thumbprint string // of the key that was proved: the proof's, or the certificate's when there was no proof
	Err        error  // whole, with the causes that the caller is not told
	Issued
	Timing
}

// Issued is what was given out. LeafIndex has a meaning only with a KeyID.
type Issued struct {
	KeyID     string // the signing key, "" when no token was made
	LeafIndex uint64
}

// Timing is how long things took, and how far the client's clock is off.
type Timing struct {
	Commit    time.Duration // 0 when nothing was committed
	Duration  time.Duration
	Offset    time.Duration // iat of the proof minus our time
	HasOffset bool
}

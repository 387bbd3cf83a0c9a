package verifier

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon"
)

// An Event is one verdict, for metrics and the log. It never holds a token, a proof or a key.
type Event struct {
	Code   tenon.Code // empty when the request was let through
	Reason string     // the check that refused, one of few words; empty when let through
	Method string     // as the caller wrote it: bound it before using it as a label

	ClientID   string // of the token, once that was verified; else empty
	Thumbprint string // of the key that the token is bound to, or else of the certificate; empty until the token was verified

	Offset    time.Duration // the proof's iat minus the time here
	HasOffset bool          // a proof was checked as far as its time, and perhaps refused for it

	Replay   time.Duration // what the replay memory took, 0 when it was not asked
	Duration time.Duration // what the verdict took
	Err      error         // the whole error, nil when let through
}

// refused notes why a request was refused. An error that is no refusal is our fault.
func (e *Event) refused(err error) {
	e.Err = err
	if refusal, ok := errors.AsType[*tenon.Error](err); ok {
		e.Code, e.Reason = refusal.Code, refusal.Reason
		return
	}
	e.Code, e.Reason = tenon.ServerError, "fault"
}

// observe tells the configured observer, if any.
func (v *Verifier) observe(ctx context.Context, e Event) {
	if v.config.Observe != nil {
		v.config.Observe(ctx, e)
	}
}

package issuer

import (
	"errors"
	"time"

	"github.com/tenon-auth/tenon"
)

// An Event tells what became of one request, for metrics and the log line. It holds no token, key, proof or assertion. The
// client's id is there only when the client has proved to be it, so that a stranger cannot fill a metric with names.
type Event struct {
	Endpoint   string     // "token", "par", "introspect", "revoke", "userinfo", "jwks", "metadata", "status", or the path of a page; "keys" for the schedule, which is no request
	Status     int        // HTTP; 0 for what is no request
	Code       tenon.Code // "" when nothing was refused
	Reason     string     // the check that refused, in a short stable word
	ClientID   string
	Public     bool   // the client authenticates with nothing: anybody could have said its name
	GrantType  string // a grant this server knows, or ""
	Thumbprint string // of the key that was proved: the proof's, or the certificate's when there was no proof
	Err        error  // whole, with the causes that the caller is not told
	Issued
	Person
	Timing
}

// refused notes why a request was refused, and gives what its caller is told. What is not a refusal is our fault: the caller is told
// nothing but that, and the event has it whole.
func (e *Event) refused(err error) *tenon.Error {
	e.Err = err
	refusal, ok := errors.AsType[*tenon.Error](err)
	if !ok {
		refusal = tenon.Refuse(tenon.ServerError, "fault", "the server failed; it has been logged")
	}
	e.Code, e.Reason = refusal.Code, refusal.Reason
	return refusal
}

// Issued is what was given out. LeafIndex has a meaning only with a KeyID.
type Issued struct {
	KeyID     string // the signing key, "" when no token was made
	LeafIndex uint64
}

// Person is about a request of a person's browser.
type Person struct {
	Did       string // what was done, in a short stable word of package browser
	Request   string // tells the requests of one authorization from others
	Subject   string // the directory's, of who is signed in
	Reference string // the word on the error page that finds this event
}

// Timing is how long things took, and how far the client's clock is off.
type Timing struct {
	Commit    time.Duration // 0 when nothing was committed
	Duration  time.Duration
	Offset    time.Duration // iat of the proof minus our time
	HasOffset bool
}

package demo

import (
	"context"
	"io"
	"log"
	"net/http"
	"sync"

	"github.com/tenon-auth/tenon/verifier"
)

// checkHeader carries the name of the check that refused. A real API has it in its log and metrics only; here the play reads
// it, to be sure that each attack is refused for its own fault and not for another.
const checkHeader = "Demo-Check"

// A witness serves one request at a time, so that the verdict that observe is told belongs to the answer being written. That is
// slow, and right for a demo.
type witness struct {
	next http.Handler

	mu    sync.Mutex // held while a request is served
	check string     // what refused it
}

func (x *witness) observe(_ context.Context, e verifier.Event) { x.check = e.Reason }

func (x *witness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.check = ""
	x.next.ServeHTTP(&labelled{w, x}, r)
}

// labelled writes the name of the check into the answer's header.
type labelled struct {
	http.ResponseWriter
	witness *witness
}

func (l *labelled) WriteHeader(status int) {
	if l.witness.check != "" {
		l.Header().Set(checkHeader, l.witness.check)
	}
	l.ResponseWriter.WriteHeader(status)
}

// silent keeps what net/http says about broken connections to itself: in a play about broken connections it is noise.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }

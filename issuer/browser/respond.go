package browser

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// An answer is a refusal that HTTP has a word of its own for.
type answer struct {
	status  int
	allow   string // with 405
	refusal *tenon.Error
}

func (a *answer) Error() string { return a.refusal.Error() }
func (a *answer) Unwrap() error { return a.refusal }

// errPanic is a fault of ours that trying again will not mend.
var errPanic = errors.New("browser: panic")

// handle makes a handler of what serves each method. It is where errors become pages and where a request becomes an event.
func (b *Browser) handle(endpoint string, methods map[string]func(*exchange) error) http.Handler {
	return overTLS(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		written := &statusWriter{ResponseWriter: w}
		x := &exchange{w: written, r: r, event: &Event{Endpoint: endpoint}}
		if err := b.guarded(x, methods); err != nil {
			b.respond(x, err)
		}
		x.event.Status, x.event.Duration = written.status, time.Since(begin)
		if b.Observe != nil {
			b.Observe(r.Context(), *x.event)
		}
	}))
}

// A statusWriter notes the status that was written, which may be that of a page that could not be made.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// guarded serves one request. A panic becomes an error like any other fault of ours: nothing has been written then, since
// answers are written last.
func (b *Browser) guarded(x *exchange, methods map[string]func(*exchange) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	serve := methods[x.r.Method]
	if serve == nil {
		return &answer{status: http.StatusMethodNotAllowed, allow: allowed(methods), refusal: malformed("this page has no %.10s", x.r.Method)}
	}
	return serve(x)
}

func allowed(methods map[string]func(*exchange) error) string {
	var names []string
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		if methods[m] != nil {
			names = append(names, m)
		}
	}
	return strings.Join(names, ", ")
}

// respond shows an error page. What is not a refusal is our fault: the person is told nothing but that, and the event has it
// whole. The reference on the page is in the event too.
func (b *Browser) respond(x *exchange, err error) {
	e := x.event
	e.Err, e.Reference = err, rand.Text()[:12]
	refusal, status := judge(err)
	e.Code, e.Reason = refusal.Code, refusal.Reason
	if a, ok := errors.AsType[*answer](err); ok {
		status = a.status
		if a.allow != "" {
			x.w.Header().Set("Allow", a.allow) // RFC 9110 §15.5.6
		}
	}
	if status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", "5") // RFC 9110 §15.6.4
	}
	page := ui.Error{Frame: x.frame(), Code: string(refusal.Code), Detail: refusal.Description, Reference: e.Reference, Time: b.Now()}
	if x.asked != nil {
		page.Client = client(x.asked.Client)
	}
	b.render(x, status, page)
}

// judge finds what an error is told as.
func judge(err error) (*tenon.Error, int) {
	refusal, ok := errors.AsType[*tenon.Error](err)
	switch {
	case ok && refusal.Code == tenon.Unavailable:
		return refusal, http.StatusServiceUnavailable
	case ok && refusal.Code == tenon.ServerError:
		return refusal, http.StatusInternalServerError
	case ok:
		return refusal, http.StatusBadRequest
	case errors.Is(err, errPanic):
		return tenon.Refuse(tenon.ServerError, "fault", "the server failed; it has been logged"), http.StatusInternalServerError
	case errors.Is(err, people.ErrBusy):
		return tenon.Refuse(tenon.Unavailable, "busy", "too many people sign in at once"), http.StatusServiceUnavailable
	}
	return tenon.Refuse(tenon.Unavailable, "fault", "the server cannot answer now; it has been logged"), http.StatusServiceUnavailable
}

// render writes a page. Pages link to themselves in other languages, so they see the parameters that mean something, and no more:
// what is ignored does not come back on a page of ours.
func (b *Browser) render(x *exchange, status int, page ui.Page) {
	given, kept := x.r.URL.Query(), url.Values{}
	for _, name := range []string{"client_id", "request_uri", "id", "lang"} {
		if values := given[name]; len(values) == 1 && len(values[0]) <= maxReference {
			kept[name] = values
		}
	}
	r := x.r.WithContext(x.r.Context())
	r.URL = &url.URL{Path: x.r.URL.Path, RawQuery: kept.Encode()}
	b.Pages.Render(x.w, r, status, page)
}

// goTo sends the browser to one of our own paths, or to a client with the answer to its request. It is the only place that
// redirects, and the method always becomes GET (FAPI 2.0 §5.3.2.2 (10, 11)).
func (x *exchange) goTo(location string) error {
	h := x.w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // RFC 9700 §4.2.4
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	x.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// retryAfter tells how long to wait.
func (x *exchange) retryAfter(wait time.Duration) {
	x.w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second))) // RFC 6585 §4
}

package issuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// An endpoint serves one request and writes its answer, or gives an error and writes nothing. It fills in the event.
type endpoint func(w http.ResponseWriter, r *http.Request, e *Event) error

// handle wraps an endpoint: it is where errors become HTTP and where a request becomes an event.
func (i *Issuer) handle(name string, serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		e := Event{Endpoint: name}
		w.Header().Set("Strict-Transport-Security", transportSecurity) // FAPI 2.0 §5.2.3 (1)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if err := i.guarded(serve, w, r, &e); err != nil {
			respond(w, err, &e)
		}
		e.Duration = time.Since(begin)
		if i.cfg.Observe != nil {
			i.cfg.Observe(r.Context(), e)
		}
	})
}

// transportSecurity keeps browsers from coming over anything but TLS for a year.
const transportSecurity = "max-age=31536000"

// guarded makes a panic an error, so that it is told like any other fault of ours. Nothing has been written then: endpoints
// write last.
func (i *Issuer) guarded(serve endpoint, w http.ResponseWriter, r *http.Request, e *Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("issuer: panic: %v", p)
		}
	}()
	return serve(w, r, e)
}

// A refusalWithStatus is a refusal that HTTP has a word of its own for, and a header field that goes with it.
type refusalWithStatus struct {
	refusal      *tenon.Error
	status       int
	field, value string
}

func (r *refusalWithStatus) Error() string { return r.refusal.Error() }
func (r *refusalWithStatus) Unwrap() error { return r.refusal }

// wrongMethod is the answer to any method but the allowed ones.
func wrongMethod(allowed ...string) error {
	return &refusalWithStatus{
		tenon.Refuse(tenon.InvalidRequest, "method", "use %s", strings.Join(allowed, " or ")),
		http.StatusMethodNotAllowed, "Allow", strings.Join(allowed, ", "), // RFC 9110 §15.5.6
	}
}

func tooLarge(limit int64) error {
	return &refusalWithStatus{
		tenon.Refuse(tenon.InvalidRequest, "size", "the body is larger than %d bytes", limit),
		http.StatusRequestEntityTooLarge, "Connection", "close",
	}
}

func tooMany(wait time.Duration, why string) error {
	return &refusalWithStatus{
		tenon.Refuse(tenon.Unavailable, "rate", "%s: try again in %d s", why, seconds(wait)),
		http.StatusTooManyRequests, "Retry-After", strconv.FormatInt(seconds(wait), 10), // RFC 6585 §4
	}
}

// notFound is the answer to a name that leads to nothing.
func notFound() error {
	return &refusalWithStatus{
		tenon.Refuse(tenon.InvalidRequest, "not_found", "there is nothing here"),
		http.StatusNotFound, "Cache-Control", "no-store",
	}
}

// challenge names the scheme that the client tried (RFC 6749 §5.2).
func challenge(scheme string, refusal *tenon.Error) error {
	if !isSchemeName(scheme) {
		scheme = "Basic"
	}
	return &refusalWithStatus{refusal, http.StatusUnauthorized, "WWW-Authenticate", scheme + ` realm="token"`}
}

// isSchemeName keeps what a caller wrote out of our header unless it is a plain word.
func isSchemeName(s string) bool {
	if s == "" || len(s) > 20 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == ""
}

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// retryAfter is what a caller is told to wait when the server cannot answer now.
const retryAfter = "1"

// respond writes an error.
func respond(w http.ResponseWriter, err error, e *Event) {
	refusal := e.refused(err)
	status := statusOf(refusal.Code)
	if special, ok := errors.AsType[*refusalWithStatus](err); ok {
		status = special.status
		w.Header().Set(special.field, special.value)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter) // RFC 9110 §15.6.4
	}
	_ = writeJSON(w, e, status, struct {
		Code        tenon.Code `json:"error"`
		Description string     `json:"error_description,omitempty"`
	}{refusal.Code, refusal.Description})
}

// statusOf is the HTTP status of a code (RFC 6749 §5.2, RFC 7662 §2.3, RFC 9449 §5, §8).
func statusOf(code tenon.Code) int {
	switch code {
	case tenon.InvalidClient:
		return http.StatusUnauthorized
	case tenon.AccessDenied:
		return http.StatusForbidden
	case tenon.Unavailable:
		return http.StatusServiceUnavailable
	case tenon.ServerError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// writeJSON writes an answer that nobody may keep (RFC 6749 §5.1). Without a value it has no body.
func writeJSON(w http.ResponseWriter, e *Event, status int, v any) error {
	w.Header().Set("Cache-Control", "no-store")
	if v == nil {
		e.Status = status
		w.WriteHeader(status)
		return nil
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	e.Status = status
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has gone away needs no answer
	return nil
}

// setNonce hands out a nonce as the policy says: the newer one a checked proof deserves, and a first one to whoever uses DPoP
// without (RFC 9449 §8, §8.2).
func (i *Issuer) setNonce(w http.ResponseWriter, r *http.Request, next string, err error) {
	if i.cfg.DPoP == nil || i.cfg.DPoP.Nonces() == nil || len(r.Header.Values("DPoP")) == 0 {
		return
	}
	demanded := errors.Is(err, tenon.UseDPoPNonce)
	if next == "" && (demanded || err != nil && i.cfg.DPoP.Nonces().Policy() == dpop.RequireNonce) {
		next = i.cfg.DPoP.Nonces().Mint()
	}
	if next != "" {
		w.Header().Set("DPoP-Nonce", next)
	}
}

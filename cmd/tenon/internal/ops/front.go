package ops

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

const (
	// endpointMark is a header field of every answer by an endpoint: it says how long the answer may be kept. An answer without
	// it came from no endpoint, and the issuer's hook was not told of the request.
	endpointMark = "Cache-Control"
	// hsts keeps browsers from ever trying http (FAPI 2.0 §5.2.3 (1)).
	hsts = "max-age=31536000"
	// noEndpoint stands for every path that leads nowhere: the path itself is the caller's, and has no place in a label.
	noEndpoint = "none"
)

// Front goes around all that strangers can reach. It counts what is in flight, and tells of the requests that no endpoint
// has told of, so that each has its line.
func (m *Monitor) Front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		begin := time.Now()
		w.Header().Set("Strict-Transport-Security", hsts)
		answer := &answerWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		if w.Header().Get(endpointMark) != "" {
			return
		}
		took := time.Since(begin)
		m.requests.WithLabelValues(noEndpoint, strconv.Itoa(answer.status)).Inc()
		m.duration.WithLabelValues(noEndpoint).Observe(took.Seconds())
		m.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
			slog.String("endpoint", noEndpoint), slog.Int("status", answer.status), slog.Duration("duration", took.Round(time.Microsecond)))
	})
}

// answerWriter remembers the status.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what the server's writer can do.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package ops

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A Monitor turns what happens into numbers and lines.
type Monitor struct {
	*Metrics
	Log *slog.Logger
}

// Request is the issuer's hook. It writes the request's one line: who was refused, and by which check; who was given what.
func (m *Monitor) Request(ctx context.Context, e issuer.Event) {
	if e.Status == 0 { // no request: the key schedule
		m.Failure(e.Endpoint, e.Err)
		return
	}
	m.count(e)
	m.Log.LogAttrs(ctx, level(e), "request", attributes(e)...)
}

func (m *Monitor) count(e issuer.Event) {
	m.requests.WithLabelValues(e.Endpoint, strconv.Itoa(e.Status)).Inc()
	m.duration.WithLabelValues(e.Endpoint).Observe(e.Duration.Seconds())
	if e.Code != "" {
		m.refusals.WithLabelValues(e.Endpoint, string(e.Code), e.Reason).Inc()
	}
	if ours(e) {
		m.failures.WithLabelValues(e.Endpoint).Inc()
	}
	if e.KeyID != "" {
		m.tokens.WithLabelValues(e.GrantType).Inc()
	}
	if e.Commit > 0 {
		m.commit.Observe(e.Commit.Seconds())
	}
	if e.HasOffset {
		m.offset.Observe(e.Offset.Seconds())
	}
}

// ours reports whether the fault is the server's, not the caller's.
func ours(e issuer.Event) bool { return e.Status >= http.StatusInternalServerError }

func level(e issuer.Event) slog.Level {
	if ours(e) {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// attributes leaves out what has no value. It names every field by hand, so that a field that is added to the event is not
// logged before somebody has thought about it.
func attributes(e issuer.Event) []slog.Attr {
	list := []slog.Attr{slog.String("endpoint", e.Endpoint), slog.Int("status", e.Status)}
	text := func(name, value string) {
		if value != "" {
			list = append(list, slog.String(name, value))
		}
	}
	text("code", string(e.Code))
	text("reason", e.Reason)
	text("client", e.ClientID)
	text("grant", e.GrantType)
	text("key", e.Thumbprint)
	if e.KeyID != "" {
		list = append(list, slog.String("kid", e.KeyID), slog.Uint64("index", e.LeafIndex))
	}
	if e.HasOffset {
		list = append(list, slog.Duration("offset", e.Offset.Round(time.Millisecond)))
	}
	list = append(list, slog.Duration("duration", e.Duration.Round(time.Microsecond)))
	if e.Err != nil {
		text("err", e.Err.Error())
	}
	return list
}

// Batch is the store's hook.
func (m *Monitor) Batch(b bolt.Batch) {
	m.batch.Observe(float64(b.Changes))
	m.batchDuration.Observe(b.Duration.Seconds())
	m.changes.Add(float64(b.Changes))
	m.conflicts.Add(float64(b.Conflicts))
	if b.Err != nil {
		m.batchFailures.Inc()
		m.Failure("store", b.Err)
	}
}

// Published is the binding log's hook.
func (m *Monitor) Published(p audit.Published) {
	if p.Err != nil {
		m.Failure("binding log", p.Err)
		return
	}
	m.logSize.Set(float64(p.Size))
	m.published.Observe(p.Duration.Seconds())
	m.publishedAt.SetToCurrentTime()
}

// Cosigned is the hook of who asks the witnesses.
func (m *Monitor) Cosigned(r audit.Round) {
	if r.Err != nil {
		m.Failure("witnesses", r.Err)
		return
	}
	m.cosigned.Set(float64(r.Cosigned.Checkpoint.Size))
}

// Failure tells of a fault of the server's own, outside of a request. A nil error is none.
func (m *Monitor) Failure(part string, err error) {
	if err == nil {
		return
	}
	m.failures.WithLabelValues(part).Inc()
	m.Log.Error("failure", "part", part, "err", err)
}

// Reload tells of an attempt to take over a changed file: nil when it is in use now, otherwise why the old one stays.
func (m *Monitor) Reload(what string, err error) {
	if err != nil {
		m.reloads.WithLabelValues(what, "refused").Inc()
		m.Log.Error("not taken over; what was in use stays", "what", what, "err", err)
		return
	}
	m.reloads.WithLabelValues(what, "taken_over").Inc()
	m.Log.Info("taken over", "what", what)
}

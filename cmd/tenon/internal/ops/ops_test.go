package ops_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store/bolt"
)

var update = flag.Bool("update", false, "write the names of the metrics into the golden file")

// newMonitor gives a monitor whose lines have no time.
func newMonitor(log io.Writer) *ops.Monitor {
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	return &ops.Monitor{Metrics: ops.NewMetrics("v1.2.3"), Log: slog.New(handler)}
}

// scrape gives what Prometheus would read.
func scrape(t *testing.T, m *ops.Monitor) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func refusal() issuer.Event {
	return issuer.Event{
		Endpoint: "token", Status: 400, Code: tenon.InvalidDPoPProof, Reason: "iat", Thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
		Err:    tenon.Refuse(tenon.InvalidDPoPProof, "iat", "proof iat is 94 s behind"),
		Timing: issuer.Timing{Duration: 1234567 * time.Nanosecond, Offset: -94 * time.Second, HasOffset: true},
	}
}

func issuance() issuer.Event {
	return issuer.Event{
		Endpoint: "token", Status: 200, ClientID: "tpp", GrantType: "client_credentials", Issued: issuer.Issued{KeyID: "k1", LeafIndex: 7},
		Timing: issuer.Timing{Duration: 2 * time.Millisecond, Commit: time.Millisecond, Offset: time.Second, HasOffset: true},
	}
}

// full has told the monitor of everything that can happen.
func full(t *testing.T) *ops.Monitor {
	t.Helper()
	m := newMonitor(io.Discard)
	m.Request(t.Context(), refusal())
	m.Request(t.Context(), issuance())
	m.Request(t.Context(), issuer.Event{Endpoint: "keys", Err: errors.New("disk")})
	m.Batch(bolt.Batch{Changes: 3, Conflicts: 1, Duration: time.Millisecond})
	m.Batch(bolt.Batch{Changes: 1, Err: errors.New("disk"), Duration: time.Millisecond})
	m.Reload("certificate", nil)
	m.Reload("configuration", errors.New("no"))
	m.WatchKeys(func() []issuer.SigningKey {
		return []issuer.SigningKey{{ID: "k1", State: issuer.KeyActive, ActiveFrom: time.Unix(1000, 0)}}
	}, func() time.Time { return time.Unix(1060, 0) })
	m.WatchCertificate(func() time.Time { return time.Unix(2000, 0) })
	m.WatchConnections(ops.NewConnections(5))
	m.WatchHealth(ops.NewHealth())
	m.WatchStore(func() (ops.StoreSize, error) { return ops.StoreSize{Bytes: 32768, Free: 4096, Leaves: 8}, nil })
	return m
}

func TestMetricNames(t *testing.T) {
	text := scrape(t, full(t))
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (tenon_\S+ \S+)$`).FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	got := strings.Join(names, "\n") + "\n"
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("dashboards and alerts know other names (-want +got)\n%s", diff)
	}
	for _, collector := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(text, "\n"+collector+" ") {
			t.Errorf("%s is missing", collector)
		}
	}
}

func TestMetricValues(t *testing.T) {
	text := scrape(t, full(t))
	for _, line := range []string{
		`tenon_requests_total{endpoint="token",status="400"} 1`,
		`tenon_requests_total{endpoint="token",status="200"} 1`,
		`tenon_refusals_total{code="invalid_dpop_proof",endpoint="token",reason="iat"} 1`,
		`tenon_tokens_issued_total{grant_type="client_credentials"} 1`,
		`tenon_proof_offset_seconds_bucket{le="-60"} 1`,
		`tenon_proof_offset_seconds_count 2`,
		`tenon_commit_duration_seconds_count 1`,
		`tenon_store_batch_changes_sum 4`,
		`tenon_store_changes_total 4`,
		`tenon_store_conflicts_total 1`,
		`tenon_store_failures_total 1`,
		`tenon_failures_total{part="keys"} 1`,
		`tenon_failures_total{part="store"} 1`,
		`tenon_reloads_total{outcome="taken_over",what="certificate"} 1`,
		`tenon_reloads_total{outcome="refused",what="configuration"} 1`,
		`tenon_signing_key_age_seconds{kid="k1",state="active"} 60`,
		`tenon_certificate_not_after_seconds 2000`,
		`tenon_connections_max 5`,
		`tenon_ready 0`,
		`tenon_store_size_bytes 32768`,
		`tenon_store_free_bytes 4096`,
		`tenon_store_leaves 8`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("missing %s", line)
		}
	}
}

// TestOneLineARequest also shows which facts of an event are logged: a field that is not named here is not.
func TestOneLineARequest(t *testing.T) {
	failure := issuance()
	failure.Issued, failure.Status, failure.Code, failure.Reason, failure.Err = issuer.Issued{}, 503, tenon.Unavailable, "unavailable", errors.New("fsync: input/output error")
	for name, c := range map[string]struct {
		event issuer.Event
		want  string
	}{
		"issuance": {issuance(), "level=INFO msg=request endpoint=token status=200 client=tpp grant=client_credentials kid=k1 index=7 offset=1s duration=2ms\n"},
		"refusal": {
			refusal(), "level=INFO msg=request endpoint=token status=400 code=invalid_dpop_proof reason=iat key=0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I offset=-1m34s duration=1.235ms" +
				` err="invalid_dpop_proof: proof iat is 94 s behind"` + "\n",
		},
		"our own fault": {failure, `level=ERROR msg=request endpoint=token status=503 code=temporarily_unavailable reason=unavailable client=tpp grant=client_credentials offset=1s duration=2ms err="fsync: input/output error"` + "\n"},
		"rate limit, which is no fault of ours": {
			issuer.Event{Endpoint: "token", Status: 429, Code: tenon.Unavailable, Reason: "rate"},
			"level=INFO msg=request endpoint=token status=429 code=temporarily_unavailable reason=rate duration=0s\n",
		},
		"the key schedule, which is no request": {
			issuer.Event{Endpoint: "keys", Err: errors.New("disk")}, "level=ERROR msg=failure part=keys err=disk\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			newMonitor(&log).Request(t.Context(), c.event)
			if diff := cmp.Diff(c.want, log.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFrontTellsOfWhatNoEndpointTold(t *testing.T) {
	var log bytes.Buffer
	m := newMonitor(&log)
	told := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // as every endpoint of the issuer does
		w.WriteHeader(http.StatusOK)
	})
	for _, c := range []struct {
		handler http.Handler
		lines   int
	}{{told, 0}, {http.NotFoundHandler(), 1}} {
		log.Reset()
		w := httptest.NewRecorder()
		m.Front(c.handler).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/secret-looking-path", nil))
		if got := strings.Count(log.String(), "msg=request"); got != c.lines {
			t.Errorf("status %d: %d lines, want %d: %s", w.Code, got, c.lines, log.String())
		}
		if strings.Contains(log.String(), "secret-looking-path") {
			t.Errorf("what the caller wrote is logged: %s", log.String())
		}
		if w.Header().Get("Strict-Transport-Security") == "" { // FAPI 2.0 §5.2.3 (1)
			t.Errorf("status %d: no Strict-Transport-Security", w.Code)
		}
	}
	if text := scrape(t, m); !strings.Contains(text, `tenon_requests_total{endpoint="none",status="404"} 1`) {
		t.Error("the request without an endpoint is not counted")
	}
}

func TestStoreThatCannotBeReadShowsAndCounts(t *testing.T) {
	m := newMonitor(io.Discard)
	m.WatchStore(func() (ops.StoreSize, error) { return ops.StoreSize{}, errors.New("out of service") })
	text := scrape(t, m)
	if !strings.Contains(text, "tenon_store_size_bytes -1\n") {
		t.Error("the size of a store that cannot be read is not -1")
	}
	if text = scrape(t, m); !strings.Contains(text, `tenon_failures_total{part="store"}`) {
		t.Error("the failure is not counted")
	}
}

func ready(t *testing.T, h *ops.Health) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.Ready().ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/readyz", nil))
	return w.Code, w.Body.String()
}

func TestReadiness(t *testing.T) {
	h := ops.NewHealth()
	var store error
	h.Check("store", func() error { return store })
	step := func(what string, want int, say string) {
		t.Helper()
		if code, text := ready(t, h); code != want || !strings.Contains(text, say) {
			t.Errorf("%s: %d %q, want %d and %q", what, code, text, want, say)
		}
	}
	step("before the start", 503, "start")
	h.Started()
	step("started", 200, "ready")
	store = errors.New("out of service")
	step("with a broken store", 503, "store: out of service")
	store = nil
	step("mended", 200, "ready")
	h.Draining()
	step("stopping", 503, "drain")
	h.Started()
	step("still stopping", 503, "drain")
	w := httptest.NewRecorder()
	h.Live().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusOK {
		t.Errorf("a server that stops is dead: %d", w.Code)
	}
}

func ExampleMonitor_Reload() {
	m := newMonitor(os.Stdout)
	m.Reload("certificate", nil)
	m.Reload("configuration", fmt.Errorf("changes to listen take effect when the server is started again"))
	// Output:
	// level=INFO msg="taken over" what=certificate
	// level=ERROR msg="not taken over; what was in use stays" what=configuration err="changes to listen take effect when the server is started again"
}

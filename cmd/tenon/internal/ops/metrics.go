package ops

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers of one server, in a registry of their own. No label holds what a caller chose: its values are words
// of the program.
type Metrics struct {
	registry *prometheus.Registry
	requestMetrics
	storeMetrics
	logMetrics
	failures *prometheus.CounterVec
	reloads  *prometheus.CounterVec
}

type requestMetrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	refusals *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	offset   prometheus.Histogram
	commit   prometheus.Histogram
}

type logMetrics struct {
	logSize     prometheus.Gauge
	published   prometheus.Histogram
	publishedAt prometheus.Gauge
	cosigned    prometheus.Gauge
}

type storeMetrics struct {
	batch         prometheus.Histogram
	batchDuration prometheus.Histogram
	changes       prometheus.Counter
	conflicts     prometheus.Counter
	batchFailures prometheus.Counter
}

// NewMetrics makes the metrics of a server of the given version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.requestMetrics = requestMetrics{
		requests: counters("tenon_requests_total", "Requests by endpoint and HTTP status.", "endpoint", "status"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tenon_request_duration_seconds", Help: "How long requests took.", Buckets: seconds(),
		}, []string{"endpoint"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tenon_requests_in_flight", Help: "Requests being served."}),
		refusals: counters("tenon_refusals_total", "Refused requests by endpoint, error code and the check that refused.", "endpoint", "code", "reason"),
		tokens:   counters("tenon_tokens_issued_total", "Tokens issued by grant type.", "grant_type"),
		offset: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tenon_proof_offset_seconds", Help: "iat of DPoP proofs minus this server's time: clients' clocks.",
			Buckets: []float64{-300, -60, -30, -10, -5, -2, -1, 0, 1, 2, 5, 10, 30, 60, 300},
		}),
		commit: histogram("tenon_commit_duration_seconds", "How long a request waited until its record was durable.", seconds()),
	}
	m.storeMetrics = storeMetrics{
		batch:         histogram("tenon_store_batch_changes", "Changes committed together, in one sync of the disk.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}),
		batchDuration: histogram("tenon_store_batch_duration_seconds", "How long a batch took to be durable.", seconds()),
		changes:       counter("tenon_store_changes_total", "Changes that were asked for."),
		conflicts:     counter("tenon_store_conflicts_total", "Changes that met another: a second use of a proof, an assertion or a version."),
		batchFailures: counter("tenon_store_failures_total", "Batches that could not be committed. After one the store refuses all work until the server is started again."),
	}
	m.logMetrics = logMetrics{
		logSize:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "tenon_log_size", Help: "Entries in the newest checkpoint of the binding log."}),
		cosigned:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "tenon_log_cosigned_size", Help: "Entries in the newest checkpoint that enough witnesses cosigned."}),
		published:   histogram("tenon_log_publish_duration_seconds", "How long it took to publish what came in.", seconds()),
		publishedAt: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tenon_log_published_seconds", Help: "When the newest checkpoint was made, in Unix time."}),
	}
	m.failures = counters("tenon_failures_total", "Faults of the server's own by the part that had them.", "part")
	m.reloads = counters("tenon_reloads_total", "Attempts to take over a changed file, by file and outcome.", "what", "outcome")
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tenon_build_info", Help: "Always 1; the labels tell what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(build, m.requests, m.duration, m.inFlight, m.refusals, m.tokens, m.offset, m.commit,
		m.batch, m.batchDuration, m.changes, m.conflicts, m.batchFailures, m.failures, m.reloads,
		m.logSize, m.published, m.publishedAt, m.cosigned,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the numbers to Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry, Timeout: 10 * time.Second})
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

// seconds are the buckets of what takes from a signature check to a stuck disk.
func seconds() []float64 {
	return []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}
}

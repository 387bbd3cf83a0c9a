package ops

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenon-auth/tenon/issuer"
)

// WatchKeys shows the signing keys: how old each is, by its state. list is asked at every scrape.
func (m *Metrics) WatchKeys(list func() []issuer.SigningKey, now func() time.Time) {
	m.registry.MustRegister(&keyAges{
		list: list, now: now,
		desc: prometheus.NewDesc("tenon_signing_key_age_seconds", "How long ago a signing key began, or will begin (negative), to sign.", []string{"kid", "state"}, nil),
	})
}

type keyAges struct {
	list func() []issuer.SigningKey
	now  func() time.Time
	desc *prometheus.Desc
}

func (k *keyAges) Describe(descs chan<- *prometheus.Desc) { descs <- k.desc }

func (k *keyAges) Collect(metrics chan<- prometheus.Metric) {
	now := k.now()
	for _, key := range k.list() {
		age := now.Sub(key.ActiveFrom).Seconds()
		metrics <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, age, key.ID, key.State)
	}
}

// WatchCertificate shows until when the certificate that is served is good.
func (m *Metrics) WatchCertificate(notAfter func() time.Time) {
	m.gauge("tenon_certificate_not_after_seconds", "When the served certificate expires, in Unix time.", func() float64 {
		return float64(notAfter().Unix())
	})
}

// StoreSize is what [Metrics.WatchStore] shows.
type StoreSize struct {
	Bytes, Free int64
	Leaves      uint64
}

// WatchStore shows the size of the store. One that cannot be read counts as a failure and shows as -1.
func (m *Metrics) WatchStore(size func() (StoreSize, error)) {
	show := func(pick func(StoreSize) float64) func() float64 {
		return func() float64 {
			s, err := size()
			if err != nil {
				m.failures.WithLabelValues("store").Inc()
				return -1
			}
			return pick(s)
		}
	}
	m.gauge("tenon_store_size_bytes", "Size of the store's file.", show(func(s StoreSize) float64 { return float64(s.Bytes) }))
	m.gauge("tenon_store_free_bytes", "Bytes of it that are free to be used again.", show(func(s StoreSize) float64 { return float64(s.Free) }))
	m.gauge("tenon_store_leaves", "Leaves ever appended to the binding log.", show(func(s StoreSize) float64 { return float64(s.Leaves) }))
}

// WatchHealth shows whether the server is ready.
func (m *Metrics) WatchHealth(h *Health) {
	m.gauge("tenon_ready", "1 while /readyz answers 200.", func() float64 {
		if len(h.faults()) > 0 {
			return 0
		}
		return 1
	})
}

// WatchConnections shows how many connections are open, and how many may be.
func (m *Metrics) WatchConnections(c *Connections) {
	m.gauge("tenon_connections", "Open connections.", func() float64 { return float64(c.Open()) })
	m.gauge("tenon_connections_max", "Connections that may be open; further ones wait.", func() float64 { return float64(c.most) })
}

func (m *Metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

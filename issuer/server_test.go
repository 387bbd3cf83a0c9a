package issuer_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A clock stands still until a test moves it on.
type clock struct {
	start time.Time
	shift atomic.Int64
}

func (c *clock) Now() time.Time          { return c.start.Add(time.Duration(c.shift.Load())) }
func (c *clock) advance(d time.Duration) { c.shift.Add(int64(d)) }

// A server is an issuer over real TLS with its store on disk.
type server struct {
	t           *testing.T
	clock       *clock
	store       *bolt.Store
	book        *audit.Book
	keyring     *issuer.Keyring
	issuer      *issuer.Issuer
	admin       *issuer.Admin
	ca          *certs.CA     // of tls_client_auth
	caShift     time.Duration // of its clock, so that it can make certificates that have expired
	main, alias *httptest.Server
	url, path   string // the issuer identifier and its path

	events  chan issuer.Event
	mu      sync.Mutex
	clients map[*certs.Leaf]*http.Client // guarded by mu
}

// A setup says how a server differs from the plain one: FAPI2, proofs without nonces, ES256.
type setup struct {
	nonces  dpop.NoncePolicy // only with withNonces
	with    bool
	profile issuer.Profile
	path    string
	keyring func(*issuer.KeyringConfig)
	edit    func(*issuer.Config)
	last    func(*issuer.Config) // after newFlow has added what people need
}

func withNonces(p dpop.NoncePolicy) setup { return setup{nonces: p, with: true} }

func newServer(t *testing.T, s setup) *server {
	t.Helper()
	v := &server{t: t, clock: &clock{start: time.Now()}, path: s.path, events: make(chan issuer.Event, 4096), clients: map[*certs.Leaf]*http.Client{}}
	var err error
	v.store, err = bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "store.db"), Now: v.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, v.store.Close()) })
	v.caShift = -72 * time.Hour
	v.ca, err = certs.NewCA(certs.CAConfig{Name: "clients of the test", Now: func() time.Time { return time.Now().Add(v.caShift) }})
	v.caShift = 0
	must(t, err)
	v.listen()
	v.book = newBook(t, v.store, v.clock.Now)
	keyring := issuer.KeyringConfig{Store: v.store, Log: v.book, Signers: issuer.KeyFiles(filepath.Join(t.TempDir(), "keys")), Now: v.clock.Now}
	if s.keyring != nil {
		s.keyring(&keyring)
	}
	v.keyring, err = issuer.OpenKeyring(t.Context(), keyring)
	must(t, err)
	cfg := issuer.Config{
		Issuer: v.url, Profile: s.profile, Store: v.store, Log: issuer.BindingLog{Book: v.book}, Signing: v.keyring, DPoP: v.checker(s),
		MutualTLS: issuer.MutualTLS{MTLSOrigin: v.alias.URL, Certificates: mtls.TLS{}, ClientCAs: v.ca.Pool()},
		Now:       v.clock.Now, Observe: v.observe,
		Limits: issuer.Limits{ClientPerSecond: -1, RefusalsPerMinute: -1},
	}
	if s.edit != nil {
		s.edit(&cfg)
	}
	v.issuer, err = issuer.New(cfg)
	must(t, err)
	v.main.Config.Handler, v.alias.Config.Handler = v.issuer.Handler(), v.issuer.MTLSHandler()
	v.admin = &issuer.Admin{Store: v.store, Log: v.book, Keyring: v.keyring, Profile: s.profile, Tokens: cfg.Tokens}
	return v
}

// newBook opens the binding log in a store.
func newBook(t testing.TB, s store.Store, now func() time.Time) *audit.Book {
	t.Helper()
	c := audit.BookConfig{Store: s, Origin: "as.example.com/log", Now: now}
	if now != nil {
		begin := now()
		c.Uptime = func() time.Duration { return now().Sub(begin) } // the test's clock is never set, it is turned
	}
	book, err := audit.OpenBook(context.Background(), c)
	must(t, err)
	return book
}

// leaf reads an entry of the binding log.
func (v *server) leaf(index uint64) audit.Leaf {
	v.t.Helper()
	record, err := v.store.Get(v.t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(index)})
	must(v.t, err)
	leaf, err := audit.ParseLeaf(record.Body)
	must(v.t, err)
	return leaf
}

// listen starts both listeners before there is anything to serve, because the issuer must know its own address.
func (v *server) listen() {
	v.main = httptest.NewUnstartedServer(nil)
	v.main.StartTLS()
	v.t.Cleanup(v.main.Close)
	v.url = v.main.URL + v.path
	v.alias = httptest.NewUnstartedServer(nil)
	v.alias.TLS = mtls.ServerConfig(mtls.ServerOptions{ClientCertificates: true})
	v.alias.StartTLS()
	v.t.Cleanup(v.alias.Close)
	v.t.Cleanup(func() {
		for _, c := range v.clients {
			c.CloseIdleConnections()
		}
	})
}

func (v *server) checker(s setup) *dpop.Checker {
	cfg := dpop.Config{Algorithms: dpop.Algorithms(), Now: v.clock.Now}
	if s.with {
		keys, err := issuer.NonceKeys(v.t.Context(), v.store, v.clock.Now)
		must(v.t, err)
		cfg.Nonces, err = dpop.NewNonces(dpop.NonceConfig{Keys: keys.Keys, Realm: v.url, Policy: s.nonces, Now: v.clock.Now})
		must(v.t, err)
	}
	checker, err := dpop.NewChecker(cfg)
	must(v.t, err)
	return checker
}

func (v *server) observe(_ context.Context, e issuer.Event) { v.events <- e }

// event is the event of the request that was just answered. Every request to an endpoint has one, and each is taken once.
func (v *server) event() issuer.Event {
	v.t.Helper()
	select {
	case e := <-v.events:
		return e
	case <-time.After(10 * time.Second):
		v.t.Fatal("the request has no event")
		return issuer.Event{}
	}
}

// client is an HTTP client that trusts both listeners and shows the certificate, if any. There is one for each certificate, so
// that connections are used again.
func (v *server) client(leaf *certs.Leaf) *http.Client {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c := v.clients[leaf]; c != nil {
		return c
	}
	roots := x509.NewCertPool()
	roots.AddCert(v.main.Certificate())
	roots.AddCert(v.alias.Certificate())
	cfg := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if leaf != nil {
		certificate := leaf.TLS()
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	}
	transport := &http.Transport{TLSClientConfig: cfg, MaxIdleConnsPerHost: 128, MaxConnsPerHost: 128}
	c := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	v.clients[leaf] = c
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustJSON(t testing.TB, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}

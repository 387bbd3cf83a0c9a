package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier"
)

// APIConfig is what the payments API needs to know. Its folder survives it: what it remembers of proofs is there.
type APIConfig struct {
	Dir     string // holds its certificate, its nonce key, its replay memory and its binding log
	Issuer  string // whose tokens it takes
	Origin  string // under which callers reach it; also the audience of tokens
	CA      string // PEM file of the authority that signed the issuer's certificate
	Without Guard  // what is taken away, to see the demo fail
}

// A Guard is something of the API without which an attack of the play succeeds.
type Guard string

// The guards that can be taken away.
const (
	NoGuard         Guard = ""
	ReplayGuard     Guard = "replay-memory" // every proof is taken for a new one
	RevocationGuard Guard = "revocation"    // no token is taken for a revoked one
	VerifierGuard   Guard = "verifier"      // nothing is checked
)

// Guards lists what can be taken away.
func Guards() []Guard { return []Guard{ReplayGuard, RevocationGuard, VerifierGuard} }

// statusDelay is how late a revocation may be seen. Two seconds is the shortest that an issuer's status lists allow.
const statusDelay = 2 * time.Second

// replayCapacity is the most proofs that the API remembers at once.
const replayCapacity = 1 << 16

// ServeAPI serves the payments API on listener until ctx ends. It calls ready when requests can be answered.
func ServeAPI(ctx context.Context, cfg APIConfig, listener net.Listener, ready func()) (err error) {
	leaf, err := certs.NewReloader(filepath.Join(cfg.Dir, serverCert), filepath.Join(cfg.Dir, serverKey), nil)
	if err != nil {
		return err
	}
	log, err := cfg.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	guards, err := cfg.raise(log.verdicts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guards.replays.Close()) }()

	server := &http.Server{
		Handler:           guards.protect(payments()),
		TLSConfig:         mtls.ServerConfig(mtls.ServerOptions{GetCertificate: leaf.GetCertificate, ClientCertificates: true}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          silent(),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return guards.keys.Run(ctx) })
	group.Go(func() error { return guards.lists.Run(ctx) })
	group.Go(func() error { return guards.replays.Run(ctx) })
	group.Go(func() error { return log.run(ctx) })
	group.Go(func() error { return serveUntilDone(ctx, server, listener) })
	ready()
	return group.Wait()
}

func serveUntilDone(ctx context.Context, server *http.Server, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// guards is everything between a caller and the payments.
type guards struct {
	keys     *verifier.RemoteKeys
	lists    *verifier.StatusLists
	replays  *bolt.Replays
	verifier *verifier.Verifier // nil when it was taken away
	witness  *witness
}

// raise sets the verifier up as any service would, but for what is to be without.
func (cfg APIConfig) raise(recorder verifier.Recorder) (*guards, error) {
	roots, err := certs.LoadPool(cfg.CA)
	if err != nil {
		return nil, err
	}
	outbound := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(roots, nil)}}
	g := &guards{witness: &witness{}}
	if g.keys, err = verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: cfg.Issuer, HTTP: outbound}); err != nil {
		return nil, err
	}
	if g.lists, err = verifier.NewStatusLists(verifier.StatusListsConfig{
		Issuer: cfg.Issuer, Keys: g.keys, HTTP: outbound, MaxAge: statusDelay,
	}); err != nil {
		return nil, err
	}
	checker, err := cfg.checker()
	if err != nil {
		return nil, err
	}
	if g.replays, err = bolt.OpenReplays(bolt.ReplaysConfig{
		Path: filepath.Join(cfg.Dir, replaysFile), Capacity: replayCapacity, Window: checker.Window(),
	}); err != nil {
		return nil, err
	}
	if window, needed := g.replays.Fence(); needed {
		checker.Nonces().Fence(window)
	}
	if g.verifier, err = verifier.New(cfg.without(verifier.Config{
		Issuer: cfg.Issuer, Audience: cfg.Origin, Origin: cfg.Origin,
		Keys: g.keys, Revocation: g.lists, DPoP: checker, Replays: g.replays, Certificates: mtls.TLS{},
		Observe: g.witness.observe, Recorder: recorder,
	})); err != nil {
		return nil, errors.Join(err, g.replays.Close())
	}
	if cfg.Without == VerifierGuard {
		g.verifier = nil
	}
	return g, nil
}

// checker demands nonces, so that nobody can make proofs ahead of time (RFC 9449 §11.2). Their key is in a file: a restart
// does not make them stale, so what refuses a replay after it is the replay memory and nothing else.
func (cfg APIConfig) checker() (*dpop.Checker, error) {
	key, err := durable.ReadPrivateFile(filepath.Join(cfg.Dir, nonceKey), 64)
	if err != nil {
		return nil, err
	}
	nonces, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return [][]byte{key} }, Realm: cfg.Origin})
	if err != nil {
		return nil, err
	}
	return dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: nonces})
}

// without takes a guard away.
func (cfg APIConfig) without(v verifier.Config) verifier.Config {
	switch cfg.Without {
	case ReplayGuard:
		v.Replays = forgetful{}
	case RevocationGuard:
		v.Revocation = verifier.InsecureNoRevocation{}
	}
	return v
}

// forgetful remembers nothing. It is here to be caught.
type forgetful struct{}

func (forgetful) Use(context.Context, [32]byte, time.Time) (bool, error) { return true, nil }

func (g *guards) protect(next http.Handler) http.Handler {
	if g.verifier == nil {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle(verifier.MetadataPath("/"), g.verifier.Metadata())
	mux.Handle("/", g.verifier.Middleware(verifier.Require("payments")(next)))
	g.witness.next = mux
	return g.witness
}

// An answer is what the API gives to those who may have it.
type answer struct {
	Text string `json:"text"`
}

// payments is the API: it makes payments without moving money, and tells balances.
func payments() http.Handler {
	var made atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		var order struct{ Amount, Currency, To string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&order); err != nil {
			give(w, http.StatusBadRequest, "this is not a payment: send JSON with amount, currency and to")
			return
		}
		give(w, http.StatusCreated, "payment %d: %.12s %.3s paid for %s", made.Add(1), order.Amount, order.Currency, caller(r))
	})
	mux.HandleFunc("GET /payments", func(w http.ResponseWriter, r *http.Request) {
		give(w, http.StatusOK, "%d payments made, told to %s", made.Load(), caller(r))
	})
	mux.HandleFunc("GET /accounts", func(w http.ResponseWriter, r *http.Request) {
		give(w, http.StatusOK, "the balance is 1,234.50 EUR, told to %s", caller(r))
	})
	return mux
}

// caller is who the verified token speaks for.
func caller(r *http.Request) string {
	access, ok := verifier.FromContext(r.Context())
	if !ok {
		return "somebody whom nobody checked"
	}
	return access.Claims.ClientID
}

func give(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer{fmt.Sprintf(format, args...)}) // what cannot be written has nobody waiting for it
}

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/mtls"
)

// http2Streams bounds the requests of one connection at a time: a few serve any client, and more would get around the bound
// on connections.
const http2Streams = 64

// A listener is one open address and the server on it.
type listener struct {
	net.Listener
	server *http.Server
	secure bool
}

// serve answers until the server is shut down.
func (l *listener) serve() error {
	serve := l.server.Serve
	if l.secure {
		serve = func(inner net.Listener) error { return l.server.ServeTLS(inner, "", "") } // the certificate is in TLSConfig
	}
	if err := serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: %w", l.Addr(), err)
	}
	return nil
}

// addresses are the open sockets of a server, before anything is served on them.
type addresses struct {
	main, mtls, operations, admin net.Listener // mtls and operations may be nil
}

// listen opens every address, or none. The administration socket belongs to whoever holds the data.
func listen(ctx context.Context, cfg *config.Config) (a addresses, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	for _, one := range []struct {
		setting, address string
		into             *net.Listener
	}{
		{"listen", cfg.Listen, &a.main},
		{"mtls.listen", cfg.MTLS.Listen, &a.mtls},
		{"operations.listen", cfg.OperationsListen(), &a.operations},
	} {
		if one.address == "" {
			continue
		}
		if *one.into, err = new(net.ListenConfig).Listen(ctx, "tcp", one.address); err != nil {
			return a, fmt.Errorf("%s: %w", one.setting, err)
		}
	}
	a.admin, err = admin.Listen(string(cfg.Data))
	return a, err
}

func (a addresses) close() error {
	var faults []error
	for _, l := range []net.Listener{a.main, a.mtls, a.operations, a.admin} {
		if l != nil {
			faults = append(faults, l.Close())
		}
	}
	return errors.Join(faults...)
}

// public makes the listeners for clients: the first for everybody, the other asks for certificates.
func (s *Server) public(cfg *config.Config) []*listener {
	everybody := s.secure(cfg, s.addresses.main, false, func(g *generation) http.Handler { return g.main })
	if s.addresses.mtls == nil {
		return []*listener{everybody}
	}
	return []*listener{everybody, s.secure(cfg, s.addresses.mtls, true, func(g *generation) http.Handler { return g.mtls })}
}

// secure makes a TLS listener whose handler is always that of the current generation.
func (s *Server) secure(cfg *config.Config, l net.Listener, askForCertificates bool, pick func(*generation) http.Handler) *listener {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pick(s.current.Load()).ServeHTTP(w, r) })
	server := s.bounded(cfg, s.monitor.Front(handler))
	server.TLSConfig = mtls.ServerConfig(mtls.ServerOptions{
		GetCertificate: s.certificate.GetCertificate, ClientCertificates: askForCertificates,
	})
	return &listener{s.connections.Limit(l), server, true}
}

// bounded makes an HTTP server that nobody can keep busy by being slow or long-winded.
func (s *Server) bounded(cfg *config.Config, handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		MaxHeaderBytes:    int(cfg.Limits.Header),
		ReadHeaderTimeout: cfg.Limits.ReadTimeout,
		ReadTimeout:       cfg.Limits.ReadTimeout,
		WriteTimeout:      cfg.Limits.WriteTimeout,
		IdleTimeout:       cfg.Limits.IdleTimeout,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: http2Streams},
		ErrorLog:          slog.NewLogLogger(s.monitor.Log.Handler(), slog.LevelDebug), // failed handshakes, at the pace of strangers
	}
}

// internal makes the listeners for operators and for commands.
func (s *Server) internal(cfg *config.Config) []*listener {
	desk := s.bounded(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.desk().Handler().ServeHTTP(w, r) }))
	desk.WriteTimeout = 0 // a backup takes as long as it takes
	list := []*listener{{s.addresses.admin, desk, false}}
	if s.addresses.operations != nil {
		list = append(list, &listener{s.addresses.operations, s.bounded(cfg, s.operations()), false})
	}
	return list
}

func (s *Server) operations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", s.health.Live())
	mux.Handle("GET /readyz", s.health.Ready())
	mux.Handle("GET /metrics", s.monitor.Handler())
	return mux
}

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer/people"
)

// Options is what a server needs beside its configuration.
type Options struct {
	Log     *slog.Logger   // required
	Level   *slog.LevelVar // the level of Log, which the configuration sets; nil: it stays
	Version string
	Watch   time.Duration // how often files are looked at: 0 means every 2 s
}

// A Server is an issuer with its listeners. It has its data directory to itself.
type Server struct {
	options     Options
	started     time.Time
	data        *Data
	monitor     *ops.Monitor
	health      *ops.Health
	connections *ops.Connections
	nonces      *dpop.Nonces
	log         *bindingLog
	sessions    *people.Sessions // nil: nobody can log in
	certificate *certs.Reloader
	addresses   addresses
	origins     origins
	current     atomic.Pointer[generation]
	reloading   sync.Mutex // one reload at a time
}

// Start opens the data directory and every address, and gets everything ready to be served by Run. On an error everything is
// closed again.
func Start(ctx context.Context, cfg *config.Config, o Options) (_ *Server, err error) {
	if o.Watch == 0 {
		o.Watch = 2 * time.Second
	}
	s := &Server{
		options: o, started: time.Now(), health: ops.NewHealth(), connections: ops.NewConnections(cfg.Limits.Connections),
		monitor: &ops.Monitor{Metrics: ops.NewMetrics(o.Version), Log: o.Log},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.certificate, err = certs.NewReloader(string(cfg.TLS.Certificate), string(cfg.TLS.Key), func(err error) { s.monitor.Reload("certificate", err) })
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if s.data, err = OpenData(ctx, cfg, s.monitor.Batch); err != nil {
		return nil, err
	}
	if s.log, err = openLog(ctx, cfg, s.data.Book, s.monitor); err != nil {
		return nil, err
	}
	if s.addresses, err = listen(ctx, cfg); err != nil {
		return nil, err
	}
	if s.nonces, err = newNonces(cfg, s.data.Nonces.Keys); err != nil {
		return nil, err
	}
	if s.origins, err = reached(cfg, addr(s.addresses.main), addr(s.addresses.mtls)); err != nil {
		return nil, err
	}
	if err := s.data.openPeople(cfg, s.origins.issuer); err != nil {
		return nil, err
	}
	if s.sessions, err = newSessions(cfg, s.data); err != nil {
		return nil, err
	}
	first, err := s.prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.take(first)
	s.watchNumbers()
	return s, nil
}

// prepare builds a generation and makes the store hold the clients that its configuration declares.
func (s *Server) prepare(ctx context.Context, cfg *config.Config) (*generation, error) {
	next, err := s.build(cfg)
	if err != nil {
		return nil, err
	}
	clients, err := cfg.Registrations()
	if err != nil {
		return nil, err
	}
	return next, admin.Declare(ctx, s.data.Admin(cfg), clients)
}

// take puts a generation in the place of the current one. Requests that the old one is serving end with the old one.
func (s *Server) take(next *generation) {
	if s.options.Level != nil {
		s.options.Level.Set(levelOf(next.config.Log.Level))
	}
	if before := s.current.Swap(next); before != nil {
		before.retire()
	}
}

// Run serves until ctx ends, then lets requests in flight finish. An error means that a part of the server could not go on,
// or that requests were cut off.
func (s *Server) Run(ctx context.Context) error {
	cfg := s.current.Load().config
	public, internal := s.public(cfg), s.internal(cfg)
	group, failed := errgroup.WithContext(ctx)
	for name, part := range s.parts() {
		group.Go(func() error { return named(name, part(failed)) })
	}
	for _, l := range append(public, internal...) {
		group.Go(l.serve)
	}
	s.health.Started()
	<-failed.Done() // it ends with ctx too
	drained := s.drain(cfg.Limits.Drain, public, internal)
	return errors.Join(group.Wait(), drained, s.close()) // the store stays open for the requests in flight until here
}

// parts is what goes on in the background.
func (s *Server) parts() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"store":       s.data.Store.Run,
		"binding log": s.log.run,
		"nonces": func(ctx context.Context) error {
			return s.data.Nonces.Run(ctx, func(err error) { s.monitor.Failure("nonces", err) })
		},
		"issuer":      s.keepIssuer,
		"certificate": func(ctx context.Context) error { return s.certificate.Run(ctx, s.options.Watch) },
		"reload":      s.watch,
	}
}

// keepIssuer does the background work of whichever generation is current.
func (s *Server) keepIssuer(ctx context.Context) error {
	for ctx.Err() == nil {
		g := s.current.Load()
		detach := context.AfterFunc(ctx, g.retire)
		err := g.issuer.Run(g.life)
		detach()
		if g.life.Err() == nil {
			return err // it ended by itself
		}
	}
	return nil
}

// drain tells the world that no requests should come, and waits for those in flight. The operators' listener stays open until
// then, so that /readyz can say why.
func (s *Server) drain(limit time.Duration, public, internal []*listener) error {
	s.health.Draining()
	s.monitor.Log.Info("stopping", "drain", limit)
	patience, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	group := new(errgroup.Group)
	for _, l := range public {
		group.Go(func() error { return l.server.Shutdown(patience) })
	}
	err := group.Wait()
	if err != nil {
		err = fmt.Errorf("requests were cut off after %v", limit)
	}
	for _, l := range append(public, internal...) {
		if closeErr := l.server.Close(); closeErr != nil && !errors.Is(closeErr, net.ErrClosed) {
			err = errors.Join(err, closeErr)
		}
	}
	return err
}

func (s *Server) close() error {
	if g := s.current.Load(); g != nil {
		g.retire()
	}
	s.addresses.close() // most are closed already, by their servers
	if s.data == nil {
		return nil
	}
	sealed := s.data.Seal()
	return errors.Join(sealed, s.log.close(), s.data.Close())
}

// named ends a part quietly when its context ended, and tells which part it was otherwise.
func named(part string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// Status tells which server this is and where it listens.
func (s *Server) Status() admin.Status {
	status := admin.Status{Issuer: s.origins.issuer, Running: true, PID: os.Getpid(), Version: s.options.Version, Started: s.started}
	status.Listen.Main = s.addresses.main.Addr().String()
	if s.addresses.mtls != nil {
		status.Listen.MTLS = s.addresses.mtls.Addr().String()
	}
	if s.addresses.operations != nil {
		status.Listen.Operations = s.addresses.operations.Addr().String()
	}
	return status
}

// desk answers one command, under the configuration of this moment.
func (s *Server) desk() *admin.Desk {
	d := s.data.Desk(s.current.Load().config, s.options.Version)
	d.Status, d.Log = s.Status, s.monitor.Log
	return d
}

func (s *Server) watchNumbers() {
	s.monitor.WatchKeys(s.data.Keyring.List, s.data.Now)
	s.monitor.WatchCertificate(s.certificate.NotAfter)
	s.monitor.WatchConnections(s.connections)
	s.monitor.WatchHealth(s.health)
	s.monitor.WatchStore(func() (ops.StoreSize, error) {
		stats, err := s.data.Store.Stats()
		return ops.StoreSize{Bytes: stats.Size, Free: stats.Free, Leaves: stats.Leaves}, err
	})
	s.health.Check("binding log", s.log.fault)
	s.health.Check("store", func() error {
		_, err := s.data.Store.Stats()
		return err
	})
}

func addr(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

func levelOf(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo // the configuration allows only names that slog knows
	}
	return level
}

package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

// Reload reads the configuration and the certificate again. What cannot be taken over whole is refused: the old stays.
func (s *Server) Reload(ctx context.Context) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.certificate.Reload() // its own hook tells what became of it
	s.monitor.Reload("configuration", s.reload(ctx))
}

func (s *Server) reload(ctx context.Context) error {
	running := s.current.Load().config
	cfg, err := config.Load(running.Path())
	if err != nil {
		return err
	}
	if fixed := config.Fixed(running, cfg); len(fixed) > 0 {
		return fmt.Errorf("changes to %s take effect when the server is started again; put the old values back to have the rest taken over now", strings.Join(fixed, ", "))
	}
	if err := cfg.CheckFiles(); err != nil {
		return err
	}
	next, err := s.prepare(ctx, cfg)
	if err != nil {
		return err
	}
	s.take(next)
	return nil
}

// watch looks at the files every now and then and reloads when one has changed. It looks instead of waiting for notifications,
// which do not cross every kind of mount.
func (s *Server) watch(ctx context.Context) error {
	ticker := time.NewTicker(s.options.Watch)
	defer ticker.Stop()
	seen := fingerprint(s.current.Load().config)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		found := fingerprint(s.current.Load().config)
		if found == seen {
			continue
		}
		seen = found // before it is read: what changes meanwhile is found at the next turn, what is refused is told once
		s.Reload(ctx)
	}
}

// fingerprint is of everything that a configuration is made of, but the server's certificate, which has a watcher of its own.
func fingerprint(cfg *config.Config) [sha256.Size]byte {
	files := []string{cfg.Path()}
	files = append(files, texts(cfg.MTLS.ClientCA)...)
	for _, c := range cfg.Clients {
		if c.JWKSFile != "" {
			files = append(files, string(c.JWKSFile))
		}
	}
	sum := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name)
		fmt.Fprintf(sum, "%q %d %v\n", name, len(text), err)
		sum.Write(text)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

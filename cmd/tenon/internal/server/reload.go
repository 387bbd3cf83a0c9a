package server

import (
	"context"
	"crypto/sha256"
	"errors"
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
		return inOneLine(err)
	}
	if fixed := config.Fixed(running, cfg); len(fixed) > 0 {
		return fmt.Errorf("changes to %s take effect when the server is started again; put the old values back to have the rest taken over now", strings.Join(fixed, ", "))
	}
	next, err := s.prepare(ctx, cfg)
	if err != nil {
		return err
	}
	s.take(next)
	return nil
}

// inOneLine is for the log: faults without the lines around them.
func inOneLine(err error) error {
	var faults *config.Faults
	if errors.As(err, &faults) {
		return errors.New(strings.Join(faults.Lines(), "; "))
	}
	return err
}

// watch looks at the files every now and then and reloads when one has changed. It looks instead of waiting for notifications,
// which do not cross every kind of mount.
func (s *Server) watch(ctx context.Context) error {
	ticker := time.NewTicker(s.options.Watch)
	defer ticker.Stop()
	var tried fingerprint
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		current := s.current.Load()
		text, _ := os.ReadFile(current.config.Path()) // one that cannot be read has changed
		found := fingerprintOf(current.config, text)
		if found == current.files || found == tried {
			continue
		}
		tried = found // what is refused is told once
		s.Reload(ctx)
	}
}

// A fingerprint is of everything that a configuration is made of, but the server's certificate, which has a watcher of its own.
type fingerprint [sha256.Size]byte

// fingerprintOf takes the text of the configuration file, which has been read already, and reads the files that it names.
func fingerprintOf(cfg *config.Config, text []byte) fingerprint {
	files := texts(cfg.MTLS.ClientCA)
	for _, c := range cfg.Clients {
		if c.JWKSFile != "" {
			files = append(files, string(c.JWKSFile))
		}
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%d\n%s", len(text), text)
	for _, name := range files {
		text, err := os.ReadFile(name)
		fmt.Fprintf(sum, "%q %v %d\n%s", name, err, len(text), text)
	}
	return fingerprint(sum.Sum(nil))
}

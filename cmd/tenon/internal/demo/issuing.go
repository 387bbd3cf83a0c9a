package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/issuer"
)

// An issuing is a running issuer: what `tenon serve` runs, in this process.
type issuing struct {
	data string // its data directory
	stop context.CancelFunc
	done chan struct{} // closed when it has ended
	err  error         // how; to be read when done is closed
}

// startIssuer runs the issuer of the configuration in the folder, on ports that the system chooses.
func (s *stage) startIssuer(ctx context.Context) error {
	cfg, err := config.Load(s.path(configFile))
	if err != nil {
		return fmt.Errorf("the demo's own configuration: %w", err)
	}
	running, err := server.Start(ctx, cfg, server.Options{Log: slog.New(slog.DiscardHandler), Version: "demo"})
	if err != nil {
		return fmt.Errorf("the issuer cannot start: %w", err)
	}
	status := running.Status()
	s.cast.Issuer, s.cast.MTLS = status.Issuer, "https://"+status.Listen.MTLS
	life, stop := context.WithCancel(context.WithoutCancel(ctx)) // it outlives Ctrl-C until the API is gone
	s.issuer = &issuing{data: string(cfg.Data), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.issuer.done)
		s.issuer.err = running.Run(life)
	}()
	return nil
}

// close ends the issuer and waits for it.
func (i *issuing) close() error {
	i.stop()
	<-i.done
	return i.err
}

// fault tells how an issuer ended that should not have ended.
func (i *issuing) fault() error {
	return fmt.Errorf("the issuer ended: %w", errors.Join(i.err, errors.New("nobody asked it to")))
}

// ask is how often the API is asked whether it knows of a revocation; grace is what it gets beyond its promise, because this
// machine may be busy.
const (
	ask   = 100 * time.Millisecond
	grace = 4 * time.Second
)

// afterRevocation revokes shop's token as `tenon revoke` does and uses it, with its own key and fresh proofs, until the API
// knows, which it promises to do within statusDelay.
func (s *stage) afterRevocation(ctx context.Context) (Outcome, error) {
	claims, err := claimsOf(s.loot.token)
	if err != nil {
		return Outcome{}, err
	}
	desk, err := admin.Dial(ctx, s.issuer.data)
	if err != nil {
		return Outcome{}, err
	}
	if _, err := desk.Revoke(ctx, issuer.Revocation{TokenID: claims.ID}); err != nil {
		return Outcome{}, fmt.Errorf("the revocation: %w", err)
	}
	revoked := time.Now()
	tick := time.NewTicker(ask)
	defer tick.Stop()
	for {
		outcome, err := s.tries(s.freshProof())(ctx)
		if err != nil {
			return Outcome{}, err
		}
		took := time.Since(revoked)
		if outcome.Code != "" || took > statusDelay+grace {
			outcome.Sent = fmt.Sprintf("tenon revoke --token-id %s, and %.1f s later %s", claims.ID, took.Seconds(), outcome.Sent)
			return outcome, nil
		}
		select {
		case <-ctx.Done():
			return Outcome{}, ctx.Err()
		case <-tick.C:
		}
	}
}

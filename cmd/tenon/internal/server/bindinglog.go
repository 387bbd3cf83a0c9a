package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// LogPath gives the directory of the binding log in a data directory.
func LogPath(dir string) string { return filepath.Join(dir, "log") }

// maxAuditorToken bounds the file of the auditors' secret.
const maxAuditorToken = 1 << 10

// A bindingLog is the log of a running server: who publishes it, who folds refusals, and who may read entries.
type bindingLog struct {
	book      *audit.Book
	publisher *audit.Publisher
	refusals  *audit.Summaries
	courier   *audit.Courier // nil when no policy names witnesses
	monitor   *ops.Monitor
	stopped   atomic.Pointer[error] // why the log cannot go on
	auditor   string                // the secret of auditors; "" lets nobody have entries
}

// openLog takes the log's directory. A store that is behind what was published does not start.
func openLog(ctx context.Context, cfg *config.Config, book *audit.Book, monitor *ops.Monitor) (*bindingLog, error) {
	l := &bindingLog{book: book, monitor: monitor}
	dir := LogPath(string(cfg.Data))
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), book.Origin())
	if err != nil {
		return nil, err
	}
	if cfg.BindingLog.AuditorToken != "" {
		secret, err := durable.ReadPrivateFile(string(cfg.BindingLog.AuditorToken), maxAuditorToken)
		if err != nil {
			return nil, fmt.Errorf("binding_log.auditor_token: %w", err)
		}
		l.auditor = strings.TrimSpace(string(secret))
	}
	if l.refusals, err = audit.NewSummaries(audit.SummariesConfig{Book: book}); err != nil {
		return nil, err
	}
	return l, l.publish(ctx, logParts{cfg, dir, signer})
}

// logParts is what publishing needs.
type logParts struct {
	cfg    *config.Config
	dir    string
	signer *audit.LogSigner
}

// publish opens the publisher. With a policy, the witnesses are asked first what they have seen: a store that is behind them does
// not start.
func (l *bindingLog) publish(ctx context.Context, p logParts) error {
	pc := audit.PublisherConfig{Book: l.book, Dir: p.dir, Signer: p.signer, Observe: l.monitor.Published}
	witnesses, err := witnessesOf(p.cfg)
	if err != nil {
		return err
	}
	archive, err := audit.OpenArchive(p.dir)
	if err != nil {
		return err
	}
	pc.Guard = (&audit.Guard{Witnesses: witnesses, Archive: archive, Signer: p.signer}).Check
	if l.publisher, err = audit.OpenPublisher(ctx, pc); err != nil || witnesses == nil {
		return err
	}
	l.courier, err = audit.NewCourier(audit.CourierConfig{Log: l.publisher, Witnesses: witnesses, Archive: archive, Observe: l.monitor.Cosigned})
	return err
}

// maxPolicy bounds a policy file.
const maxPolicy = 1 << 20

// witnessesOf reads the policy, if there is one.
func witnessesOf(cfg *config.Config) (*audit.Witnesses, error) {
	path := string(cfg.BindingLog.Policy)
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err == nil && len(text) > maxPolicy {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxPolicy)
	}
	if err != nil {
		return nil, fmt.Errorf("binding_log.policy: %w", err)
	}
	policy, err := audit.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("binding_log.policy: %s: %w", path, err)
	}
	return audit.NewWitnesses(audit.WitnessesConfig{Policy: policy})
}

// issuer is what the issuer writes to.
func (l *bindingLog) issuer() issuer.BindingLog {
	return issuer.BindingLog{Book: l, Refusals: l.refusals, Receipt: l.publisher.Receipt}
}

// Add records an entry as long as the log can be published: what could not be shown to anybody must not happen.
func (l *bindingLog) Add(ctx context.Context, change *store.Change, e audit.Entry) error {
	if err := l.fault(); err != nil {
		return err
	}
	return l.book.Add(ctx, change, e)
}

// Origin is the name of the log.
func (l *bindingLog) Origin() string { return l.book.Origin() }

// fault says why nothing more is recorded, nil when all is well.
func (l *bindingLog) fault() error {
	if why := l.stopped.Load(); why != nil {
		return fmt.Errorf("the binding log has stopped: %w", *why)
	}
	return nil
}

// run publishes, asks witnesses and folds refusals until ctx ends. When a part cannot go on, nothing is issued any more; the server
// stays up to say so, in its answers, in /readyz and in its numbers.
func (l *bindingLog) run(ctx context.Context) error {
	group := new(errgroup.Group)
	keep := func(part func(context.Context) error) {
		group.Go(func() error {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				l.stopped.CompareAndSwap(nil, &err)
				l.monitor.Failure("binding log", err)
			}
			return nil
		})
	}
	keep(l.publisher.Run)
	keep(l.refusals.Run)
	if l.courier != nil {
		keep(l.courier.Run)
	}
	return group.Wait()
}

// beside serves the log below /log/, and everything else by next.
func (l *bindingLog) beside(next http.Handler) http.Handler {
	log := l.publisher.Handler(l.mayReadEntries)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/log/") {
			log.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayReadEntries asks for the auditors' secret.
func (l *bindingLog) mayReadEntries(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && l.auditor != "" && subtle.ConstantTimeCompare([]byte(given), []byte(l.auditor)) == 1
}

// close publishes the last entries and gives the directory back.
func (l *bindingLog) close() error {
	if l == nil || l.publisher == nil {
		return nil
	}
	return errors.Join(l.publisher.Publish(context.Background()), l.publisher.Close())
}

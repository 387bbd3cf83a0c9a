package server

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/issuer"
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
	auditor   string // the secret of auditors; "" lets nobody have entries
}

// openLog takes the log's directory. A store that is behind what was published does not start.
func openLog(ctx context.Context, cfg *config.Config, book *audit.Book, monitor *ops.Monitor) (*bindingLog, error) {
	l := &bindingLog{book: book}
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
	l.publisher, err = audit.OpenPublisher(ctx, audit.PublisherConfig{
		Book: book, Dir: dir, Signer: signer, Observe: monitor.Published,
	})
	return l, err
}

// issuer is what the issuer writes to.
func (l *bindingLog) issuer() issuer.BindingLog {
	return issuer.BindingLog{Book: l.book, Refusals: l.refusals, Receipt: l.publisher.Receipt}
}

// run publishes and folds until ctx ends. Without either, nothing may be issued, so an error ends the server.
func (l *bindingLog) run(ctx context.Context) error {
	group, failed := errgroup.WithContext(ctx)
	group.Go(func() error { return l.publisher.Run(failed) })
	group.Go(func() error { return l.refusals.Run(failed) })
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

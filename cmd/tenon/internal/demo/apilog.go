package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier/verifierlog"
)

// An apiLog is the API's own binding log: who used a token there, and who tried in vain.
type apiLog struct {
	store     *bolt.Store
	book      *audit.Book
	publisher *audit.Publisher
	verdicts  *verifierlog.Log
}

// openLog opens the log in the API's folder, which survives a crash.
func (cfg APIConfig) openLog(ctx context.Context) (*apiLog, error) {
	s, err := bolt.Open(bolt.Config{Path: filepath.Join(cfg.Dir, apiLogStore)})
	if err != nil {
		return nil, err
	}
	l := &apiLog{store: s}
	if err := l.open(ctx, filepath.Join(cfg.Dir, logDir)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return l, nil
}

func (l *apiLog) open(ctx context.Context, dir string) (err error) {
	if l.book, err = audit.OpenBook(ctx, audit.BookConfig{Store: l.store, Origin: apiLogOrigin}); err != nil {
		return err
	}
	if l.verdicts, err = verifierlog.New(verifierlog.Config{Book: l.book}); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), apiLogOrigin)
	if err != nil {
		return err
	}
	l.publisher, err = audit.OpenPublisher(ctx, audit.PublisherConfig{Book: l.book, Dir: dir, Signer: signer, Interval: 200 * time.Millisecond})
	return err
}

// run writes and publishes until ctx ends.
func (l *apiLog) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.verdicts.Run(ctx) })
	group.Go(func() error { return l.publisher.Run(ctx) })
	return group.Wait()
}

// close ends the log in good order, so that the silence until it is opened again is no gap.
func (l *apiLog) close() error {
	ctx := context.Background()
	return errors.Join(l.book.Close(ctx), l.publisher.Publish(ctx), l.publisher.Close(), l.store.Close())
}

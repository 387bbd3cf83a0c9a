package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/store"
)

var (
	// ErrLocked means that another publisher has the log's directory.
	ErrLocked = errors.New("audit: another process publishes this log")
	// ErrBehind means that the store does not hold what was published: it is an older copy, or another store. To go on would
	// make a second history.
	ErrBehind = errors.New("audit: the store is behind the published log")
	// ErrNoEntry means that the log has no entry of that index.
	ErrNoEntry = errors.New("audit: no such entry")
)

// PublisherConfig says what is published and where.
type PublisherConfig struct {
	// Book is the log. Required.
	Book *Book
	// Dir is the directory of the log; it is made when it does not exist. Required.
	Dir string
	// Signer signs checkpoints; its name is the Book's Origin. Required.
	Signer *LogSigner
	// Interval is how often Run publishes what came in. Zero means one second.
	Interval time.Duration
	// Heartbeat is after how long without entries Run writes one. Zero means a minute.
	Heartbeat time.Duration
	// Guard is asked once, before anything is written, with the newest checkpoint on disk (the zero value when there is none).
	// Its error ends OpenPublisher: a witness that has seen more than there is here would give one. Nil asks nobody.
	Guard func(ctx context.Context, newest Checkpoint) error
	// Observe is told of every checkpoint made, and of what went wrong. It must be quick. Nil tells nobody.
	Observe func(Published)
}

// Published is what one step of publishing did.
type Published struct {
	Size     int64 // entries in the newest checkpoint
	Entries  int   // how many of them came with this step
	Duration time.Duration
	Err      error
}

// A Publisher derives the log's files from the leaves in the store: tiles, openings, checkpoints. It has one directory and is the
// only one who writes there. It can be killed at any instant: the next one goes on, and writes the same bytes. OpenPublisher
// makes one; Run or Publish do the work. Its methods may be called from many goroutines at once.
type Publisher struct {
	cfg   PublisherConfig
	store store.Store
	lock  *os.File

	mu     sync.Mutex // held while something is written
	files  *tileStore
	tree   *growth         // what the newest checkpoint covers
	spare  *growth         // memory for what the next one covers
	failed error           // why nothing is written any more
	erased map[string]bool // commitments to keys and accounts whose openings must not be written again

	heads heads
}

// heads are the checkpoints that readers see.
type heads struct {
	sync.RWMutex
	newest   signedHead
	cosigned signedHead // the newest that witnesses signed; zero when there is none
}

// A signedHead is a checkpoint and its note.
type signedHead struct {
	Checkpoint
	note []byte
}

// OpenPublisher takes the log's directory, makes sure that what is published there is what the store holds, and announces the
// key when it is the first.
func OpenPublisher(ctx context.Context, c PublisherConfig) (*Publisher, error) {
	return openPublisher(ctx, c, fileSystem{})
}

func openPublisher(ctx context.Context, c PublisherConfig, d disk) (*Publisher, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	lock, err := lockFile(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, c.Dir)
	}
	p := &Publisher{cfg: c, store: c.Book.store, lock: lock, tree: &growth{front: new(frontier)}, spare: &growth{front: new(frontier)}}
	if err := p.open(ctx, d); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return p, nil
}

// check reports every fault of the configuration and fills in what was left out.
func (c *PublisherConfig) check() error {
	var faults []error
	if c.Book == nil {
		faults = append(faults, errors.New("audit: PublisherConfig.Book is required"))
	}
	if c.Dir == "" {
		faults = append(faults, errors.New("audit: PublisherConfig.Dir is required"))
	}
	if c.Signer == nil {
		faults = append(faults, errors.New("audit: PublisherConfig.Signer is required"))
	} else if c.Book != nil && c.Signer.Name() != c.Book.Origin() {
		faults = append(faults, fmt.Errorf("audit: the key is for the log %q, the log is %q", c.Signer.Name(), c.Book.Origin()))
	}
	if c.Interval < 0 || c.Heartbeat < 0 {
		faults = append(faults, errors.New("audit: PublisherConfig has a negative duration"))
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = time.Minute
	}
	if c.Observe == nil {
		c.Observe = func(Published) {}
	}
	return errors.Join(faults...)
}

// open reads what there is. Nothing but the lock, tmp and the archive is written before all of it has been found in order.
func (p *Publisher) open(ctx context.Context, d disk) error {
	keys, err := readKeys(ctx, p.store)
	if err != nil {
		return err
	}
	if p.files, err = openTileStore(p.cfg.Dir, d); err != nil {
		return err
	}
	if err := p.resume(ctx, keys); err != nil {
		return err
	}
	if p.cfg.Guard != nil {
		if err := p.cfg.Guard(ctx, p.heads.newest.Checkpoint); err != nil {
			return err
		}
	}
	if p.erased, err = readErased(ctx, p.store); err != nil {
		return err
	}
	if err := p.loadLines(ctx); err != nil {
		return err
	}
	return p.announceFirst(ctx, keys)
}

// resume takes up the newest checkpoint on disk. Its tiles must give its root, and the store must hold its last entry: a store
// that was put back to an earlier day does not, or has another one there.
func (p *Publisher) resume(ctx context.Context, keys announced) error {
	signed, err := p.files.read(checkpointPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	head, n, err := OpenSigned(signed, note.VerifierList(keys.verifiers(p.cfg.Signer)...))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(p.cfg.Dir, checkpointPath), err)
	}
	if head.Origin != p.cfg.Book.Origin() || head.Size == 0 {
		return fmt.Errorf("audit: the directory %s holds a checkpoint of %q with %d entries", p.cfg.Dir, head.Origin, head.Size)
	}
	if err := keys.mayFollow(p.cfg.Signer, n); err != nil {
		return err
	}
	tree, err := loadGrowth(head.Size, p.files.readTile)
	if err != nil {
		return fmt.Errorf("audit: the tiles on disk: %w", err)
	}
	if root := tree.front.root(); root != head.Root {
		return fmt.Errorf("audit: the tiles on disk have the root %v, their checkpoint says %v", root, head.Root)
	}
	if err := p.compareLast(ctx, head.Size-1); err != nil {
		return err
	}
	p.tree, p.heads.newest = tree, signedHead{head, signed}
	return p.takeOver(ctx, n)
}

// compareLast holds the last published entry against the leaf in the store. That leaf never leaves the store before a later one
// is published.
func (p *Publisher) compareLast(ctx context.Context, last int64) error {
	bundle, err := p.files.readTile(EntryTile(last/TileWidth, last+1))
	if err != nil {
		return err
	}
	entries, err := SplitEntries(bundle, int(last%TileWidth)+1)
	if err != nil {
		return err
	}
	leaf, err := p.store.Get(ctx, store.Key{Kind: store.Leaves, ID: store.LeafID(uint64(last))})
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: it has no entry %d", ErrBehind, last)
	}
	if err == nil && string(leaf.Body) != string(entries[len(entries)-1]) {
		err = fmt.Errorf("%w: its entry %d is another one", ErrBehind, last)
	}
	return err
}

// Close gives the directory back. Run must have ended.
func (p *Publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = errors.Join(p.failed, store.ErrClosed)
	return p.lock.Close()
}

// Run publishes once an interval what came in, and writes a heartbeat when nothing did. When ctx ends it publishes what is left
// and returns nil. An error means that the log cannot go on, and that nothing should be done that would have to be logged.
func (p *Publisher) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.cfg.Interval)
	defer ticker.Stop()
	beat := heartbeat{every: p.cfg.Heartbeat}
	for {
		if err := p.Publish(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		if e, due := beat.look(p.Newest().Size, time.Now()); due {
			if _, err := p.cfg.Book.Append(ctx, e); err != nil && ctx.Err() == nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return p.Publish(context.WithoutCancel(ctx))
		case <-ticker.C:
		}
	}
}

// A heartbeat tells when the log has been silent for too long.
type heartbeat struct {
	every time.Duration
	size  int64     // of the log at the last look
	grown time.Time // when it was seen to have grown
	beat  int64     // size of the log at the last beat
	since time.Time // of the last beat
}

// look is told the size of the log again and again. When it has not changed for long enough it gives the entry to write, which
// counts the entries published since the last one. The heartbeats are not counted.
func (h *heartbeat) look(size int64, now time.Time) (Entry, bool) {
	if h.since.IsZero() {
		h.beat, h.since = size, now
	}
	if h.grown.IsZero() || size != h.size {
		h.size, h.grown = size, now
	}
	if now.Sub(h.grown) < h.every {
		return Entry{}, false
	}
	e := Entry{Type: LogHeartbeat, Span: LeafSpan{Count: size - h.beat, From: h.since.UnixMilli(), To: now.UnixMilli()}}
	h.beat, h.since, h.grown = size+1, now, now
	return e, true
}

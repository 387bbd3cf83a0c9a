package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/store"
)

const (
	// leavesAtOnce is how many leaves are read from the store in one go.
	leavesAtOnce = 4 * TileWidth
	// leavesAStep bounds what one checkpoint adds, so that leaves leave the store while a long backlog is worked off.
	leavesAStep = 256 * TileWidth
)

// Publish brings the log up to what the store holds now: tiles first, then the checkpoint over them, and last the leaves of full
// tiles leave the store. After an error that is not of ctx nothing is written any more until the log is opened again: nobody
// knows what the disk holds.
func (p *Publisher) Publish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.publish(ctx)
}

// publish wants the lock.
func (p *Publisher) publish(ctx context.Context) error {
	if p.failed != nil {
		return p.failed
	}
	err := p.steps(ctx)
	if err != nil && ctx.Err() == nil {
		p.failed = fmt.Errorf("audit: the log is out of service until it is opened again: %w", err)
		p.cfg.Observe(Published{Size: p.tree.size, Err: p.failed})
		return p.failed
	}
	return err
}

func (p *Publisher) steps(ctx context.Context) error {
	for {
		start := time.Now()
		n, err := p.step(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			p.cfg.Observe(Published{Size: p.tree.size, Entries: n, Duration: time.Since(start)})
		}
		if err := p.tidy(ctx); err != nil {
			return err
		}
		if n < leavesAStep {
			return nil
		}
	}
}

// step publishes one checkpoint, if there is anything new.
func (p *Publisher) step(ctx context.Context) (int, error) {
	tree := p.spare
	p.tree.copyTo(tree)
	for tree.size-p.tree.size < leavesAStep {
		n, err := p.grow(ctx, tree)
		if err != nil {
			return 0, err
		}
		if n < leavesAtOnce {
			break
		}
	}
	n := int(tree.size - p.tree.size)
	if n == 0 {
		return 0, nil
	}
	for _, f := range tree.partial(p.tree.size) {
		if err := p.putTile(f); err != nil {
			return 0, err
		}
	}
	if err := p.files.sync(); err != nil { // before anybody is told of them
		return 0, err
	}
	return n, p.sign(tree)
}

// grow appends the next leaves of the store to the tree, and writes the tiles that become full.
func (p *Publisher) grow(ctx context.Context, tree *growth) (int, error) {
	after := ""
	if tree.size > 0 {
		after = store.LeafID(uint64(tree.size - 1))
	}
	leaves, err := p.store.Scan(ctx, store.Key{Kind: store.Leaves}, after, leavesAtOnce)
	if err != nil {
		return 0, err
	}
	for _, leaf := range leaves {
		if want := store.LeafID(uint64(tree.size)); leaf.Key.ID != want {
			return 0, fmt.Errorf("%w: entry %d is missing, the next is %s", ErrBehind, tree.size, leaf.Key.ID)
		}
		full, err := tree.push(leaf.Body, p.unerased(leaf))
		if err != nil {
			return 0, err
		}
		for _, f := range full {
			if err := p.putTile(f); err != nil {
				return 0, err
			}
		}
	}
	return len(leaves), nil
}

// putTile writes a tile. Openings are written before their entries.
func (p *Publisher) putTile(f tileFile) error {
	if len(f.lines) > 0 {
		if err := p.files.replace(OpeningsPath(f.tile.N), f.lines, 0o600); err != nil {
			return err
		}
	}
	return p.files.put(TilePath(f.tile), f.data)
}

// sign makes the checkpoint of a tree whose tiles are durable, and makes it the newest.
func (p *Publisher) sign(tree *growth) error {
	head := Checkpoint{Origin: p.cfg.Book.Origin(), Size: tree.size, Root: tree.front.root()}
	signed, err := note.Sign(&note.Note{Text: head.Format()}, p.cfg.Signer)
	if err != nil {
		return err
	}
	if err := p.putCheckpoint(signed); err != nil {
		return err
	}
	p.tree, p.spare = tree, p.tree
	p.heads.Lock()
	defer p.heads.Unlock()
	p.heads.newest = signedHead{head, signed}
	return nil
}

func (p *Publisher) putCheckpoint(signed []byte) error {
	if err := p.files.replace(checkpointPath, signed, 0o644); err != nil {
		return err
	}
	return p.files.sync()
}

// Newest is the newest checkpoint.
func (p *Publisher) Newest() Checkpoint {
	p.heads.RLock()
	defer p.heads.RUnlock()
	return p.heads.newest.Checkpoint
}

// Signed is the newest checkpoint as a note, with its cosignatures when it has any already. It is nil before the first.
func (p *Publisher) Signed() []byte {
	p.heads.RLock()
	defer p.heads.RUnlock()
	return p.heads.newest.note
}

// Cosigned takes a checkpoint of this log to which witnesses have added their signatures, from whoever asks them. From then on
// receipts end in it. The caller has verified the cosignatures, and archives the note.
func (p *Publisher) Cosigned(signed []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return p.failed
	}
	head, _, err := OpenSigned(signed, note.VerifierList(p.cfg.Signer.Verifier()))
	if err != nil {
		return err
	}
	newest := p.Newest()
	if head.Origin != newest.Origin || head.Size > newest.Size || head.Size == newest.Size && head.Root != newest.Root {
		return fmt.Errorf("audit: a cosigned checkpoint of %q with %d entries is not one of this log", head.Origin, head.Size)
	}
	if head == newest {
		if err := p.putCheckpoint(signed); err != nil {
			p.failed = err
			return err
		}
	}
	p.heads.Lock()
	defer p.heads.Unlock()
	if head == newest {
		p.heads.newest.note = signed
	}
	if head.Size >= p.heads.cosigned.Size {
		p.heads.cosigned = signedHead{head, signed}
	}
	return nil
}

// tidy removes from the store what is in full tiles, and partial tiles that are full now. The last published leaf stays, so that
// the store can always be told from an older copy of itself. It goes by what is still in the store, so it finds its way after a
// kill.
func (p *Publisher) tidy(ctx context.Context) error {
	full := uint64(max(p.tree.size-1, 0)) / TileWidth // bundles that are full and have a later entry published
	if full == 0 {
		return nil
	}
	oldest, err := p.store.Scan(ctx, store.Key{Kind: store.Leaves}, "", 1)
	if err != nil || len(oldest) == 0 {
		return err
	}
	index, err := store.ParseLeafID(oldest[0].Key.ID)
	if err != nil || index/TileWidth >= full {
		return err
	}
	for n := index / TileWidth; n < full; n++ {
		if err := p.dropPartial(int64(n)); err != nil {
			return err
		}
	}
	_, err = p.store.Commit(ctx, &store.Change{Prune: full * TileWidth})
	if conflict := (*store.Conflict)(nil); errors.As(err, &conflict) {
		return fmt.Errorf("audit: somebody else takes entries out of the store: %w", err)
	}
	return err
}

// dropPartial removes the partial tiles that became full with a bundle of entries.
func (p *Publisher) dropPartial(n int64) error {
	full := []tlog.Tile{{H: TileHeight, L: entriesLevel, N: n, W: TileWidth}}
	for level := 0; ; level++ {
		full = append(full, tlog.Tile{H: TileHeight, L: level, N: n, W: TileWidth})
		if n%TileWidth != TileWidth-1 {
			break
		}
		n /= TileWidth
	}
	for _, t := range full {
		if err := p.files.drop(TilePath(t) + ".p"); err != nil {
			return err
		}
	}
	return nil
}

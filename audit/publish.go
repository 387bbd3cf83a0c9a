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
	tree := p.tree.clone()
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
		if err := p.files.put(TilePath(f.tile), f.data); err != nil {
			return 0, err
		}
	}
	if len(tree.bundle) > 0 {
		if err := p.putOpenings(ctx, tree.size/TileWidth, tree.bundle); err != nil {
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
		full, err := tree.push(leaf.Body)
		if err != nil {
			return 0, err
		}
		for _, f := range full {
			if err := p.putFull(ctx, f); err != nil {
				return 0, err
			}
		}
	}
	return len(leaves), nil
}

// putFull writes a full tile. A bundle of entries has its openings written first.
func (p *Publisher) putFull(ctx context.Context, f tileFile) error {
	if f.tile.L == entriesLevel {
		if err := p.putOpenings(ctx, f.tile.N, f.data); err != nil {
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
	p.tree = tree
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

// tidiedAtOnce is how many bundles leave the store in one Change.
const tidiedAtOnce = 8

// tidy removes from the store what is in full tiles, and partial tiles that are full now. The last published leaf stays, so that
// the store can always be told from an older copy of itself. It goes by what is still in the store, so it finds its way after a
// kill.
func (p *Publisher) tidy(ctx context.Context) error {
	full := uint64(max(p.tree.size-1, 0)) / TileWidth // bundles that are full and have a later entry published
	for {
		leaves, err := p.store.Scan(ctx, store.Key{Kind: store.Leaves}, "", tidiedAtOnce*TileWidth)
		if err != nil || len(leaves) == 0 {
			return err
		}
		index, err := store.ParseLeafID(leaves[0].Key.ID)
		first := index / TileWidth
		if err != nil || first >= full {
			return err
		}
		if err := p.tidyBundles(ctx, first, min(first+tidiedAtOnce, full), leaves); err != nil {
			return err
		}
	}
}

// tidyBundles removes what the bundles from first to before end make needless.
func (p *Publisher) tidyBundles(ctx context.Context, first, end uint64, leaves []store.Record) error {
	for n := first; n < end; n++ {
		if err := p.dropPartial(int64(n)); err != nil {
			return err
		}
	}
	var ch store.Change
	for _, leaf := range leaves {
		if leaf.Key.ID < store.LeafID(end*TileWidth) {
			ch.Deletes = append(ch.Deletes, store.Record{Key: leaf.Key, Version: leaf.Version})
		}
	}
	if err := p.dropOpenings(ctx, &ch, first*TileWidth, end*TileWidth); err != nil {
		return err
	}
	_, err := p.store.Commit(ctx, &ch)
	var conflict *store.Conflict
	if errors.As(err, &conflict) {
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

package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Receipt shows that entry i is in the log: at the newest checkpoint that witnesses cosigned, or else at the newest that the log
// signed. When the entry is in neither, it is published first, so that a receipt can be had as soon as the entry is committed.
func (p *Publisher) Receipt(ctx context.Context, i uint64) ([]byte, error) {
	head, ok := p.covering(i)
	if !ok {
		if err := p.Publish(ctx); err != nil {
			return nil, err
		}
		if head, ok = p.covering(i); !ok {
			return nil, fmt.Errorf("%w: %d", ErrNoEntry, i)
		}
	}
	proof, err := tlog.ProveRecord(head.Size, int64(i), p.hashes(ctx, head.Checkpoint))
	if err != nil {
		return nil, fmt.Errorf("audit: cannot prove entry %d: %w", i, err)
	}
	return FormatReceipt(Receipt{Index: int64(i), Proof: proof, Checkpoint: head.note}), nil
}

// Prove shows that the first old entries of the log are still there in the log as it was with size entries.
func (p *Publisher) Prove(ctx context.Context, old int64, head Checkpoint) (tlog.TreeProof, error) {
	proof, err := tlog.ProveTree(head.Size, old, p.hashes(ctx, head))
	if err != nil {
		return nil, fmt.Errorf("audit: cannot prove that %d entries are in the log of %d: %w", old, head.Size, err)
	}
	return proof, nil
}

// covering finds the best checkpoint that has entry i.
func (p *Publisher) covering(i uint64) (signedHead, bool) {
	p.heads.RLock()
	defer p.heads.RUnlock()
	for _, h := range []signedHead{p.heads.cosigned, p.heads.newest} {
		if i < uint64(h.Size) {
			return h, true
		}
	}
	return signedHead{}, false
}

// hashes reads the tiles on disk. Every hash is held against the root, so that a damaged disk makes no false proofs.
func (p *Publisher) hashes(ctx context.Context, head Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Root}, diskTiles{ctx, p.files})
}

// diskTiles gives package tlog the tiles of this log.
type diskTiles struct {
	ctx   context.Context // package tlog passes none
	files *tileStore
}

var _ tlog.TileReader = diskTiles{}

func (diskTiles) Height() int { return TileHeight }

func (diskTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (d diskTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, 0, len(tiles))
	for _, t := range tiles {
		if err := d.ctx.Err(); err != nil {
			return nil, err
		}
		data, err := d.files.readTile(t)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

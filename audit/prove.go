package audit

import (
	"context"
	"errors"
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
	proof, err := p.proveEntry(ctx, head.Checkpoint, int64(i))
	if err != nil {
		return nil, fmt.Errorf("audit: cannot prove entry %d: %w", i, err)
	}
	return FormatReceipt(Receipt{Index: int64(i), Proof: proof, Checkpoint: head.note}), nil
}

// proveEntry makes a proof and checks it, so that a damaged disk gives an error and no false receipt.
func (p *Publisher) proveEntry(ctx context.Context, head Checkpoint, i int64) (tlog.RecordProof, error) {
	hashes := tileHashes{ctx, p.files, head.Size}
	proof, err := tlog.ProveRecord(head.Size, i, hashes)
	if err != nil {
		return nil, err
	}
	leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
	if err != nil {
		return nil, err
	}
	return proof, tlog.CheckRecord(proof, head.Size, head.Root, i, leaf[0])
}

// Prove shows that the first old entries of the log are still there in the log as it was at a later checkpoint.
func (p *Publisher) Prove(ctx context.Context, old int64, head Checkpoint) (tlog.TreeProof, error) {
	hashes := tileHashes{ctx, p.files, head.Size}
	proof, err := tlog.ProveTree(head.Size, old, hashes)
	if err == nil {
		var root tlog.Hash
		if root, err = tlog.TreeHash(old, hashes); err == nil {
			err = tlog.CheckTree(proof, head.Size, head.Root, old, root)
		}
	}
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

// tileHashes reads hashes from the tiles on disk, of a log of some size. They are not held against a root: whoever makes a proof
// of them checks the proof.
type tileHashes struct {
	ctx   context.Context // package tlog passes none
	files *tileStore
	size  int64
}

var _ tlog.HashReader = tileHashes{}

func (r tileHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := map[tlog.Tile][]byte{} // several hashes are in one tile
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		at := tlog.TileForIndex(TileHeight, index)
		tile := HashTile(at.L, at.N, r.size)
		data, ok := read[tile]
		if !ok {
			var err error
			if data, err = r.files.readTile(tile); err != nil {
				return nil, errors.Join(err, r.ctx.Err())
			}
			read[tile] = data
		}
		var err error
		if hashes[i], err = tlog.HashFromTile(tile, data, index); err != nil {
			return nil, err
		}
	}
	return hashes, r.ctx.Err()
}

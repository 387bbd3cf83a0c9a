package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// A Reader reads entries and proofs of a log and believes nothing that the checkpoint does not prove.
type Reader struct {
	source Source
	head   *Head
}

// NewReader reads the log of a source as its checkpoint describes it, which must satisfy the policy as far as the log's own
// signature goes. What of the witnesses is told by Head.
func NewReader(ctx context.Context, source Source, p *Policy) (*Reader, error) {
	signed, err := source.ReadFile(ctx, checkpointPath)
	if err != nil {
		return nil, fmt.Errorf("audit: the log's checkpoint: %w", err)
	}
	head, err := p.Open(signed)
	if err != nil {
		return nil, err
	}
	return &Reader{source: source, head: head}, nil
}

const checkpointPath = "checkpoint"

// Head is the checkpoint that everything is read under.
func (r *Reader) Head() *Head { return r.head }

// Size is how many entries the log has.
func (r *Reader) Size() int64 { return r.head.Checkpoint.Size }

// Entry reads one entry and proves that it is in the log.
func (r *Reader) Entry(ctx context.Context, index int64) ([]byte, error) {
	if index < 0 || index >= r.Size() {
		return nil, found(MissingIndex, index, "the log has %d entries", r.Size())
	}
	tile := EntryTile(index/TileWidth, r.Size())
	bundle, _, err := readTile(ctx, r.source, tile)
	if err != nil {
		return nil, torn(err, tile)
	}
	var entry []byte
	for range index%TileWidth + 1 {
		if entry, bundle, err = NextEntry(bundle); err != nil {
			return nil, torn(err, tile)
		}
	}
	hashes, err := r.hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, err
	}
	if leafHash(entry) != hashes[0] {
		return nil, found(LeafMismatch, index, "the entry is not the one that the checkpoint stands for").at(TilePath(tile))
	}
	return entry, nil
}

// Receipt makes a receipt of an entry from the tiles, at the log's checkpoint.
func (r *Reader) Receipt(ctx context.Context, index int64) ([]byte, error) {
	if index < 0 || index >= r.Size() {
		return nil, found(MissingIndex, index, "the log has %d entries", r.Size())
	}
	proof, err := tlog.ProveRecord(r.Size(), index, r.hashes(ctx))
	if err != nil {
		return nil, err
	}
	return FormatReceipt(Receipt{Index: index, Proof: proof, Checkpoint: r.head.Signed}), nil
}

// Consistency proves that the log's first old entries are still what they were: the proof and the root that they have.
func (r *Reader) Consistency(ctx context.Context, old int64) (tlog.TreeProof, tlog.Hash, error) {
	size := r.Size()
	if old < 1 || old > size {
		return nil, tlog.Hash{}, fmt.Errorf("audit: no consistency proof from %d to %d entries", old, size)
	}
	root, err := tlog.TreeHash(old, r.hashes(ctx))
	if err != nil {
		return nil, tlog.Hash{}, err
	}
	proof, err := tlog.ProveTree(size, old, r.hashes(ctx))
	return proof, root, err
}

// hashes reads hashes that are proved against the checkpoint.
func (r *Reader) hashes(ctx context.Context) tlog.HashReader {
	c := r.head.Checkpoint
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tileReader{ctx: ctx, source: r.source})
}

// A tileReader gives package tlog its tiles.
type tileReader struct {
	ctx    context.Context // package tlog passes none
	source Source
}

var _ tlog.TileReader = tileReader{}

func (t tileReader) Height() int { return TileHeight }

func (t tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := readHashTile(t.ctx, t.source, tile)
		if err != nil {
			return nil, torn(err, tile)
		}
		all = append(all, data)
	}
	return all, nil
}

// readTile reads a tile of any sort; when a partial one is gone, the full one that it became. It says which.
func readTile(ctx context.Context, source Source, tile tlog.Tile) (data []byte, full bool, err error) {
	data, err = source.ReadFile(ctx, TilePath(tile))
	if tile.W < TileWidth && errors.Is(err, fs.ErrNotExist) { // C2SP tlog-tiles: partial tiles may be deleted
		if data, err := source.ReadFile(ctx, TilePath(FullTile(tile))); err == nil {
			return data, true, nil
		}
	}
	return data, tile.W == TileWidth, err
}

// errLength is about a file that has not the length that it must have.
var errLength = errors.New("wrong length")

// readHashTile reads a tile of hashes, of exactly the tile's width.
func readHashTile(ctx context.Context, source Source, tile tlog.Tile) ([]byte, error) {
	data, full, err := readTile(ctx, source, tile)
	if err != nil {
		return nil, err
	}
	want := tile.W * tlog.HashSize
	if full {
		want = TileWidth * tlog.HashSize
	}
	if len(data) != want {
		return nil, fmt.Errorf("%w: %d bytes, it should have %d", errLength, len(data), want)
	}
	return data[:tile.W*tlog.HashSize], nil
}

// torn says that a tile could not be read as what it is. Other errors, like that of a network, are no finding and stay as they are.
func torn(err error, tile tlog.Tile) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found(TileTorn, -1, "it is missing").at(TilePath(tile))
	case errors.Is(err, errLength), errors.Is(err, ErrMalformed):
		return found(TileTorn, -1, "%v", err).at(TilePath(tile))
	}
	return err
}

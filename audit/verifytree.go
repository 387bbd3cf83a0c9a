package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A treeCheck rebuilds the tree from the leaves and holds every stored tile against it. Where an entry and its stored hash
// differ, the hash above decides which of the two is wrong; that the decisions were right shows when the root comes out.
type treeCheck struct {
	source Source
	size   int64
	tree   frontier
	above  [][]tlog.Hash // above[L] are the hashes of the tile of level L+1 that is being filled
	filled []int64       // how many tiles of each level are full
	doubts []string      // tiles for which nothing above could decide
	broken bool          // a tile gave no hash at all: there is no root
}

// maxDoubts is how many tiles in doubt are named.
const maxDoubts = 8

// choose decides what the leaf hashes of a tile are: those of its entries, those that are stored, or nil when neither is whole.
func (c *treeCheck) choose(ctx context.Context, t *tileRead, root tlog.Hash) ([]tlog.Hash, error) {
	if t.whole() && slices.Equal(t.hashes, t.stored) {
		return t.hashes, nil
	}
	above, known, err := c.hashAbove(ctx, t)
	if err != nil {
		return nil, err
	}
	vouched := func(hashes []tlog.Hash) bool {
		switch {
		case len(hashes) != t.width:
			return false
		case t.width < TileWidth:
			return c.tree.rootWith(hashes) == root
		}
		return known && tileRoot(hashes) == above
	}
	switch {
	case vouched(t.hashes):
		return t.hashes, nil
	case vouched(t.stored):
		return t.stored, nil
	}
	if len(c.doubts) < maxDoubts {
		c.doubts = append(c.doubts, fmt.Sprintf("entries %d to %d", t.first(), t.first()+int64(t.width)-1))
	}
	if t.whole() {
		return t.hashes, nil
	}
	return t.stored, nil
}

// hashAbove reads the hash of a full tile from the tile one level up.
func (c *treeCheck) hashAbove(ctx context.Context, t *tileRead) (tlog.Hash, bool, error) {
	if t.width < TileWidth {
		return tlog.Hash{}, false, nil
	}
	up := HashTile(1, t.number/TileWidth, c.size)
	data, err := readHashTile(ctx, c.source, up)
	if isFinding(torn(err, up)) {
		return tlog.Hash{}, false, nil // it is reported in its turn
	}
	if err != nil {
		return tlog.Hash{}, false, err
	}
	return splitHashes(data)[t.number%TileWidth], true, nil
}

func isFinding(err error) bool {
	_, ok := errors.AsType[*Finding](err)
	return ok
}

// push takes a tile into the tree and compares the tiles above that it fills.
func (c *treeCheck) push(ctx context.Context, t *tileRead, hashes []tlog.Hash) (faults []*Finding, err error) {
	complete := func(s subtree) {
		if s.level == 0 || s.level%TileHeight != 0 || err != nil {
			return
		}
		var f *Finding
		if f, err = c.rise(ctx, s); f != nil {
			faults = append(faults, f)
		}
	}
	switch {
	case hashes == nil:
		above, known, readErr := c.hashAbove(ctx, t)
		if readErr != nil {
			return nil, readErr
		}
		if c.broken = c.broken || !known; known {
			c.tree.push(subtree{TileHeight, above}, complete)
		}
	case t.width == TileWidth:
		c.tree.push(subtree{TileHeight, tileRoot(hashes)}, complete)
	default:
		for _, h := range hashes {
			c.tree.push(subtree{0, h}, nil)
		}
	}
	return faults, err
}

// rise adds the hash of a complete subtree to the tile above and compares that tile when it is full.
func (c *treeCheck) rise(ctx context.Context, s subtree) (*Finding, error) {
	level := s.level/TileHeight - 1
	if level == len(c.above) {
		c.above, c.filled = append(c.above, nil), append(c.filled, 0)
	}
	c.above[level] = append(c.above[level], s.hash)
	if len(c.above[level]) < TileWidth {
		return nil, nil
	}
	f, err := c.compare(ctx, level)
	c.above[level] = c.above[level][:0]
	c.filled[level]++
	return f, err
}

// finish compares the partial tiles at the right side.
func (c *treeCheck) finish(ctx context.Context) (faults []*Finding, err error) {
	for level := range c.above {
		if len(c.above[level]) == 0 || c.broken {
			continue
		}
		f, err := c.compare(ctx, level)
		if err != nil {
			return nil, err
		}
		if f != nil {
			faults = append(faults, f)
		}
	}
	return faults, nil
}

// compare holds a stored tile above the leaves against the hashes that it should have.
func (c *treeCheck) compare(ctx context.Context, level int) (*Finding, error) {
	want := c.above[level]
	tile := tlog.Tile{H: TileHeight, L: level + 1, N: c.filled[level], W: len(want)}
	data, err := readHashTile(ctx, c.source, tile)
	if f, ok := errors.AsType[*Finding](torn(err, tile)); ok {
		f.Repair = repairHashes
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	for i, h := range want {
		if !bytes.Equal(h[:], data[i*tlog.HashSize:][:tlog.HashSize]) {
			f := found(TileTorn, -1, "its hash %d is not that of what is below it", i).at(TilePath(tile))
			f.Repair = repairHashes
			return f, nil
		}
	}
	return nil, nil
}

const repairHashes = "repairable: the entries give it back"

// finishTree compares the root.
func (v *verification) finishTree(ctx context.Context) error {
	faults, err := v.tree.finish(ctx)
	if err != nil {
		return err
	}
	for level := range v.tree.above {
		v.r.Counts.Tiles += v.tree.filled[level] + int64(min(len(v.tree.above[level]), 1))
	}
	if err := v.reportAll(faults); err != nil {
		return err
	}
	if !v.tree.broken && v.tree.tree.root() == v.head.Checkpoint.Root {
		return nil
	}
	v.past.rootless = true
	for i := range v.r.Findings { // without the root it is not known that the entries are right
		v.r.Findings[i].Repair = ""
	}
	if v.tree.broken {
		v.r.unchecked("the root: a tile is lost, and nothing stands for it")
		return nil
	}
	f := found(LeafMismatch, -1, "the entries hash to the root %s, the checkpoint says %s", v.tree.tree.root(), v.head.Checkpoint.Root)
	last := v.head.Checkpoint.Size - 1
	if v.past.differs != nil {
		last = v.past.differs.Checkpoint.Size - 1
	}
	f.Detail += fmt.Sprintf("; what was altered begins among the entries %d to %d", v.past.agreed, last)
	if len(v.tree.doubts) > 0 {
		f.Detail += fmt.Sprintf("; in doubt: %s", orNone(v.tree.doubts))
	}
	return v.report(f.at(checkpointPath))
}

package audit

import (
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A growth is the right side of the tree: what is needed to append leaves and to write the tiles that they fill or begin.
type growth struct {
	size   int64
	front  *frontier
	rows   [][]tlog.Hash // by level of tiles: the hashes that are in no full tile yet
	bundle []byte        // the entries of the last tile, which is full when its width divides size
	lines  []byte        // their openings, as they stand in the file beside the tile
}

// copyTo makes another growth like this one, in the memory of one that is not needed any more.
func (g *growth) copyTo(c *growth) {
	c.size = g.size
	c.front.trees = append(c.front.trees[:0], g.front.trees...)
	c.bundle = append(c.bundle[:0], g.bundle...)
	c.lines = append(c.lines[:0], g.lines...)
	for len(c.rows) < len(g.rows) {
		c.rows = append(c.rows, make([]tlog.Hash, 0, TileWidth))
	}
	c.rows = c.rows[:len(g.rows)]
	for level, row := range g.rows {
		c.rows[level] = append(c.rows[level][:0], row...)
	}
}

// recordHash is the RFC 6962 hash of an entry.
func recordHash(entry []byte) tlog.Hash {
	var room [1 + MaxLeaf]byte // begins with the zero that tells entries from nodes
	return sha256.Sum256(append(room[:1], entry...))
}

// A tileFile is a tile and its bytes.
type tileFile struct {
	tile  tlog.Tile
	data  []byte
	lines []byte // of a tile of entries: its openings
}

// open adds what opens the entry of an index, without the start of its line, to the openings of the last bundle.
func (g *growth) open(index uint64, aside []byte) {
	if len(aside) > 0 {
		g.lines = append(appendLineStart(g.lines, index), aside...)
	}
}

// push appends an entry and what opens it, and returns the tiles that became full with it. They are good until the next push.
func (g *growth) push(entry, aside []byte) (full []tileFile, err error) {
	if g.size%TileWidth == 0 {
		g.bundle, g.lines = g.bundle[:0], g.lines[:0]
	}
	if g.bundle, err = AppendEntry(g.bundle, entry); err != nil {
		return nil, err
	}
	g.open(uint64(g.size), aside)
	g.size++
	if g.size%TileWidth == 0 {
		full = append(full, tileFile{EntryTile(g.size/TileWidth-1, g.size), g.bundle, g.lines})
	}
	g.front.push(subtree{0, recordHash(entry)}, func(t subtree) {
		if t.level%TileHeight != 0 {
			return
		}
		level := t.level / TileHeight
		if level == len(g.rows) {
			g.rows = append(g.rows, nil)
		}
		g.rows[level] = append(g.rows[level], t.hash)
		if len(g.rows[level]) == TileWidth {
			full = append(full, tileFile{HashTile(level, g.size>>(TileHeight*(level+1))-1, g.size), join(g.rows[level]), nil})
			g.rows[level] = g.rows[level][:0]
		}
	})
	return full, nil
}

// partial returns the tiles at the right end that are not full, if they changed since the tree had the given size.
func (g *growth) partial(since int64) []tileFile {
	var tiles []tileFile
	if g.size%TileWidth != 0 && since < g.size {
		tiles = append(tiles, tileFile{EntryTile(g.size/TileWidth, g.size), g.bundle, g.lines})
	}
	for level, row := range g.rows {
		tile := HashTile(level, g.size>>(TileHeight*(level+1)), g.size)
		if tile.W > 0 && since>>(TileHeight*level) != g.size>>(TileHeight*level) {
			tiles = append(tiles, tileFile{tile, join(row), nil})
		}
	}
	return tiles
}

// loadGrowth reads the right side of a tree of the given size from its tiles.
func loadGrowth(size int64, read func(tlog.Tile) ([]byte, error)) (*growth, error) {
	g := &growth{size: size, front: new(frontier)}
	for level := 0; size>>(TileHeight*level) > 0; level++ {
		tile := HashTile(level, size>>(TileHeight*(level+1)), size)
		row := make([]tlog.Hash, 0, TileWidth)
		if tile.W > 0 {
			data, err := read(tile)
			if err != nil {
				return nil, err
			}
			for ; len(data) > 0; data = data[tlog.HashSize:] {
				row = append(row, tlog.Hash(data[:tlog.HashSize]))
			}
		}
		g.rows = append(g.rows, row)
	}
	for level := len(g.rows) - 1; level >= 0; level-- { // large subtrees are on the left
		for _, h := range g.rows[level] {
			g.front.push(subtree{level * TileHeight, h}, nil)
		}
	}
	if tile := EntryTile(size/TileWidth, size); tile.W > 0 {
		var err error
		if g.bundle, err = read(tile); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func join(row []tlog.Hash) []byte {
	data := make([]byte, 0, len(row)*tlog.HashSize)
	for _, h := range row {
		data = append(data, h[:]...)
	}
	return data
}

// readTile reads a tile of the log on disk, or the part of it that a wider one on disk begins with.
func (s *tileStore) readTile(t tlog.Tile) ([]byte, error) {
	data, err := s.read(TilePath(t))
	if err != nil && t.W < TileWidth {
		if full, fullErr := s.read(TilePath(FullTile(t))); fullErr == nil {
			data, err = full, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if t.L == entriesLevel {
		data, err = cutEntries(data, t.W)
	} else if want := t.W * tlog.HashSize; len(data) < want {
		err = fmt.Errorf("%w: %d bytes of %d", ErrMalformed, len(data), want)
	} else {
		data = data[:want]
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %s: %w", TilePath(t), err)
	}
	return data, nil
}

package audit

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// TileHeight is how many levels of the tree a tile spans.
	TileHeight = 8
	// TileWidth is how many hashes, or entries, a full tile has.
	TileWidth = 1 << TileHeight
	// entriesLevel is the level that package tlog gives to tiles of entries.
	entriesLevel = -1
)

// HashTile names the tile number n of a level, as wide as it is in a log of the given size. Its width is 0 when that log has
// nothing of it.
func HashTile(level int, n, size int64) tlog.Tile {
	width := min(max(size>>(TileHeight*level)-n*TileWidth, 0), TileWidth)
	return tlog.Tile{H: TileHeight, L: level, N: n, W: int(width)}
}

// EntryTile names the bundle number n of entries, as wide as it is in a log of the given size.
func EntryTile(n, size int64) tlog.Tile {
	t := HashTile(0, n, size)
	t.L = entriesLevel
	return t
}

// TilePath is where a tile is: tile/<level>/<number>, or tile/entries/<number> for level -1; a partial one has .p/<width> behind
// it (C2SP tlog-tiles).
func TilePath(t tlog.Tile) string {
	if t.L == entriesLevel {
		return "tile/entries/" + strings.TrimPrefix(t.Path(), "tile/8/data/")
	}
	return "tile/" + strings.TrimPrefix(t.Path(), "tile/8/")
}

// ParseTilePath reads what TilePath wrote, and nothing else.
func ParseTilePath(path string) (tlog.Tile, error) {
	inner, ok := strings.CutPrefix(path, "tile/entries/")
	if ok {
		inner = "tile/8/data/" + inner
	} else if inner, ok = strings.CutPrefix(path, "tile/"); ok {
		inner = "tile/8/" + inner
	}
	t, err := tlog.ParseTilePath(inner)
	if !ok || err != nil || t.H != TileHeight || t.L < entriesLevel || t.L > 7 || t.N > largest>>TileHeight || TilePath(t) != path {
		return tlog.Tile{}, fmt.Errorf("%w: the tile path %q", ErrMalformed, path)
	}
	return t, nil
}

// FullTile is the full tile that a partial one becomes. Its bytes begin with those of the partial one, which may be deleted once
// the full one is there: who does not find a partial tile reads the full one and takes the part.
func FullTile(t tlog.Tile) tlog.Tile {
	t.W = TileWidth
	return t
}

// OpeningsPath is where the openings of the entries of bundle n are.
func OpeningsPath(n int64) string {
	full := TilePath(tlog.Tile{H: TileHeight, L: entriesLevel, N: n, W: TileWidth})
	return "openings/" + strings.TrimPrefix(full, "tile/entries/")
}

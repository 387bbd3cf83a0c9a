package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A tileRead is everything that one bundle of entries and its hash tile say, read and hashed but not yet judged. Tiles are read
// by several goroutines and judged in order by one.
type tileRead struct {
	number int64
	width  int
	bundle tlog.Tile
	hashes []tlog.Hash // of the entries, as many as could be told apart
	stored []tlog.Hash // what the hash tile says; nil when it is torn
	bytes  int64       // of entries

	entries   [][]byte
	leaves    []Leaf
	malformed map[int]error // entries that are no leaves
	shifted   map[int]bool  // entries whose bytes are right and whose length field is not

	torn   tornTile
	opened openedTile
}

// A tornTile has what was wrong with the files of a tile as such: TILE_TORN, or nil.
type tornTile struct{ bundle, hashes *Finding }

// first is the index of the tile's first entry.
func (t *tileRead) first() int64 { return t.number * TileWidth }

// whole reports whether the bundle has all its entries.
func (t *tileRead) whole() bool { return len(t.hashes) == t.width }

// readTileNumber reads and hashes tile n of a log of the given size. An error is not a finding: the reading itself failed.
func readTileNumber(ctx context.Context, c *VerifyConfig, n, size int64) (*tileRead, error) {
	source := c.Source
	bundle, hashes := EntryTile(n, size), HashTile(0, n, size)
	t := &tileRead{number: n, width: bundle.W, bundle: bundle}
	data, err := readHashTile(ctx, source, hashes)
	if err := t.fault(&t.torn.hashes, torn(err, hashes)); err != nil {
		return nil, err
	}
	if t.torn.hashes == nil {
		t.stored = splitHashes(data)
	}
	data, full, err := readTile(ctx, source, bundle)
	if err := t.fault(&t.torn.bundle, torn(err, bundle)); err != nil {
		return nil, err
	}
	if t.torn.bundle == nil {
		t.split(data, full)
	}
	if c.Openings {
		return t, t.open(ctx, c)
	}
	return t, nil
}

// fault keeps a finding and gives back any other error.
func (t *tileRead) fault(where **Finding, err error) error {
	if f, ok := errors.AsType[*Finding](err); ok {
		*where = f
		return nil
	}
	return err
}

func splitHashes(data []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range hashes {
		hashes[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	return hashes
}

// split hashes and parses the entries of a bundle. A bundle that comes out even is taken as it is; in any other the hash tile
// tells where one entry ends.
func (t *tileRead) split(data []byte, full bool) {
	if entries, rest := cut(data, t.width); len(entries) == t.width && (len(rest) == 0 || full && t.width < TileWidth) {
		t.take(entries)
		return
	}
	t.resync(data)
}

// cut takes up to width entries off a bundle.
func cut(bundle []byte, width int) (entries [][]byte, rest []byte) {
	entries = make([][]byte, 0, width)
	for len(entries) < width {
		entry, after, err := NextEntry(bundle)
		if err != nil {
			break
		}
		entries, bundle = append(entries, entry), after
	}
	return entries, bundle
}

// take hashes and parses entries.
func (t *tileRead) take(entries [][]byte) {
	t.entries = entries
	t.hashes = make([]tlog.Hash, len(entries))
	t.leaves = make([]Leaf, len(entries))
	var room leafRoom
	for i, entry := range entries {
		t.bytes += int64(len(entry))
		t.hashes[i] = room.hash(entry)
		var err error
		if t.leaves[i], err = ParseLeaf(entry); err != nil {
			if t.malformed == nil {
				t.malformed = map[int]error{}
			}
			t.malformed[i] = err
		}
	}
}

// maxResync bounds the entries of one tile whose length is searched for. One search hashes some thousand prefixes.
const maxResync = 4

// resync splits a bundle whose lengths do not add up. Where an entry's hash is not the stored one, it looks for the length at
// which it would be: then a length field was altered and not the entry. What cannot be told apart makes the bundle torn.
func (t *tileRead) resync(data []byte) {
	var entries [][]byte
	rest, searches := data, 0
	for len(entries) < t.width {
		entry, after, err := NextEntry(rest)
		i := len(entries)
		if t.stored != nil && searches < maxResync && (err != nil || leafHash(entry) != t.stored[i]) {
			searches++
			if n := prefixLength(rest, t.stored[i]); n >= 0 {
				entry, after, err = rest[2:2+n], rest[2+n:], nil
				if t.shifted == nil {
					t.shifted = map[int]bool{}
				}
				t.shifted[i] = true
			}
		}
		if err != nil {
			break
		}
		entries, rest = append(entries, entry), after
	}
	t.take(entries)
	switch {
	case len(data) == 0:
		t.torn.bundle = found(TileTorn, t.first(), "it is empty").at(TilePath(t.bundle))
	case len(entries) < t.width:
		t.torn.bundle = found(TileTorn, t.first()+int64(len(entries)), "it is cut: %d of %d entries are there", len(entries), t.width).at(TilePath(t.bundle))
	case len(rest) > 0 && len(t.shifted) == 0:
		t.torn.bundle = found(TileTorn, -1, "it is too long: %d bytes follow the last entry", len(rest)).at(TilePath(t.bundle))
		t.torn.bundle.Repair = "cut it off after its last entry"
	}
}

// prefixLength is the length at which what follows a length field has the given hash, or -1.
func prefixLength(rest []byte, want tlog.Hash) int {
	if len(rest) < 2 {
		return -1
	}
	var room leafRoom
	for n := range min(len(rest)-2, MaxLeaf) + 1 {
		if room.hash(rest[2:2+n]) == want {
			return n
		}
	}
	return -1
}

// findings says what is wrong with the tile once it is known which leaf hashes are right.
func (t *tileRead) findings(right []tlog.Hash) (all []*Finding) {
	bundle, hashes := TilePath(t.bundle), TilePath(tlog.Tile{H: TileHeight, L: 0, N: t.number, W: t.width})
	if t.torn.bundle != nil {
		all = append(all, t.torn.bundle)
	}
	if t.torn.hashes != nil {
		if t.whole() {
			t.torn.hashes.Repair = repairHashes
		}
		all = append(all, t.torn.hashes)
	}
	if right == nil {
		return all
	}
	for i, h := range t.hashes {
		index := t.first() + int64(i)
		switch {
		case t.shifted[i]:
			all = append(all, found(LeafMismatch, index, "its length field was altered; its bytes are right").at(bundle))
		case h != right[i]:
			all = append(all, found(LeafMismatch, index, "its bytes are not those that the log was signed with").at(bundle))
		case t.stored != nil && t.stored[i] != h:
			f := found(TileTorn, index, "the stored hash of the entry is not its hash").at(hashes)
			f.Repair = repairHashes
			all = append(all, f)
		}
	}
	return all
}

// exhibits are the bytes that a finding about the tile stands on.
func (t *tileRead) exhibits(f *Finding) []exhibit {
	var hashes []byte
	for _, h := range t.stored {
		hashes = append(hashes, h[:]...)
	}
	all := []exhibit{{fmt.Sprintf("tile-%d-hashes", t.number), hashes}}
	if i := f.Index - t.first(); f.Index >= 0 && i < int64(len(t.entries)) {
		all = append(all, exhibit{fmt.Sprintf("entry-%d", f.Index), t.entries[i]})
	}
	return all
}

// leafHash is the hash of an entry as a leaf of the tree (RFC 6962 §2.1).
func leafHash(entry []byte) tlog.Hash {
	var room leafRoom
	return room.hash(entry)
}

// A leafRoom is where an entry and the byte before it are put together to be hashed at one go, which takes half the time of a
// hash.Hash. Whoever hashes many uses one.
type leafRoom [1 + MaxLeaf]byte // the first byte stays 0

func (r *leafRoom) hash(entry []byte) tlog.Hash {
	if len(entry) > MaxLeaf {
		return tlog.RecordHash(entry)
	}
	return sha256.Sum256(r[:1+copy(r[1:], entry)])
}

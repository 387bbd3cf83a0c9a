package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tenon-auth/tenon/store"
)

// mostInChange bounds how many leaves one Change of this package may have, and so how far before a tile the record can lie that
// holds openings of it.
const mostInChange = TileWidth

// putOpenings writes the openings of the entries in a bundle beside it. Those of a bundle that is not full are written again
// when it has grown.
func (p *Publisher) putOpenings(ctx context.Context, n int64, bundle []byte) error {
	gone, err := p.gone(n, bundle)
	if err != nil {
		return err
	}
	var data []byte
	begin, end := uint64(n)*TileWidth, uint64(n+1)*TileWidth
	err = p.eachStored(ctx, begin, end, func(_ store.Record, lines []storedLine) {
		for _, l := range lines {
			if i := l.index(); i >= begin && i < end && !gone[i] {
				data = l.append(data, i)
			}
		}
	})
	if err != nil || len(data) == 0 {
		return err
	}
	return p.files.replace(OpeningsPath(n), data, 0o600)
}

// openingsAtOnce is how many records of the side table are read in one go.
const openingsAtOnce = 128

// eachStored goes through the records in the store that may hold openings of the entries from begin to before end.
func (p *Publisher) eachStored(ctx context.Context, begin, end uint64, visit func(store.Record, []storedLine)) error {
	after := ""
	if begin > mostInChange {
		after = store.LeafID(begin - mostInChange)
	}
	for {
		records, err := p.store.Scan(ctx, store.Key{Kind: openings}, after, openingsAtOnce)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Key.ID >= store.LeafID(end) {
				return nil
			}
			lines, err := storedLines(r)
			if err != nil {
				return err
			}
			visit(r, lines)
			after = r.Key.ID
		}
		if len(records) < openingsAtOnce {
			return nil
		}
	}
}

// gone tells which entries of a bundle are about keys and accounts that were erased.
func (p *Publisher) gone(n int64, bundle []byte) (map[uint64]bool, error) {
	if len(p.erased) == 0 {
		return nil, nil
	}
	gone := map[uint64]bool{}
	for i := uint64(n) * TileWidth; len(bundle) > 0; i++ {
		entry, rest, err := NextEntry(bundle)
		if err != nil {
			return nil, err
		}
		leaf, err := ParseLeaf(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		gone[i] = p.erased[leaf.Binding.Key] || p.erased[leaf.Token.Account]
		bundle = rest
	}
	return gone, nil
}

// dropOpenings adds to a Change the removal of the openings of all entries from first to before the given one. A record that
// reaches beyond it stays, and is met again with the next bundles.
func (p *Publisher) dropOpenings(ctx context.Context, ch *store.Change, first, before uint64) error {
	return p.eachStored(ctx, first, before, func(r store.Record, lines []storedLine) {
		if len(lines) == 0 || lines[len(lines)-1].index() < before {
			ch.Deletes = append(ch.Deletes, store.Record{Key: r.Key, Version: r.Version})
		}
	})
}

// readOpenings reads the openings of the entries of bundle n. There may be none.
func (s *tileStore) readOpenings(n int64) ([]Opening, error) {
	data, err := s.read(OpeningsPath(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := ParseOpenings(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", OpeningsPath(n), err)
	}
	return all, nil
}

package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/tenon-auth/tenon/store"
)

// mostInChange bounds how many leaves one Change of this package may have, and so how far before a tile the record can lie that
// holds openings of it.
const mostInChange = TileWidth

// putOpenings writes the openings of the entries in a bundle beside it. Those of a bundle that is not full are written again
// when it has grown.
func (p *Publisher) putOpenings(ctx context.Context, n int64, bundle []byte) error {
	all, err := p.openingsOf(ctx, n)
	if err != nil {
		return err
	}
	if len(p.erased) > 0 {
		if all, err = p.withoutErased(n, bundle, all); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	data, err := FormatOpenings(all)
	if err != nil {
		return err
	}
	return p.files.replace(OpeningsPath(n), data, 0o600)
}

// openingsOf reads from the store the openings of the entries of bundle n.
func (p *Publisher) openingsOf(ctx context.Context, n int64) ([]Opening, error) {
	begin, end := uint64(n)*TileWidth, uint64(n+1)*TileWidth
	after := ""
	if begin > mostInChange {
		after = store.LeafID(begin - mostInChange)
	}
	var all []Opening
	for {
		items, err := openings.Scan(ctx, p.store, "", after, leavesAtOnce)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			first, err := store.ParseLeafID(item.ID)
			if err != nil {
				return nil, err
			}
			if first >= end {
				return all, nil
			}
			for _, o := range item.Value {
				if o.Index += first; o.Index >= begin && o.Index < end {
					all = append(all, o)
				}
			}
			after = item.ID
		}
		if len(items) < leavesAtOnce {
			return all, nil
		}
	}
}

// withoutErased leaves out the openings of entries about keys and accounts that were erased.
func (p *Publisher) withoutErased(n int64, bundle []byte, all []Opening) ([]Opening, error) {
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
	return slices.DeleteFunc(all, func(o Opening) bool { return gone[o.Index] }), nil
}

// dropOpenings adds to a Change the removal of the openings of all entries before the given one. A record that reaches beyond it
// stays.
func (p *Publisher) dropOpenings(ctx context.Context, ch *store.Change, before uint64) error {
	items, err := openings.Scan(ctx, p.store, "", "", 2*TileWidth)
	if err != nil {
		return err
	}
	for _, item := range items {
		first, err := store.ParseLeafID(item.ID)
		if err != nil {
			return err
		}
		last := item.Value[len(item.Value)-1].Index
		if first+last >= before {
			break
		}
		openings.Delete(ch, item)
	}
	return nil
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

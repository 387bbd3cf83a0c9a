package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tenon-auth/tenon/store"
)

// loadLines reads the openings of the entries in the last bundle, which stay in the store until it is full.
func (p *Publisher) loadLines(ctx context.Context) error {
	width := p.tree.size % TileWidth
	if width == 0 {
		return nil
	}
	after := ""
	if begin := p.tree.size - width; begin > 0 {
		after = store.LeafID(uint64(begin - 1))
	}
	leaves, err := p.store.Scan(ctx, store.Key{Kind: store.Leaves}, after, int(width))
	if err != nil {
		return err
	}
	for _, leaf := range leaves {
		index, err := store.ParseLeafID(leaf.Key.ID)
		if err != nil {
			return err
		}
		p.tree.open(index, p.unerased(leaf))
	}
	return nil
}

// unerased gives what opens a leaf, unless that is about a key or an account that was erased.
func (p *Publisher) unerased(leaf store.Record) []byte {
	if len(p.erased) > 0 && (p.erased[digestIn(leaf.Body, `,"kc":"`)] || p.erased[digestIn(leaf.Body, `,"ac":"`)]) {
		return nil
	}
	return leaf.Aside
}

// digestIn gives the digest that follows the start of a member in the bytes of a leaf, or nothing. A text in a leaf cannot be
// taken for a member: its quotation marks are escaped.
func digestIn(leaf []byte, member string) string {
	if _, rest, ok := bytes.Cut(leaf, []byte(member)); ok {
		return string(rest[:min(len(rest), digestLength)])
	}
	return ""
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

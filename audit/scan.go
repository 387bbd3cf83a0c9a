package audit

import (
	"context"
	"errors"
	"slices"
	"strconv"
)

// A scanConfig says which log is gone through.
type scanConfig struct {
	source   Source
	policy   *Policy
	openings bool
	progress func(done, total int64)
}

// scanned is one entry on the way.
type scanned struct {
	index   int64
	entry   []byte
	leaf    *Leaf
	opening *Opening // nil when there is none
}

// scan goes through all entries of a log in order. What it returns without an error is proved: every entry took part in the root
// that the log signed, so an answer made from a scan is complete. What is wrong with the log is a *Finding, and then what visit
// was told counts for nothing.
func scan(ctx context.Context, c scanConfig, visit func(scanned) error) (*Head, error) {
	r, err := NewReader(ctx, c.source, c.policy)
	if err != nil {
		return nil, err
	}
	cfg := VerifyConfig{Source: c.source, Policy: c.policy, Openings: c.openings, Progress: c.progress}
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	var tree frontier
	err = readTiles(ctx, &cfg, r.Size(), func(t *tileRead) error {
		if err := t.sound(); err != nil {
			return err
		}
		for _, h := range t.hashes {
			tree.push(subtree{0, h}, nil)
		}
		for i := range t.leaves {
			e := scanned{index: t.first() + int64(i), entry: t.entries[i], leaf: &t.leaves[i]}
			if at, ok := slices.BinarySearchFunc(t.opened.all, e.index, func(o Opening, i int64) int { return int(int64(o.Index) - i) }); ok {
				e.opening = &t.opened.all[at]
			}
			if err := visit(e); err != nil {
				return err
			}
		}
		cfg.Progress(t.first()+int64(t.width), r.Size())
		return nil
	})
	if err != nil {
		return nil, err
	}
	if tree.root() != r.head.Checkpoint.Root {
		return nil, found(LeafMismatch, -1, "the entries do not hash to the root that the log signed: verify the log first")
	}
	return r.head, nil
}

// sound gives the first thing that is wrong with the entries of a tile. The hash tile is not looked at: the root decides.
func (t *tileRead) sound() error {
	if t.torn.bundle != nil {
		return t.torn.bundle
	}
	for i := range t.leaves {
		if err := t.malformed[i]; err != nil {
			return found(Malformed, t.first()+int64(i), "%v", err).at(TilePath(t.bundle))
		}
	}
	return nil
}

// errNoWitnessed means that no archived checkpoint has an entry and a quorum.
var errNoWitnessed = errors.New("audit: no archived checkpoint with a quorum has the entry")

// witnessed gives a reader of the same log at the newest archived checkpoint that has the entry and a quorum of witnesses.
func (r *Reader) witnessed(ctx context.Context, p *Policy, index int64) (*Reader, error) {
	lister, ok := r.source.(Lister)
	if !ok {
		return nil, errNoWitnessed
	}
	names, err := lister.List(ctx, archiveDir)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(names) {
		size, err := strconv.ParseInt(name, 10, 64)
		if err != nil || size > r.Size() {
			continue
		}
		if size <= index {
			break
		}
		signed, err := r.source.ReadFile(ctx, archiveDir+"/"+name)
		if err != nil {
			return nil, err
		}
		if h, err := p.Open(signed); err == nil && h.Quorum.Met && h.Checkpoint.Size == size {
			return &Reader{source: r.source, head: h}, nil
		}
	}
	return nil, errNoWitnessed
}

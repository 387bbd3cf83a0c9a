package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A ForkProof convicts a log of having rewritten its history, to anybody who has both signed checkpoints: the newer one contains
// a tree of the older one's size that has another root.
type ForkProof struct {
	OlderSize int64          `json:"olderSize"`
	NewerSize int64          `json:"newerSize"`
	Root      tlog.Hash      `json:"rootInNewer"` // of the first OlderSize entries, as the newer checkpoint has them
	Proof     tlog.TreeProof `json:"proof"`       // RFC 6962 §2.1.2
}

// Verify reports whether the proof convicts the log that signed the two checkpoints.
func (f *ForkProof) Verify(older, newer Checkpoint) error {
	switch {
	case older.Size != f.OlderSize || newer.Size != f.NewerSize:
		return errors.New("audit: the proof is about other checkpoints")
	case f.Root == older.Root:
		return errors.New("audit: the newer checkpoint extends the older one")
	}
	return tlog.CheckTree(f.Proof, newer.Size, newer.Root, older.Size, f.Root)
}

// conflictProof makes a ForkProof, in JSON.
func conflictProof(ctx context.Context, r *Reader, older Checkpoint) ([]byte, error) {
	proof, root, err := r.Consistency(ctx, older.Size)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(ForkProof{older.Size, r.Size(), root, proof}, "", "  ")
}

// A ConsistencyConfig names two signed checkpoints of one log.
type ConsistencyConfig struct {
	Policy *Policy // required
	A, B   []byte  // as signed; required
	// Source has the tiles of the larger one. It is not needed when both are of one size.
	Source Source
	// Evidence is a directory for the bytes that a finding stands on. "" keeps none.
	Evidence string
}

// Consistency says whether one checkpoint extends the other. It gives nil when it does, or else a finding: SPLIT_VIEW, FORK, or
// what is wrong with one of the two. An error means that it cannot be told.
func Consistency(ctx context.Context, c ConsistencyConfig) (*Finding, error) {
	if c.Policy == nil {
		return nil, errors.New("audit: ConsistencyConfig.Policy is required")
	}
	var heads []*Head
	for _, signed := range [][]byte{c.A, c.B} {
		h, err := c.Policy.Open(signed)
		if f, ok := errors.AsType[*Finding](err); ok {
			return f, evidenceDir(c.Evidence).save(f, exhibit{"checkpoint", signed})
		}
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	older, newer := heads[0], heads[1]
	if older.Checkpoint.Size > newer.Checkpoint.Size {
		older, newer = newer, older
	}
	f, proof, err := compareHeads(ctx, c.Source, older, newer)
	if f == nil || err != nil {
		return nil, err
	}
	exhibits := []exhibit{{"earlier-checkpoint", older.Signed}, {"checkpoint", newer.Signed}}
	if proof != nil {
		exhibits = append(exhibits, exhibit{"proof", proof})
	}
	return f, evidenceDir(c.Evidence).save(f, exhibits...)
}

// compareHeads decides, with the proof of a fork when there is one.
func compareHeads(ctx context.Context, source Source, older, newer *Head) (*Finding, []byte, error) {
	a, b := older.Checkpoint, newer.Checkpoint
	switch {
	case a.Size == b.Size && a.Root == b.Root, a.Size == 0:
		return nil, nil, nil
	case a.Size == b.Size:
		return found(SplitView, -1, "two signed checkpoints of size %d have the roots %s and %s", a.Size, a.Root, b.Root), nil, nil
	case source == nil:
		return nil, nil, fmt.Errorf("audit: to compare sizes %d and %d the tiles of the log are needed", a.Size, b.Size)
	}
	r := &Reader{source: source, head: newer}
	_, root, err := r.Consistency(ctx, a.Size)
	if err != nil || root == a.Root {
		return nil, nil, err
	}
	proof, err := conflictProof(ctx, r, a)
	f := found(Fork, -1, "the first %d entries of the checkpoint of size %d hash to another root than the checkpoint of size %d says", a.Size, b.Size, a.Size)
	return f, proof, err
}

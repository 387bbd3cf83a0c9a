package audit

import (
	"context"
	"errors"
	"io/fs"
)

// An openedTile is what the openings of a bundle came to.
type openedTile struct {
	all      []Opening
	findings map[int][]*Finding
	details  int64 // detail records that are those that the entries commit to
	proofs   int64 // kept proofs that were verified
	erased   []int64
}

// open holds the openings of a bundle against its entries. A salt is only of use to who has the value, so what is checked here
// are detail records and kept proofs.
func (t *tileRead) open(ctx context.Context, c *VerifyConfig) error {
	all, err := readOpenings(ctx, c.Source, t.number)
	if errors.Is(err, ErrMalformed) {
		t.addOpening(0, found(Malformed, t.first(), "%s: %v", OpeningsPath(t.number), err))
		return nil
	}
	if err != nil {
		return err
	}
	t.opened.all = all
	byIndex := make(map[int64]*Opening, len(all))
	for i := range all {
		byIndex[int64(all[i].Index)] = &all[i]
	}
	for i := range t.leaves {
		if t.malformed[i] == nil && i < len(t.stored) && t.stored[i] == t.hashes[i] {
			t.openEntry(i, byIndex[t.first()+int64(i)], c)
		}
	}
	return nil
}

// readOpenings reads the openings of a bundle. There may be none: nothing to open, or all erased.
func readOpenings(ctx context.Context, source Source, bundle int64) ([]Opening, error) {
	data, err := source.ReadFile(ctx, OpeningsPath(bundle))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseOpenings(data)
}

func (t *tileRead) addOpening(i int, f *Finding) {
	if t.opened.findings == nil {
		t.opened.findings = map[int][]*Finding{}
	}
	t.opened.findings[i] = append(t.opened.findings[i], f)
}

// openEntry looks at the opening of one entry; o is nil when there is none.
func (t *tileRead) openEntry(i int, o *Opening, c *VerifyConfig) {
	l, index := &t.leaves[i], t.first()+int64(i)
	if o == nil {
		o = &Opening{}
	}
	if missing(l, o) {
		t.opened.erased = append(t.opened.erased, index)
	}
	if l.Evidence.Detail != "" && o.Nonce != "" {
		if f := checkDetail(index, l, o); f != nil {
			t.addOpening(i, f)
		} else {
			t.opened.details++
		}
	}
	if l.Evidence.Proof == "" || o.Proof == "" || c.Proofs.Check == nil {
		return
	}
	if f := c.Proofs.judge(index, l, o); f != nil {
		t.addOpening(i, f)
		return
	}
	t.opened.proofs++
}

// missing reports whether the leaf commits to something that the opening does not open.
func missing(l *Leaf, o *Opening) bool {
	salted := l.Binding.Method == ByJKT || l.Binding.Method == ByX5T || l.Binding.Method == ByBoth
	return salted && o.KeySalt == "" || l.Token.ID != "" && o.TokenSalt == "" || l.Token.Account != "" && o.AccountSalt == "" ||
		l.Evidence.Detail != "" && o.Nonce == "" || l.Evidence.Proof != "" && o.Proof == ""
}

// checkDetail holds a detail record against its commitment.
func checkDetail(index int64, l *Leaf, o *Opening) *Finding {
	nonce, err := ParseSalt(o.Nonce)
	if err != nil {
		return found(Malformed, index, "the nonce of its detail record: %v", err)
	}
	if DetailCommitment(nonce, o.Detail) != l.Evidence.Detail {
		return found(Malformed, index, "its detail record is not the one that the entry commits to")
	}
	return nil
}

// finishOpenings says what was opened and what is gone.
func (v *verification) finishOpenings(context.Context) error {
	counts := &v.r.Counts
	switch {
	case !v.c.Openings:
		v.r.unchecked("openings: detail records and kept proofs were not looked at")
		return nil
	case v.c.Proofs.Check == nil:
		v.r.unchecked("kept proofs: nothing to verify them with was given")
	case len(v.c.Proofs.URLs) == 0 && counts.Proofs > 0:
		v.r.unchecked("the addresses that kept proofs were made for: the token endpoint was not given")
	}
	if counts.Erased > 0 {
		f := found(Redacted, v.story.firstErased, "%d entries have lost salts, details or proofs: they stand, and what they were about cannot be told", counts.Erased)
		return v.report(f)
	}
	return nil
}

// countOpened adds up what a tile's openings came to.
func (v *verification) countOpened(t *tileRead) {
	counts := &v.r.Counts
	counts.Opened += t.opened.details
	counts.Proofs += t.opened.proofs
	if len(t.opened.erased) > 0 && counts.Erased == 0 {
		v.story.firstErased = t.opened.erased[0]
	}
	counts.Erased += int64(len(t.opened.erased))
}

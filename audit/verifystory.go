package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A storyCheck looks at the entries one after the other: what they say must fit together.
type storyCheck struct {
	times  chronology
	proofs proofMemory
	keys   []announcedKey
	newest int64 // the time of the last entry in ms

	firstErased int64
}

// An announcedKey is a key of the log that an entry names.
type announcedKey struct {
	index    int64
	verifier note.Verifier
}

func newStoryCheck(c *VerifyConfig) *storyCheck {
	return &storyCheck{times: chronology{limit: (c.Heartbeat + c.Heartbeat/2).Milliseconds(), now: c.Now().UnixMilli()}}
}

// entries looks at the leaves of a tile. Those whose bytes are not the log's are left out: they say nothing.
func (v *verification) entries(ctx context.Context, t *tileRead, hashes []tlog.Hash) error {
	for i := range t.width {
		index := t.first() + int64(i)
		if err := v.reach(ctx, index, t, hashes); err != nil {
			return err
		}
		if i >= len(t.hashes) || hashes == nil || t.hashes[i] != hashes[i] {
			v.story.times.lost = true
			continue
		}
		if err := v.entry(index, t, i); err != nil {
			return err
		}
	}
	return v.reach(ctx, t.first()+int64(t.width), t, hashes)
}

// entry looks at one leaf.
func (v *verification) entry(index int64, t *tileRead, i int) error {
	if err := t.malformed[i]; err != nil {
		v.story.times.lost = true
		f := found(Malformed, index, "%v", err).at(TilePath(t.bundle))
		return v.report(f, t.exhibits(f)...)
	}
	l := &t.leaves[i]
	v.r.Counts.Parsed++
	v.r.Counts.ByType[string(l.Type)]++
	if l.Type == RefusalSummary || l.Type == UseSummary {
		v.r.Counts.Summarized += l.Span.Count
	}
	v.story.newest = l.Time
	if v.r.Times.First == nil {
		v.r.Times.First = new(utc(l.Time))
	}
	for _, f := range v.judgeLeaf(index, l) {
		f.Path = TilePath(t.bundle)
		if err := v.report(f, t.exhibits(f)...); err != nil {
			return err
		}
	}
	for _, f := range t.opened.findings[i] {
		if err := v.report(f.at(TilePath(t.bundle)), t.exhibits(f)...); err != nil {
			return err
		}
	}
	return nil
}

// judgeLeaf is the column of what is asked of one entry.
func (v *verification) judgeLeaf(index int64, l *Leaf) (all []*Finding) {
	add := func(f *Finding) {
		if f != nil {
			all = append(all, f)
		}
	}
	s := v.story
	if l.Evidence.About != nil && *l.Evidence.About >= uint64(index) {
		add(found(Malformed, index, "it is about entry %d, which is not earlier", *l.Evidence.About))
	}
	if l.Type == LogOpened && l.Token.Audience != v.head.Checkpoint.Origin {
		add(found(OriginMismatch, index, "it opens the log %q", l.Token.Audience))
	}
	if l.Type == LogKey {
		key, err := note.NewVerifier(l.Token.KeyID)
		if err != nil || key.Name() != v.head.Checkpoint.Origin {
			add(found(Malformed, index, "it announces %q, which is no key of this log", l.Token.KeyID))
		} else {
			s.keys = append(s.keys, announcedKey{index, key})
		}
	}
	add(v.past.judge(index, l))
	gap, down := s.times.judge(index, l)
	add(gap)
	if down != "" && len(v.r.Notes) < maxListed {
		v.r.notef("%s", down)
	}
	add(s.proofs.judge(index, l))
	return all
}

// A proofMemory finds one proof that was accepted for two entries. It remembers the digests of some time only: a proof that is
// older than that cannot be accepted, whatever is remembered, and PROOF_INVALID says so where kept proofs are verified.
type proofMemory struct {
	seen  map[string]int64 // digest -> entry
	queue []proofSighting  // in the order of entries
}

type proofSighting struct {
	digest string
	time   int64
}

// proofMemoryFor is longer than any server may accept a proof.
const proofMemoryFor = 15 * time.Minute

func (m *proofMemory) judge(index int64, l *Leaf) *Finding {
	if l.Evidence.Proof == "" || !spendsProof(l) {
		return nil
	}
	if m.seen == nil {
		m.seen = map[string]int64{}
	}
	for len(m.queue) > 0 && l.Time-m.queue[0].time > proofMemoryFor.Milliseconds() {
		delete(m.seen, m.queue[0].digest)
		m.queue = m.queue[1:]
	}
	if first, ok := m.seen[l.Evidence.Proof]; ok {
		return reused(first, index)
	}
	m.seen[l.Evidence.Proof] = index
	m.queue = append(m.queue, proofSighting{l.Evidence.Proof, l.Time})
	return nil
}

func reused(first, second int64) *Finding {
	f := found(ProofReused, second, "the proof that entry %d was made with was accepted again", first)
	f.Also = []int64{first}
	return f
}

// spendsProof reports whether the entry says that a proof was accepted.
func spendsProof(l *Leaf) bool {
	if l.Outcome != OK {
		return false
	}
	switch l.Type {
	case TokenIssued, TokenRefreshed, TokenExchanged, KeyRebound, TokenUsed:
		return true
	}
	return false
}

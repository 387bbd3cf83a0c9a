package audit

import (
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A Level says how much a receipt must show.
type Level int

const (
	// L1 is a receipt to a checkpoint that the log signed: good as long as the log does not show two histories.
	L1 Level = iota + 1
	// L2 is a receipt to a checkpoint that a quorum of witnesses cosigned: good as long as that quorum is honest.
	L2
)

// Proven is an entry that a receipt has shown to be in the log.
type Proven struct {
	Index int64
	Leaf  Leaf
	Level Level // what was reached, which may be more than was asked for
	Head  *Head
	At    time.Time // when a quorum had seen it; zero without witnesses
}

// VerifyReceipt checks, without a network, that a receipt shows an entry to be in the log that the policy is for. The level is
// what is demanded at least; the zero value is refused. The error is a *Finding: MALFORMED, ORIGIN_MISMATCH, UNTRUSTED_KEY,
// QUORUM_NOT_MET, MISSING_INDEX or LEAF_MISMATCH.
func VerifyReceipt(p *Policy, entry, receipt []byte, want Level) (*Proven, error) {
	if want != L1 && want != L2 {
		return nil, errors.New("audit: say which level a receipt must reach: L1 or L2")
	}
	r, err := ParseReceipt(receipt)
	if err != nil {
		return nil, found(Malformed, -1, "%v", err)
	}
	leaf, err := ParseLeaf(entry)
	if err != nil {
		return nil, found(Malformed, r.Index, "%v", err)
	}
	head, err := p.Open(r.Checkpoint)
	if err != nil {
		return nil, err
	}
	c := head.Checkpoint
	if r.Index >= c.Size {
		return nil, found(MissingIndex, r.Index, "the checkpoint of the receipt has %d entries", c.Size)
	}
	if err := tlog.CheckRecord(r.Proof, c.Size, c.Root, r.Index, leafHash(entry)); err != nil { // RFC 6962 §2.1.1
		return nil, found(LeafMismatch, r.Index, "the receipt does not lead from the entry to the root that was signed")
	}
	proven := &Proven{Index: r.Index, Leaf: leaf, Level: L1, Head: head}
	if p.quorum != nil && head.Quorum.Met {
		proven.Level = L2
		proven.At, _ = p.notAfter(head.seen)
	}
	if proven.Level < want {
		return nil, found(QuorumNotMet, r.Index, "%d of %d witnesses (%s); needed %d", len(head.Quorum.Satisfied), head.Quorum.Known, orNone(head.Quorum.Satisfied), head.Quorum.Needed)
	}
	return proven, nil
}

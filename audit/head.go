package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A Head is a signed checkpoint and what its signatures are worth under a policy. [Policy.Open] makes one.
type Head struct {
	Checkpoint Checkpoint
	Signed     []byte // the note as it was read
	Quorum     Quorum
	Forged     []string // witnesses of the policy whose signature is wrong

	text    string
	byLog   bool             // the policy's own log key signed
	seen    []sighting       // valid cosignatures
	unknown []note.Signature // by keys that the policy does not know
}

// Open reads a signed checkpoint. The error is a *Finding: MALFORMED, ORIGIN_MISMATCH or UNTRUSTED_KEY. Whether the witnesses are
// enough is told by Head.Quorum, and is no error here.
func (p *Policy) Open(signed []byte) (*Head, error) {
	h, err := p.read(signed)
	if err != nil {
		return nil, err
	}
	if !h.byLog {
		return nil, h.untrusted(p)
	}
	return h, nil
}

// read is Open without the question whether the log signed. A wrong signature does not count and does not spoil the others.
func (p *Policy) read(signed []byte) (*Head, error) {
	c, n, err := openUnverified(signed)
	if err != nil {
		return nil, found(Malformed, -1, "%v", err)
	}
	if c.Origin != p.Origin() { // C2SP tlog-checkpoint: the origin names the log
		return nil, found(OriginMismatch, -1, "the checkpoint is of %q, the policy is for %q", c.Origin, p.Origin())
	}
	h := &Head{Checkpoint: c, Signed: signed, text: n.Text}
	for _, sig := range n.UnverifiedSigs {
		h.count(p, sig)
	}
	var names []string
	for _, s := range h.seen {
		names = append(names, s.witness)
	}
	h.Forged = slices.DeleteFunc(h.Forged, func(name string) bool { return slices.Contains(names, name) })
	h.Quorum = p.judge(names)
	return h, nil
}

// openUnverified parses a note. All its signatures are unverified afterwards.
func openUnverified(signed []byte) (Checkpoint, *note.Note, error) {
	_, _, err := OpenSigned(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Checkpoint{}, nil, err
	}
	c, err := ParseCheckpoint(unverified.Note.Text)
	return c, unverified.Note, err
}

// count puts a signature where it belongs.
func (h *Head) count(p *Policy, sig note.Signature) {
	v, err := p.Verifier(sig.Name, sig.Hash)
	if err != nil {
		h.unknown = append(h.unknown, sig)
		return
	}
	good := h.verifies(v, sig)
	w, isWitness := p.witness(sig.Name, sig.Hash)
	switch {
	case !isWitness:
		h.byLog = h.byLog || good
	case !good:
		h.Forged = append(h.Forged, w.Name)
	default:
		if at, err := CosignatureTime(sig); err == nil {
			h.seen = append(h.seen, sighting{w.Name, at})
		}
	}
}

func (h *Head) verifies(v note.Verifier, sig note.Signature) bool {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	return err == nil && len(raw) > 4 && v.Verify([]byte(h.text), raw[4:])
}

// signedBy reports whether a key that the policy does not know signed.
func (h *Head) signedBy(v note.Verifier) bool {
	return slices.ContainsFunc(h.unknown, func(sig note.Signature) bool {
		return named(v, sig.Name, sig.Hash) && h.verifies(v, sig)
	})
}

// untrusted is what there is to say when no trusted key of the log signed.
func (h *Head) untrusted(p *Policy) *Finding {
	var keys []string
	for _, sig := range h.unknown {
		keys = append(keys, fmt.Sprintf("%s+%08x", sig.Name, sig.Hash))
	}
	log := fmt.Sprintf("%s+%08x", p.log.Name(), p.log.KeyHash())
	return found(UntrustedKey, -1, "no valid signature of the log's key %s; unknown keys that signed: %s", log, orNone(keys))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

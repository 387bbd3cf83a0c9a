package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// LocalBehindWitness is found when somebody has seen more of the log than there is: an older copy was restored, or another
// process writes the same log.
const LocalBehindWitness = "LOCAL_BEHIND_WITNESS"

// ErrUnwitnessed means that too few witnesses answered to tell whether the log here is the newest.
var ErrUnwitnessed = errors.New("audit: no witness says how long the log was")

// A Guard keeps a log from being continued when what is here is not the newest of it. Check is meant for PublisherConfig.Guard.
type Guard struct {
	// Witnesses are asked what they cosigned last. Nil asks nobody.
	Witnesses *Witnesses
	// Archive is looked at too: it may be newer than the rest of the directory. Nil looks at none.
	Archive *Archive
	// Signer signs the question. Required with Witnesses.
	Signer *LogSigner
	// Answers is how many witnesses must answer. Zero means one. When the policy gives none a URL, nobody is asked.
	Answers int
}

// Check gives an error when the log must not be written: a *Finding (LOCAL_BEHIND_WITNESS or SPLIT_VIEW) when anybody has
// seen another log than the one that ends in newest, ErrUnwitnessed when too few can be asked.
func (g *Guard) Check(ctx context.Context, newest Checkpoint) error {
	if g.Archive != nil {
		if err := g.Archive.check(newest); err != nil {
			return err
		}
	}
	if g.Witnesses == nil || len(g.Witnesses.asked) == 0 {
		return nil
	}
	if g.Signer == nil {
		return errors.New("audit: Guard.Signer is required")
	}
	if newest.Size == 0 {
		newest = emptyCheckpoint(g.Signer.Name())
	}
	signed, err := note.Sign(&note.Note{Text: newest.Format()}, g.Signer)
	if err != nil {
		return err
	}
	return g.ask(ctx, newest, signed)
}

// emptyCheckpoint is that of a log without entries (RFC 6962 §2.1).
func emptyCheckpoint(origin string) Checkpoint {
	return Checkpoint{Origin: origin, Root: sha256.Sum256(nil)}
}

// ask offers each witness the newest checkpoint as an extension of itself. One that is there already cosigns it again; any other
// refuses, and tells where it is.
func (g *Guard) ask(ctx context.Context, newest Checkpoint, signed []byte) error {
	w := g.Witnesses
	w.mu.Lock()
	defer w.mu.Unlock()
	question := AddCheckpoint{Old: newest.Size, Signed: signed}
	answered := 0
	var findings, silent []error
	for _, a := range w.round(ctx, func(ctx context.Context, c *correspondent) (note.Signature, error) {
		return w.send(ctx, c, question, newest)
	}) {
		finding, ok := errors.AsType[*Finding](a.err)
		switch {
		case ok:
			findings = append(findings, finding)
		case a.err == nil, errors.Is(a.err, errOtherSize): // it is behind: the log went on while it was away
			answered++
		default:
			silent = append(silent, fmt.Errorf("witness %s: %w", a.witness, a.err))
		}
	}
	if len(findings) > 0 {
		return errors.Join(findings...)
	}
	if answered < max(g.Answers, 1) {
		return fmt.Errorf("%w: %w", ErrUnwitnessed, errors.Join(silent...))
	}
	return nil
}

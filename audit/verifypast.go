package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A pastCheck holds the log against everything that is known of it from earlier: the archive of cosigned checkpoints and what
// the auditor kept.
type pastCheck struct {
	c         *VerifyConfig
	r         *Report
	head      *Head
	priors    *priors
	following *prior // the next one that is not reached yet; nil at the end
	window    window
	witnessed *prior // the newest one with a quorum that the log extends
	agreed    int64  // the largest size at which the tree was found to be what it was
	differs   *prior // the first one that the log does not extend
	others    int    // more of that sort
	rootless  bool   // the entries do not give the root of the checkpoint: nothing can be said about histories
}

// begin says what cannot be checked and looks at the first prior.
func (p *pastCheck) begin(ctx context.Context, c *VerifyConfig, r *Report) error {
	p.c, p.r = c, r
	if !p.priors.listed {
		r.unchecked("the archive of cosigned checkpoints: this source cannot list it")
	}
	if c.Policy.quorum != nil && len(p.priors.sizes)+len(p.priors.kept) == 0 {
		r.unchecked("the times of entries against witnesses: there are no earlier cosigned checkpoints at hand")
	}
	return p.advance(ctx)
}

// advance looks at the next prior, which bounds the times of the entries before it. After the last one the checkpoint itself does.
func (p *pastCheck) advance(ctx context.Context) (err error) {
	if p.following, err = p.priors.next(ctx); err != nil {
		return err
	}
	p.window.hasTo = false
	upper := p.following
	if upper == nil || upper.Checkpoint.Size > p.head.Checkpoint.Size {
		upper = &prior{Head: p.head, path: checkpointPath}
	}
	p.window.before(p.c.Policy, upper)
	return nil
}

// reach is called before the entry with each index is looked at. It compares the roots of the priors of that size.
func (v *verification) reach(ctx context.Context, index int64, t *tileRead, hashes []tlog.Hash) error {
	p := v.past
	for p.following != nil && p.following.Checkpoint.Size == index {
		if index < p.head.Checkpoint.Size {
			v.comparePrior(index-t.first(), hashes)
			p.window.after(p.c.Policy, p.following)
		} else if err := v.atSize(); err != nil {
			return err
		}
		if err := p.advance(ctx); err != nil {
			return err
		}
	}
	return nil
}

// comparePrior holds a shorter prior against the tree and so many hashes of the tile at hand. Nothing can be said when they are lost.
func (v *verification) comparePrior(within int64, hashes []tlog.Hash) {
	p := v.past
	if v.tree.broken || within > int64(len(hashes)) {
		return
	}
	p.r.Counts.Archived++
	if v.tree.tree.rootWith(hashes[:within]) == p.following.Checkpoint.Root {
		p.agreed = p.following.Checkpoint.Size
		v.agrees()
		return
	}
	if p.differs == nil {
		p.differs = p.following
	} else {
		p.others++
	}
}

// agrees takes from a prior that the log extends whose quorum it has, and which of the log's keys it vouches for: an entry that
// announces a key counts once a checkpoint with that entry in it is signed with a key that counted before.
func (v *verification) agrees() {
	p := v.past
	if p.following.Quorum.Met && len(p.following.seen) > 0 {
		p.witnessed = p.following
	}
	if !p.priors.bySignature(p.following.Head) {
		return
	}
	for len(v.story.keys) > 0 && v.story.keys[0].index < p.following.Checkpoint.Size {
		p.priors.trusted = append(p.priors.trusted, v.story.keys[0].verifier)
		v.story.keys = v.story.keys[1:]
	}
}

// atSize compares a prior of the checkpoint's own size.
func (v *verification) atSize() error {
	p := v.past
	p.r.Counts.Archived++
	if p.following.Checkpoint.Root == p.head.Checkpoint.Root {
		v.agrees()
		return nil
	}
	f := found(SplitView, -1, "two signed checkpoints of size %d have the roots %s and %s", p.head.Checkpoint.Size, p.following.Checkpoint.Root, p.head.Checkpoint.Root)
	return v.report(f.at(p.following.path), exhibit{"other-checkpoint", p.following.Signed})
}

// judge holds an entry's time against what the witnesses saw.
func (p *pastCheck) judge(index int64, l *Leaf) *Finding {
	w := &p.window
	if w.hasFrom || w.hasTo {
		p.r.Counts.InWindow++
	}
	at := utc(l.Time)
	if w.hasFrom && at.Before(w.from.Add(-witnessTolerance)) || w.hasTo && at.After(w.to.Add(orderTolerance)) {
		return found(TimeOutOfBounds, index, "it is dated %s, and by the witnesses it was logged %s", stamp(l.Time), w)
	}
	return nil
}

// finishPast names what of the past the log does not extend.
func (v *verification) finishPast(ctx context.Context) error {
	p := v.past
	var longest *prior
	longer := 0
	for p.following != nil {
		if p.following.Checkpoint.Size == v.head.Checkpoint.Size { // both are empty, or it would have been reached
			if err := v.atSize(); err != nil {
				return err
			}
		} else {
			longest = p.following
			longer++
		}
		if err := p.advance(ctx); err != nil {
			return err
		}
	}
	if err := v.reportAll(p.priors.bad); err != nil {
		return err
	}
	if p.priors.skipped > 0 {
		v.r.notef("%d earlier checkpoints are signed by nobody whom the policy knows and were left out", p.priors.skipped)
	}
	if longest != nil {
		p.r.Counts.Archived += int64(longer)
		f := found(Rollback, v.head.Checkpoint.Size, "the log has %d entries; it had %d when it signed an earlier checkpoint%s", v.head.Checkpoint.Size, longest.Checkpoint.Size, seenWhen(longest))
		if err := v.report(f.at(longest.path), exhibit{"earlier-checkpoint", longest.Signed}); err != nil {
			return err
		}
	}
	if p.differs == nil || p.rootless {
		return nil
	}
	return v.fork(ctx)
}

func seenWhen(c *prior) string {
	var by []string
	for _, s := range c.seen {
		by = append(by, fmt.Sprintf("%s at %s", s.witness, s.at.Format(time.RFC3339)))
	}
	if len(by) == 0 {
		return ""
	}
	return ", seen by " + strings.Join(by, ", ")
}

// fork reports a history that was rewritten, with what convicts it: both notes, and the proof that the newer one does not
// contain the older.
func (v *verification) fork(ctx context.Context) error {
	p := v.past
	old := p.differs.Checkpoint
	f := found(Fork, p.agreed, "the first %d entries hash to another root than when the log signed a checkpoint of that size%s; the first %d are as they were", old.Size, seenWhen(p.differs), p.agreed)
	if p.others > 0 {
		f.Detail += fmt.Sprintf("; %d later checkpoints differ too", p.others)
	}
	conflict, err := conflictProof(ctx, &Reader{source: v.c.Source, head: v.head}, old)
	if err != nil {
		return err
	}
	return v.report(f.at(p.differs.path), exhibit{"earlier-checkpoint", p.differs.Signed}, exhibit{"proof", conflict})
}

// finishKey accepts a key that the policy does not have when the log announced it in good time.
func (v *verification) finishKey(context.Context) error {
	if v.head.byLog {
		return nil
	}
	for _, key := range v.past.priors.trusted {
		if v.head.signedBy(key) {
			v.r.notef("the checkpoint is signed with the key %s+%08x, which the log announced under a key that the policy knows: put it into the policy", key.Name(), key.KeyHash())
			return nil
		}
	}
	return v.report(v.head.untrusted(v.c.Policy).at(checkpointPath))
}

// finishWitnesses judges quorum and age.
func (v *verification) finishWitnesses(context.Context) error {
	w := &v.r.Witnesses
	w.Quorum = v.head.Quorum
	if v.r.Times.First != nil {
		v.r.Times.Last = new(utc(v.story.newest))
	}
	newest := v.r.Times.Last
	switch at, ok := v.c.Policy.notBefore(v.head.seen); {
	case v.c.Policy.quorum == nil:
		v.r.unchecked("whether everybody is shown the same log, and when entries were written: the policy asks for no witnesses")
	case ok:
		w.Size, w.At, newest = v.head.Checkpoint.Size, &at, &at
	case v.past.witnessed != nil && len(v.head.Forged) == 0:
		seen, _ := v.c.Policy.notBefore(v.past.witnessed.seen)
		w.Quorum, w.Size, w.At = v.past.witnessed.Quorum, v.past.witnessed.Checkpoint.Size, &seen
		if newest != nil && newest.Sub(seen) <= unwitnessedTail {
			v.r.notef("the newest %d entries are signed by the log and not yet by a quorum of witnesses", v.head.Checkpoint.Size-w.Size)
			newest = &seen
			break
		}
		fallthrough
	default:
		f := found(QuorumNotMet, -1, "%d of %d witnesses (%s); needed %d", len(v.head.Quorum.Satisfied), w.Known, orNone(v.head.Quorum.Satisfied), w.Needed)
		if len(v.head.Forged) > 0 {
			f.Detail += "; the signature of " + strings.Join(v.head.Forged, ", ") + " is wrong"
		}
		if err := v.report(f.at(checkpointPath)); err != nil {
			return err
		}
	}
	return v.judgeAge(newest)
}

func (v *verification) judgeAge(newest *time.Time) error {
	if newest == nil {
		v.r.unchecked("the age of the checkpoint: nothing in the log has a time")
		return nil
	}
	age := v.c.Now().Sub(*newest)
	v.r.Times.Age = &age
	if v.c.MaxAge == 0 {
		v.r.unchecked("whether this is the newest checkpoint: no greatest age was given")
		return nil
	}
	if age <= v.c.MaxAge {
		return nil
	}
	return v.report(found(Stale, -1, "the newest checkpoint is of %s, %s ago; at most %s are accepted", newest.Format(time.RFC3339), age.Round(time.Second), v.c.MaxAge).at(checkpointPath))
}

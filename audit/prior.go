package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// archiveDir is where the log keeps the checkpoints that witnesses cosigned, each under its size in 20 digits.
const archiveDir = "archive"

// ArchivePath is where the cosigned checkpoint of a size is kept.
func ArchivePath(size int64) string { return fmt.Sprintf("%s/%020d", archiveDir, size) }

// A prior is an earlier checkpoint: one from the log's archive, or one that the auditor kept.
type prior struct {
	*Head
	path string // in the log, or "" for the auditor's own
}

// priors goes through the earlier checkpoints of a log in the order of their sizes.
type priors struct {
	source  Source
	policy  *Policy
	trusted []note.Verifier // keys of the log that an entry announced
	kept    []*prior        // the auditor's own, by size
	listed  bool            // whether the archive could be listed
	sizes   []int64         // of those in the archive
	bad     []*Finding
	skipped int
}

// openPriors lists what there is.
func openPriors(ctx context.Context, c *VerifyConfig) (*priors, error) {
	p := &priors{source: c.Source, policy: c.Policy}
	for i, signed := range c.Known {
		h, err := c.Policy.read(signed)
		if err != nil {
			return nil, fmt.Errorf("audit: known checkpoint %d: %w", i+1, err)
		}
		p.kept = append(p.kept, &prior{Head: h})
	}
	slices.SortStableFunc(p.kept, func(a, b *prior) int { return int(a.Checkpoint.Size - b.Checkpoint.Size) })
	lister, ok := c.Source.(Lister)
	if !ok {
		return p, nil
	}
	p.listed = true
	names, err := lister.List(ctx, archiveDir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		size, err := strconv.ParseInt(name, 10, 64)
		if err != nil || ArchivePath(size) != archiveDir+"/"+name {
			p.bad = append(p.bad, found(Malformed, -1, "the name is not the size of a checkpoint").at(archiveDir+"/"+name))
			continue
		}
		p.sizes = append(p.sizes, size)
	}
	return p, nil
}

// next gives the next earlier checkpoint, or nil at the end. What cannot be read is a finding; what nobody vouches for is
// counted and left out.
func (p *priors) next(ctx context.Context) (*prior, error) {
	for {
		if len(p.kept) > 0 && (len(p.sizes) == 0 || p.kept[0].Checkpoint.Size <= p.sizes[0]) {
			first := p.kept[0]
			p.kept = p.kept[1:]
			if p.vouched(first.Head) {
				return first, nil
			}
			p.skipped++
			continue
		}
		if len(p.sizes) == 0 {
			return nil, nil
		}
		size := p.sizes[0]
		p.sizes = p.sizes[1:]
		first, err := p.read(ctx, size)
		if first != nil || err != nil {
			return first, err
		}
	}
}

func (p *priors) read(ctx context.Context, size int64) (*prior, error) {
	path := ArchivePath(size)
	signed, err := p.source.ReadFile(ctx, path)
	if err != nil {
		return nil, err
	}
	h, err := p.policy.read(signed)
	if f, ok := errors.AsType[*Finding](err); ok {
		p.bad = append(p.bad, f.at(path))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if h.Checkpoint.Size != size {
		p.bad = append(p.bad, found(Malformed, -1, "it is of size %d", h.Checkpoint.Size).at(path))
		return nil, nil
	}
	if !p.vouched(h) {
		p.skipped++
		return nil, nil
	}
	return &prior{Head: h, path: path}, nil
}

// vouched reports whether the log or enough witnesses signed, so that the checkpoint says something.
func (p *priors) vouched(h *Head) bool { return p.bySignature(h) || len(h.seen) > 0 && h.Quorum.Met }

// bySignature reports whether the log signed, with the policy's key or with one that an entry announced.
func (p *priors) bySignature(h *Head) bool {
	return h.byLog || slices.ContainsFunc(p.trusted, h.signedBy)
}

// A window is when an entry can have been logged, by what the witnesses saw.
type window struct {
	from, to         time.Time
	hasFrom, hasTo   bool
	fromSize, toSize int64 // of the checkpoints that say so
}

// after narrows the window: what comes now was not yet in the checkpoint.
func (w *window) after(p *Policy, c *prior) {
	if at, ok := p.notBefore(c.seen); ok && (!w.hasFrom || at.After(w.from)) {
		w.from, w.hasFrom, w.fromSize = at, true, c.Checkpoint.Size
	}
}

// before says that what comes now was in the checkpoint.
func (w *window) before(p *Policy, c *prior) {
	if at, ok := p.notAfter(c.seen); ok {
		w.to, w.hasTo, w.toSize = at, true, c.Checkpoint.Size
	}
}

// String tells the window to a person.
func (w *window) String() string {
	from, to := "its beginning", "now"
	if w.hasFrom {
		from = fmt.Sprintf("%s (size %d)", w.from.UTC().Format(time.RFC3339), w.fromSize)
	}
	if w.hasTo {
		to = fmt.Sprintf("%s (size %d)", w.to.UTC().Format(time.RFC3339), w.toSize)
	}
	return "from " + from + " to " + to
}

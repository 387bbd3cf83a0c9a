package audit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// VerifyConfig says which log is verified, against what, and how far.
type VerifyConfig struct {
	// Source is the log. Required. One that is a Lister too lets the archive of cosigned checkpoints be used.
	Source Source
	// Policy says whose signatures count. Required; it must not come from the log.
	Policy *Policy
	// Known are checkpoints that the auditor kept from earlier: the log must still be an extension of each of them.
	Known [][]byte
	// Openings lets commitments be opened and kept proofs be verified where the source has the openings.
	Openings bool
	// Proofs says how kept DPoP proofs are judged. The zero value leaves them unverified, and the report says so.
	Proofs ProofRules
	// MaxAge is how old the newest checkpoint may be. 0 shows the age and does not judge it, as suits a copy of a log.
	MaxAge time.Duration
	// Heartbeat is how often the log writes when nothing happens. 0 means one minute.
	Heartbeat time.Duration
	// Evidence is a directory for the bytes that findings stand on. "" keeps none.
	Evidence string
	// Now is the auditor's clock. Nil means time.Now.
	Now func() time.Time
	// Progress, which may be nil, is told how many entries are done. It is called often, from one goroutine.
	Progress func(done, total int64)
}

// The tolerances of times. None of them is a matter of taste: an entry is dated when it is made and may wait for a commit; a
// witness signs what was signed up to ten seconds before.
const (
	orderTolerance   = 2 * time.Second
	witnessTolerance = 10*time.Second + orderTolerance
	unwitnessedTail  = time.Minute // how long the newest entries may be without a quorum
	defaultHeartbeat = time.Minute
)

// Verify reads a whole log and reports everything that is wrong with it: signatures, quorum, every tile from the leaves up, the
// root, the form of every entry, gaps, the order of times and their place between the witnesses' sightings, and that it extends
// every earlier checkpoint at hand. It needs little memory, whatever the size of the log. An error means that the verification
// could not be completed; what is wrong with the log is never an error.
func Verify(ctx context.Context, c VerifyConfig) (*Report, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	r := &Report{Origin: c.Policy.Origin(), Findings: []Finding{}, Notes: []string{}, Counts: Counts{ByType: map[string]int64{}}}
	r.NotChecked = []string{limitComplete, limitTruth}
	earlier, err := openPriors(ctx, &c) // first: a log that is being written archives larger checkpoints at any moment
	if err != nil {
		return nil, err
	}
	signed, err := c.Source.ReadFile(ctx, checkpointPath)
	if err != nil {
		return nil, fmt.Errorf("audit: the log's checkpoint: %w", err)
	}
	head, err := c.Policy.read(signed)
	if f, ok := errors.AsType[*Finding](err); ok {
		r.unchecked("anything in the log: its checkpoint is not one that the policy is for")
		err = evidenceDir(c.Evidence).save(f, exhibit{"checkpoint", signed})
		r.add(f.at(checkpointPath))
		return r, err
	}
	if err != nil {
		return nil, err
	}
	v, err := newVerification(ctx, &c, r, &pastCheck{head: head, priors: earlier})
	if err != nil {
		return nil, err
	}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// complete reports what is missing and fills in what may be left out.
func (c *VerifyConfig) complete() error {
	var faults []error
	if c.Source == nil {
		faults = append(faults, errors.New("audit: VerifyConfig.Source is required"))
	}
	if c.Policy == nil {
		faults = append(faults, errors.New("audit: VerifyConfig.Policy is required"))
	}
	if c.MaxAge < 0 || c.Heartbeat < 0 {
		faults = append(faults, errors.New("audit: VerifyConfig has a negative duration"))
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = defaultHeartbeat
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Progress == nil {
		c.Progress = func(int64, int64) {}
	}
	return errors.Join(faults...)
}

// A verification is one run of Verify.
type verification struct {
	c     *VerifyConfig
	r     *Report
	head  *Head
	tree  treeCheck
	past  *pastCheck
	story *storyCheck
}

func newVerification(ctx context.Context, c *VerifyConfig, r *Report, past *pastCheck) (*verification, error) {
	head := past.head
	r.Size, r.Root = head.Checkpoint.Size, head.Checkpoint.Root
	if err := past.begin(ctx, c, r); err != nil {
		return nil, err
	}
	v := &verification{c: c, r: r, head: head, past: past, story: newStoryCheck(c)}
	v.tree = treeCheck{source: c.Source, size: head.Checkpoint.Size}
	return v, nil
}

// run is the order of the work: tile by tile through all entries, then what can only be said at the end.
func (v *verification) run(ctx context.Context) error {
	size := v.head.Checkpoint.Size
	err := readTiles(ctx, v.c, size, func(t *tileRead) error {
		if err := v.tile(ctx, t); err != nil {
			return err
		}
		v.c.Progress(t.first()+int64(t.width), size)
		return nil
	})
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{v.finishTree, v.finishPast, v.finishKey, v.finishWitnesses, v.finishOpenings} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readTiles reads and hashes tiles ahead, on every core, and hands them over in order. At most a few are in memory.
func readTiles(ctx context.Context, c *VerifyConfig, size int64, use func(*tileRead) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // whoever still reads when use has failed
	type result struct {
		tile *tileRead
		err  error
	}
	tiles := (size + TileWidth - 1) / TileWidth
	ahead := make(chan chan result, 2*runtime.GOMAXPROCS(0))
	go func() {
		defer close(ahead)
		for n := range tiles {
			one := make(chan result, 1)
			select {
			case ahead <- one:
			case <-ctx.Done():
				return
			}
			go func() {
				t, err := readTileNumber(ctx, c, n, size)
				one <- result{t, err}
			}()
		}
	}()
	for one := range ahead {
		got := <-one
		if got.err != nil {
			return got.err
		}
		if err := use(got.tile); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tile judges one tile of entries and takes it into the tree.
func (v *verification) tile(ctx context.Context, t *tileRead) error {
	hashes, err := v.tree.choose(ctx, t, v.head.Checkpoint.Root)
	if err != nil {
		return err
	}
	for _, f := range t.findings(hashes) {
		if err := v.report(f, t.exhibits(f)...); err != nil {
			return err
		}
	}
	v.count(t)
	if err := v.entries(ctx, t, hashes); err != nil {
		return err
	}
	faults, err := v.tree.push(ctx, t, hashes)
	if err != nil {
		return err
	}
	return v.reportAll(faults)
}

func (v *verification) count(t *tileRead) {
	v.r.Counts.Leaves += int64(len(t.hashes))
	v.r.Counts.Bytes += t.bytes
	v.r.Counts.Tiles += 2
	v.countOpened(t)
}

// report lists a finding and keeps its evidence, to which the log's checkpoint always belongs.
func (v *verification) report(f *Finding, exhibits ...exhibit) error {
	if v.r.listed(f.Name) < maxListed {
		if err := evidenceDir(v.c.Evidence).save(f, append(exhibits, exhibit{"checkpoint", v.head.Signed})...); err != nil {
			return err
		}
	}
	v.r.add(f)
	return nil
}

func (v *verification) reportAll(all []*Finding) error {
	for _, f := range all {
		if err := v.report(f); err != nil {
			return err
		}
	}
	return nil
}

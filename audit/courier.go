package audit

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A WitnessedLog is the log whose checkpoints are cosigned. [Publisher] is one.
type WitnessedLog interface {
	// Signed is the newest signed checkpoint, which is durable; nil when there is none.
	Signed() []byte
	// Prove is a Prover for the log.
	Prove(ctx context.Context, old int64, head Checkpoint) (tlog.TreeProof, error)
	// Cosigned takes a checkpoint with verified cosignatures. An error means that the log is out of service.
	Cosigned(signed []byte) error
}

var _ WitnessedLog = (*Publisher)(nil)

// CourierConfig says which log is cosigned by whom.
type CourierConfig struct {
	Log       WitnessedLog // required
	Witnesses *Witnesses   // required
	Archive   *Archive     // required
	// Interval is the time between two rounds. Zero means five seconds; with the time that a round may take, an entry is then
	// cosigned within ten.
	Interval time.Duration
	// Observe is told of every round. It must be quick. Nil tells nobody.
	Observe func(Round)
}

// A Round is one attempt to have the newest checkpoint cosigned.
type Round struct {
	Cosigned Cosigned
	Duration time.Duration
	Err      error
}

// A Courier takes the newest checkpoint to the witnesses every few seconds, and brings back what they signed: into the archive
// first, then to the log, whose receipts end in it from then on.
type Courier struct {
	cfg  CourierConfig
	done Checkpoint // the newest one with a quorum
}

// NewCourier makes a Courier. Run does the work.
func NewCourier(c CourierConfig) (*Courier, error) {
	var faults []error
	if c.Log == nil {
		faults = append(faults, errors.New("audit: CourierConfig.Log is required"))
	}
	if c.Witnesses == nil {
		faults = append(faults, errors.New("audit: CourierConfig.Witnesses is required"))
	}
	if c.Archive == nil {
		faults = append(faults, errors.New("audit: CourierConfig.Archive is required"))
	}
	if c.Interval < 0 {
		faults = append(faults, errors.New("audit: CourierConfig.Interval is negative"))
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(Round) {}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Courier{cfg: c}, nil
}

// Run makes rounds until ctx ends, and then returns nil. Witnesses that are away or slow are no reason to stop. An error is: the
// disk does not keep the archive, the log is out of service, or so many witnesses have seen another log under this name
// that a quorum is out of reach. Then nothing should be done any more that would have to be logged.
func (c *Courier) Run(ctx context.Context) error {
	ticker := time.NewTicker(c.cfg.Interval)
	defer ticker.Stop()
	for {
		if err := c.Round(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Round has the newest checkpoint cosigned, unless it is already. Its error is one that should end the work, as for Run. It is
// not to be called while Run runs.
func (c *Courier) Round(ctx context.Context) error {
	signed := c.cfg.Log.Signed()
	if signed == nil {
		return nil
	}
	head, err := c.cfg.Witnesses.policy.Open(signed)
	if err != nil {
		c.cfg.Observe(Round{Err: err})
		return nil // after a change of key the next checkpoint is signed with the new one
	}
	if head.Checkpoint == c.done {
		return nil
	}
	if kept, err := c.cfg.Archive.cosigned(head.Checkpoint, c.cfg.Witnesses.policy); kept != nil || err != nil {
		return c.deliver(head.Checkpoint, kept, err) // by a process before this one
	}
	return c.ask(ctx, signed)
}

func (c *Courier) ask(ctx context.Context, signed []byte) error {
	start := time.Now()
	result, err := c.cfg.Witnesses.Cosign(ctx, signed, c.cfg.Log.Prove)
	if err != nil {
		c.cfg.Observe(Round{Duration: time.Since(start), Err: err})
		return nil
	}
	err = c.cfg.Witnesses.contradicted(result.Faults)
	if err == nil && result.Quorum.Met && len(result.Quorum.Satisfied) > 0 {
		err = c.deliver(result.Checkpoint, result.Note, c.cfg.Archive.Put(result.Note))
	}
	c.cfg.Observe(Round{Cosigned: *result, Duration: time.Since(start), Err: err})
	return err
}

// deliver hands a cosigned checkpoint that is in the archive to the log.
func (c *Courier) deliver(head Checkpoint, cosigned []byte, err error) error {
	if err != nil {
		return err
	}
	if err := c.cfg.Log.Cosigned(cosigned); err != nil {
		return err
	}
	c.done = head
	return nil
}

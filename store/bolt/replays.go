package bolt

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
)

// A Mode says when a proof is on disk.
type Mode int

const (
	// Sync has every proof on disk before it is accepted.
	Sync Mode = iota
	// Fenced accepts a proof while it is at most 50 ms away from being on disk. After a stop that was not a clean Close the
	// memory demands a fence, see [Replays.Fence]: what was accepted before cannot be accepted again either way.
	Fenced
)

// ReplaysConfig says how a replay memory works.
type ReplaysConfig struct {
	// Path is the file, apart from the store's; it is created with mode 0600. Required.
	Path string
	// Mode is Sync unless set.
	Mode Mode
	// Capacity is how many proofs may be remembered at once. Each takes at most 48 bytes of memory. Required.
	Capacity int
	// Window is the longest time for which a proof that is accepted now could be accepted again: Checker.Window. Required.
	Window time.Duration
	// Wait is how long another process may still hold the file before OpenReplays gives up with *Locked. Zero means one second.
	Wait time.Duration
	// Now is the clock that proofs expire by. Nil means time.Now.
	Now func() time.Time
	// Observe is told of every write. It is called by one of the callers, or by Run in Fenced mode: it must be quick.
	Observe func(Batch)
}

// Replays is a replay memory that survives a crash (RFC 9449 §11.1). The answer comes from a dpop.Memory; the file holds the
// same entries and is read back on start. OpenReplays makes one.
type Replays struct {
	memory  *dpop.Memory
	file    *file
	mode    Mode
	window  time.Duration
	now     func() time.Time
	observe func(Batch)
	group   group[entry] // Sync
	backlog backlog      // Fenced
	fence   fence
	closed  atomic.Bool
	loading time.Time // while the file is read: one time for all entries, as asking a million times takes its own; zero after
}

var _ dpop.Replays = (*Replays)(nil)

// mostProofs bounds a batch.
const mostProofs = 4096

func (c *ReplaysConfig) validate() error {
	var faults []error
	if c.Path == "" {
		faults = append(faults, errors.New("store/bolt: ReplaysConfig.Path is required"))
	}
	if c.Mode != Sync && c.Mode != Fenced {
		faults = append(faults, fmt.Errorf("store/bolt: ReplaysConfig.Mode is %d, it can be Sync or Fenced", c.Mode))
	}
	if c.Capacity <= 0 {
		faults = append(faults, errors.New("store/bolt: ReplaysConfig.Capacity is required: how many proofs may be remembered at once"))
	}
	if c.Window <= 0 {
		faults = append(faults, errors.New("store/bolt: ReplaysConfig.Window is required: for how long a proof can be accepted"))
	}
	return errors.Join(faults...)
}

// OpenReplays opens or creates a replay memory and reads back what is still acceptable. Ask Fence next, and keep Run going.
func OpenReplays(c ReplaysConfig) (*Replays, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	r := &Replays{mode: c.Mode, window: c.Window, now: c.Now, observe: c.Observe}
	if r.now == nil {
		r.now = time.Now
	}
	if r.observe == nil {
		r.observe = func(Batch) {}
	}
	var err error
	if r.memory, err = dpop.NewMemory(dpop.MemoryConfig{Capacity: c.Capacity, Now: r.clock}); err != nil {
		return nil, err
	}
	if r.file, err = openFile(fileConfig{path: c.Path, format: replaysFormat, wait: c.Wait, rescan: true}); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, errors.Join(err, r.file.close())
	}
	r.group = group[entry]{commit: r.write, most: mostProofs}
	r.backlog.init()
	return r, nil
}

// start reads the file into memory and takes possession of it.
func (r *Replays) start() error {
	r.loading = r.now()
	err := r.file.load(r.memory)
	r.loading = time.Time{}
	if err != nil {
		return fmt.Errorf("%w; if %s is lost, move it away: a new one demands a fence", err, r.file.path)
	}
	r.fence, err = r.file.takeOver(r.mode, r.now(), r.window)
	return err
}

// clock is the memory's.
func (r *Replays) clock() time.Time {
	if !r.loading.IsZero() {
		return r.loading
	}
	return r.now()
}

// Use records the proof and reports whether it is new. An error means that the answer cannot be known. A proof once given to
// Use stays used in this process, also when recording it failed.
func (r *Replays) Use(ctx context.Context, key [32]byte, until time.Time) (first bool, err error) {
	if err := errors.Join(ctx.Err(), r.file.fault(), r.open()); err != nil {
		return false, err
	}
	if ahead := until.Sub(r.now()); ahead > r.window+time.Second {
		// What Fence says, and when a fence may come down, rests on this bound.
		return false, fmt.Errorf("store/bolt: a proof that is acceptable for another %s, the window is %s", ahead, r.window)
	}
	first, err = r.memory.Use(ctx, key, until)
	if err != nil || !first {
		return false, err
	}
	e := entry{key: [16]byte(key[:]), until: seconds(until)}
	if r.mode == Fenced {
		err = r.backlog.add(ctx, e)
	} else {
		err = r.group.do(ctx, e)
	}
	return err == nil, err
}

// write makes a batch durable. In Sync mode it runs in the leader's goroutine, in Fenced mode in Run or Close.
func (r *Replays) write(batch []entry) error {
	start := time.Now()
	err := r.file.append(batch, r.now())
	r.observe(Batch{Changes: len(batch), Duration: time.Since(start), Err: err})
	return err
}

// Run drops what has expired and, in Fenced mode, writes what was accepted, until ctx ends or the memory is closed. In Fenced
// mode Use fails while it does not run. An error means that the file is out of service, and so is Use.
func (r *Replays) Run(ctx context.Context) error {
	run := r.expireRegularly
	if r.mode == Fenced {
		run = func(ctx context.Context) error { return r.backlog.run(ctx, r.write, r.expire) }
	}
	if err := run(ctx); !errors.Is(err, store.ErrClosed) {
		return err
	}
	return nil
}

func (r *Replays) expireRegularly(ctx context.Context) error {
	ticker := time.NewTicker(proofSlice * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := r.expire(); err != nil {
				return err
			}
		}
	}
}

// expire gives back what expired proofs take in memory and in the file. Use and its writes do so too; this is for quiet times.
func (r *Replays) expire() error {
	r.memory.Sweep()
	return r.file.append(nil, r.now())
}

// Close writes what is waiting, notes that this was a clean stop, and gives up the file.
func (r *Replays) Close() error {
	if !r.closed.CompareAndSwap(false, true) {
		return nil
	}
	err := r.backlog.close(r.write)
	if err == nil {
		err = r.file.handBack()
	}
	return errors.Join(err, r.file.close())
}

func (r *Replays) open() error {
	if r.closed.Load() {
		return store.ErrClosed
	}
	return nil
}

// Fence reports whether proofs may have been accepted that this memory does not know. Then every proof must carry a nonce that
// this process minted, for one window from now: see dpop.Nonces. Needed after an unclean stop in Fenced mode, and in both modes
// when the file is new, was put back from a copy, or was made by a start that needed a fence less than a window ago.
func (r *Replays) Fence() (window time.Duration, needed bool) {
	return r.window, r.fence.reason != ""
}

// FenceReason says why a fence is needed, for the log. It is empty when none is.
func (r *Replays) FenceReason() string { return r.fence.reason }

// Len returns how many proofs are remembered.
func (r *Replays) Len() int { return r.memory.Len() }

// Bytes returns how much memory they take.
func (r *Replays) Bytes() int { return r.memory.Bytes() }

// Check reads the whole file and reports what is wrong with it.
func (r *Replays) Check(ctx context.Context) error { return r.file.checkReplays(ctx) }

package bench

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier"
)

// A memory is a replay memory by name. run keeps it going, when it needs that.
type memory struct {
	name    string
	replays dpop.Replays
	run     func(context.Context) error
	close   func() error
}

// The replay memories, in the order in which they are compared.
const (
	inMemory = "replay memory in this process"
	synced   = "durable replay memory, sync"
	fenced   = "durable replay memory, fenced"
)

// memories opens one of each kind, in files that begin with prefix.
func (b *bench) memories(prefix string) ([]memory, error) {
	plain, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: replayCapacity})
	if err != nil {
		return nil, err
	}
	list := []memory{{name: inMemory, replays: plain, close: func() error { return nil }}}
	for name, mode := range map[string]bolt.Mode{synced: bolt.Sync, fenced: bolt.Fenced} {
		durable, err := b.openReplays(prefix+name+".db", mode)
		if err != nil {
			return nil, errors.Join(err, closeAll(list))
		}
		list = append(list, memory{name, durable, durable.Run, durable.Close})
	}
	if list[1].name != synced {
		list[1], list[2] = list[2], list[1]
	}
	return list, nil
}

func (b *bench) openReplays(name string, mode bolt.Mode) (*bolt.Replays, error) {
	return bolt.OpenReplays(bolt.ReplaysConfig{
		Path: filepath.Join(b.dir, name), Mode: mode, Capacity: replayCapacity, Window: b.service.checker.Window(),
	})
}

func closeAll(list []memory) error {
	var faults []error
	for _, m := range list {
		faults = append(faults, m.close())
	}
	return errors.Join(faults...)
}

// keep runs the memories in the background until stop is called.
func keep(ctx context.Context, list []memory) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, len(list))
	running := 0
	for _, m := range list {
		if m.run != nil {
			running++
			go func() { ended <- m.run(ctx) }()
		}
	}
	return func() error {
		cancel()
		var faults []error
		for range running {
			faults = append(faults, <-ended)
		}
		return errors.Join(append(faults, closeAll(list))...)
	}
}

// verifying measures one caller who has a token that was seen before, with each kind of replay memory in turn.
func verifying(ctx context.Context, b *bench, budget time.Duration) (err error) {
	list, err := b.memories("verifying ")
	if err != nil {
		return err
	}
	stop := keep(ctx, list)
	defer func() { err = errors.Join(err, stop()) }()

	verified, bare := make([]sample, len(list)), make([]sample, len(list))
	for end := time.Now().Add(budget); time.Now().Before(end) && ctx.Err() == nil; {
		for i, m := range list {
			if err := b.verifyBlock(ctx, m, &verified[i]); err != nil {
				return err
			}
			if err := b.raw.verifyBlock(&bare[i]); err != nil {
				return err
			}
		}
	}
	for i, m := range list {
		f := newFigure("Verifier, one caller", m.name, 1, &verified[i])
		f.compare(oneVerification, bare[i].cpuEach())
		if m.name == inMemory {
			f.Budgets = []Budget{atMost(1.15, "x one bare verification", f.Ratio.Value)}
		}
		b.report.add(f)
	}
	return ctx.Err()
}

// verifyBlock verifies a block of requests that were made beforehand.
func (b *bench) verifyBlock(ctx context.Context, m memory, s *sample) error {
	v, err := b.service.verifier(m.replays)
	if err != nil {
		return err
	}
	proofs, err := b.service.proofs(block+1, "/payments")
	if err != nil {
		return err
	}
	verify := func(i int) error {
		_, err := v.Verify(ctx, verifier.Request{
			Method: http.MethodGet, Target: "/payments",
			Authorization: []string{"DPoP " + b.service.token}, Proofs: proofs[i : i+1],
		})
		return err
	}
	if err := verify(block); err != nil { // the verifier sees the token
		return err
	}
	return s.run(block, verify)
}

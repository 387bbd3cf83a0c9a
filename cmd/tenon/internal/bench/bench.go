package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/dpop"
)

// Config says how to measure.
type Config struct {
	For      time.Duration // about how long everything takes; 0 means 40 s, at least 2 s
	Dir      string        // where files are written, which decides what an fsync costs; empty: the system's place for temporary files
	Caller   child.Program // runs Call in a process of its own; required
	Live     int           // proofs that are alive when a start is measured; 0 means 1 million, which the budget is for
	Progress func(string)  // told what is measured now; nil: nobody is told
}

// A bench is one run.
type bench struct {
	dir     string
	live    int
	raw     *raw // ES256, the yardstick
	service *service
	caller  *caller
	report  Report
}

// A part is one of the measurements. Its share is of the whole time.
type part struct {
	name  string
	share float64
	run   func(ctx context.Context, b *bench, budget time.Duration) error
}

func parts() []part {
	return []part{
		{"signatures: ES256, PS256, Ed25519", 0.10, signatures},
		{"the verifier, one caller", 0.18, verifying},
		{"an HTTP API behind the middleware, 64 callers", 0.28, calling},
		{"the token endpoint, 64 callers", 0.12, issuing},
		{"a person's grant, 64 callers", 0.10, granting},
		{"the replay memory, 256 callers", 0.12, remembering},
		{"a start with many live proofs", 0.10, starting},
	}
}

// Run measures. Nothing is left behind.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	switch {
	case cfg.For == 0:
		cfg.For = 40 * time.Second
	case cfg.For < 2*time.Second:
		return nil, fmt.Errorf("%v is too short to measure anything: give it 2s or more", cfg.For)
	}
	if cfg.Live == 0 {
		cfg.Live = 1_000_000
	}
	dir, err := os.MkdirTemp(cfg.Dir, "tenon-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	b := &bench{dir: dir, live: cfg.Live}
	b.report.Machine = describe(dir)
	if b.raw, err = newRaw(dpop.ES256); err != nil {
		return nil, err
	}
	if b.service, err = newService(ctx, dir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.service.close()) }()
	if b.caller, err = startCaller(cfg.Caller); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.caller.close()) }()
	for _, p := range parts() {
		if cfg.Progress != nil {
			cfg.Progress(p.name)
		}
		if err := p.run(ctx, b, time.Duration(p.share*float64(cfg.For))); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return &b.report, nil
}

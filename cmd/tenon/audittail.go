package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/durable"
)

// auditTail follows a log.
type auditTail struct {
	log      logFlags
	lines    int64
	once     bool
	interval time.Duration
	seen     string
	evidence *string
}

func newAuditTailCommand() *cobra.Command {
	var k auditTail
	cmd := &cobra.Command{
		Use:   "tail [LOG]",
		Short: "Follow a log, and check at each step that it only grew",
		Long: `Show the newest entries and then each new one. At each step the new checkpoint must extend the one before; when it does not,
both are written to the evidence directory and the command ends with 1. --seen FILE keeps the newest checkpoint between
runs, so that a log that was rewritten meanwhile is found out too.`,
		Example: `  tenon audit tail https://as.bank.example/log --policy tlog-policy --token-file auditor-secret --seen last-seen
  tenon audit tail /var/lib/tenon --policy tlog-policy -n 20 --once`,
		Args: logArgs(0),
		RunE: k.run,
	}
	k.log.register(cmd)
	k.evidence = evidenceFlag(cmd)
	flags := cmd.Flags()
	flags.Int64VarP(&k.lines, "lines", "n", 10, "how many entries to begin with")
	flags.BoolVar(&k.once, "once", false, "show what there is and end")
	flags.DurationVar(&k.interval, "interval", time.Second, "how often to look")
	flags.StringVar(&k.seen, "seen", "", "`file` that keeps the newest checkpoint between runs")
	return cmd
}

func (k *auditTail) run(cmd *cobra.Command, args []string) error {
	if k.interval <= 0 || k.lines < 0 {
		return usageError(errors.New("--interval above nothing, --lines not below it"))
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		f := follower{k: k, cmd: cmd, log: o, next: -1}
		if k.seen != "" {
			last, err := os.ReadFile(k.seen)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			f.last = last
		}
		return f.follow(ctx)
	})
}

// A follower is one run of tail.
type follower struct {
	k    *auditTail
	cmd  *cobra.Command
	log  *openLog
	last []byte // the checkpoint of the step before, as signed
	next int64  // the first entry that was not shown; -1 before the first step
}

// follow steps until ctx ends or something is found. A log that cannot be read for a while is tried again.
func (f *follower) follow(ctx context.Context) error {
	tick := time.NewTicker(f.k.interval)
	defer tick.Stop()
	for {
		err := f.step(ctx)
		_, isFinding := errors.AsType[*audit.Finding](err)
		switch {
		case isFinding, f.k.once:
			return err
		case ctx.Err() != nil:
			return nil // that is how it ends
		case err != nil:
			fmt.Fprintf(f.cmd.ErrOrStderr(), "tenon: %v; trying again\n", explained(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// step looks at the checkpoint once and shows what came in.
func (f *follower) step(ctx context.Context) error {
	signed, err := f.log.source.ReadFile(ctx, checkpointFile)
	if err != nil {
		return fmt.Errorf("the log's checkpoint: %w", err)
	}
	if string(signed) == string(f.last) && f.next >= 0 {
		return nil
	}
	r, err := audit.NewReader(ctx, pinnedLog{f.log.source, signed}, f.log.policy)
	if err != nil {
		return err
	}
	extended, err := f.extends(ctx, signed, r.Head().Checkpoint)
	if err != nil {
		return err
	}
	if err := f.show(ctx, r, extended); err != nil {
		return err
	}
	f.last = signed
	if f.k.seen == "" {
		return nil
	}
	return durable.WriteFile(f.k.seen, signed, 0o600)
}

// extends makes sure that the checkpoint extends the one before. It gives the size of that one.
func (f *follower) extends(ctx context.Context, signed []byte, now audit.Checkpoint) (int64, error) {
	if f.last == nil {
		return 0, nil
	}
	found, err := audit.Consistency(ctx, audit.ConsistencyConfig{
		Policy: f.log.policy, A: f.last, B: signed, Source: f.log.source, Evidence: *f.k.evidence,
	})
	if found != nil || err != nil {
		return 0, errors.Join(asError(found), err)
	}
	before, err := f.log.policy.Open(f.last)
	if err != nil {
		return 0, err
	}
	if size := before.Checkpoint.Size; size > now.Size {
		return 0, &audit.Finding{
			Name: audit.Rollback, Index: now.Size, Path: checkpointFile,
			Detail: fmt.Sprintf("the log has %d entries; it had %d at the step before", now.Size, size),
		}
	}
	return before.Checkpoint.Size, nil
}

// asError keeps a nil finding from becoming an error that is not nil.
func asError(f *audit.Finding) error {
	if f == nil {
		return nil
	}
	return f
}

// entriesAtOnce bounds what is in memory before it is shown.
const entriesAtOnce = 256

// show writes the entries that came in, and the checkpoint that proves them.
func (f *follower) show(ctx context.Context, r *audit.Reader, extended int64) error {
	if f.next < 0 {
		f.next = max(0, r.Size()-f.k.lines)
	}
	for f.next < r.Size() {
		var found []foundEntry
		for ; f.next < r.Size() && len(found) < entriesAtOnce; f.next++ {
			entry, err := r.Entry(ctx, f.next)
			if err != nil {
				return err
			}
			l, err := audit.ParseLeaf(entry)
			if err != nil {
				return &audit.Finding{Name: audit.Malformed, Index: f.next, Detail: err.Error()}
			}
			found = append(found, readEntry(f.next, entry, &l, nil))
		}
		if err := f.print(found); err != nil {
			return err
		}
	}
	return f.printHead(r.Head().Checkpoint, extended)
}

func (f *follower) print(found []foundEntry) error {
	if !f.k.log.asJSON {
		auditPage(f.cmd).Events(eventsOf(found))
		return nil
	}
	for i := range found {
		if err := f.json(found[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) printHead(c audit.Checkpoint, extended int64) error {
	if f.k.log.asJSON {
		return f.json(map[string]any{"checkpoint": map[string]any{"origin": c.Origin, "size": c.Size, "root": c.Root, "extends": extended}})
	}
	auditPage(f.cmd).Step(c, extended)
	return nil
}

// json writes a value on a line of its own.
func (f *follower) json(v any) error {
	return json.NewEncoder(harmless{f.cmd.OutOrStdout()}).Encode(v)
}

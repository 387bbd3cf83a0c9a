package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditConsistency compares two checkpoints.
type auditConsistency struct {
	log      logFlags
	evidence *string
}

func newAuditConsistencyCommand() *cobra.Command {
	var k auditConsistency
	cmd := &cobra.Command{
		Use:   "consistency A B",
		Short: "Say whether one checkpoint extends another; when not, write down what convicts the log",
		Long: `Compare two checkpoints of one log. Each of A and B is a file with a signed checkpoint, or a log, whose newest one is taken. To
compare two sizes the tiles are needed, so one of the two must be a log then. Two signed checkpoints that cannot be of one
history are written to the evidence directory with the proof of it: they convict the log to anybody who has its key.`,
		Example: `  tenon audit consistency checkpoint-of-last-month https://as.bank.example/log --policy tlog-policy
  tenon audit consistency shown-to-me shown-to-you --policy tlog-policy`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: k.run,
	}
	k.log.register(cmd)
	k.evidence = evidenceFlag(cmd)
	return cmd
}

// A sighted checkpoint is one of the two, with the log that it came from if there is one.
type sighted struct {
	signed []byte
	log    *openLog
	head   *audit.Head
}

func (k *auditConsistency) run(cmd *cobra.Command, args []string) (err error) {
	policy, _, err := k.log.policy()
	if err != nil {
		return usageError(err)
	}
	var both [2]sighted
	for i, name := range args {
		if both[i], err = k.sight(cmd.Context(), name); err != nil {
			return explained(err)
		}
		if both[i].log != nil {
			defer func() { err = errors.Join(err, both[i].log.close()) }()
		}
		both[i].head, _ = policy.Open(both[i].signed) // what is wrong with it is for Consistency to say
	}
	f, err := audit.Consistency(cmd.Context(), audit.ConsistencyConfig{
		Policy: policy, A: both[0].signed, B: both[1].signed, Source: larger(both), Evidence: *k.evidence,
	})
	if alone, ok := errors.AsType[*audit.Finding](err); ok {
		return foundAlone(cmd, k.log.asJSON, alone)
	}
	if err != nil {
		return explained(err)
	}
	return k.conclude(cmd, both, f)
}

// sight reads one of the two.
func (k *auditConsistency) sight(ctx context.Context, name string) (sighted, error) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		if o, err := k.log.open(name); err == nil { // a zip
			return k.newest(ctx, o)
		}
		signed, err := readNamed(name, strings.NewReader(""), maxSignedCheckpoint)
		return sighted{signed: signed}, err
	}
	o, err := k.log.open(name)
	if err != nil {
		return sighted{}, err
	}
	return k.newest(ctx, o)
}

func (k *auditConsistency) newest(ctx context.Context, o *openLog) (sighted, error) {
	signed, err := o.source.ReadFile(ctx, checkpointFile)
	if err != nil {
		return sighted{}, errors.Join(fmt.Errorf("the checkpoint of %s: %w", o.where, err), o.close())
	}
	return sighted{signed: signed, log: o}, nil
}

// larger is the log that has the tiles of the larger checkpoint.
func larger(both [2]sighted) audit.Source {
	a, b := both[0], both[1]
	if a.head == nil || b.head == nil {
		return nil
	}
	if a.head.Checkpoint.Size > b.head.Checkpoint.Size {
		b = a
	}
	for _, s := range []sighted{b, both[0], both[1]} { // a log of the smaller one may have grown since
		if s.log != nil {
			return s.log.source
		}
	}
	return nil
}

func (k *auditConsistency) conclude(cmd *cobra.Command, both [2]sighted, f *audit.Finding) error {
	document := struct {
		Sizes    []int64         `json:"sizes"`
		Findings []audit.Finding `json:"findings"`
		Exit     int             `json:"exit"`
	}{[]int64{}, []audit.Finding{}, exitDone}
	for _, s := range both {
		if s.head != nil {
			document.Sizes = append(document.Sizes, s.head.Checkpoint.Size)
		}
	}
	if f != nil {
		document.Findings, document.Exit = []audit.Finding{*f}, f.Exit()
	}
	err := concluded(cmd, k.log.asJSON, document, func(p auditview.Page) { p.Consistency(both[0].head, both[1].head, document.Findings) })
	if err != nil {
		return err
	}
	return verdict(document.Exit, document.Findings)
}

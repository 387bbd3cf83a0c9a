package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditVerify verifies a whole log, or an evidence bundle.
type auditVerify struct {
	log        logFlags
	proofs     proofFlags
	known      []string
	maxAge     time.Duration
	heartbeat  time.Duration
	at         string
	noOpenings bool
	evidence   *string
}

// liveMaxAge is how old the newest checkpoint of a server may be when nothing else is said: it makes one a minute at least.
const liveMaxAge = 10 * time.Minute

func newAuditVerifyCommand() *cobra.Command {
	var k auditVerify
	cmd := &cobra.Command{
		Use:   "verify [LOG]",
		Short: "Verify a whole log, or an evidence bundle, from its leaves to its signatures",
		Long: `Verify a whole log: the signatures on its checkpoint, enough witnesses, every tile from the leaves up, the root, the form of
every entry, gaps, the order of times and their place between what the witnesses saw, and that it extends every earlier
checkpoint at hand. An evidence bundle is verified the same way, as far as it goes, without a network.

What was not checked is listed with the same weight as what was.`,
		Example: `  tenon audit verify https://as.bank.example/log --policy tlog-policy --token-file auditor-secret
  tenon audit verify /var/lib/tenon --policy tlog-policy
  tenon audit verify evidence.zip --policy tlog-policy`,
		Args: logArgs(0),
		RunE: k.run,
	}
	k.log.register(cmd)
	k.proofs.register(cmd)
	k.evidence = evidenceFlag(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&k.known, "known", nil, "`file` with a checkpoint kept from earlier, which the log must extend; may be repeated")
	flags.DurationVar(&k.maxAge, "max-age", 0, "how old the newest checkpoint may be (default: 10m for a URL; for a copy the age is only shown)")
	flags.DurationVar(&k.heartbeat, "heartbeat", time.Minute, "how often the log writes when nothing happens")
	flags.StringVar(&k.at, "at", "", "judge ages as of this `time` instead of now, as for a copy that was made then")
	flags.BoolVar(&k.noOpenings, "no-openings", false, "leave openings alone: details and kept proofs are not verified then")
	return cmd
}

func (k *auditVerify) run(cmd *cobra.Command, args []string) error {
	at, err := parseInstant(k.at)
	if err != nil {
		return usageError(fmt.Errorf("--at: %w", err))
	}
	if k.maxAge < 0 || k.heartbeat <= 0 {
		return usageError(errors.New("--max-age and --heartbeat: a time that is not negative"))
	}
	known, err := readCheckpoints(k.known)
	if err != nil {
		return usageError(err)
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		if o.isBundle(ctx) {
			return k.bundle(ctx, cmd, o)
		}
		c := audit.VerifyConfig{
			Source: o.source, Policy: o.policy, Known: known, Openings: !k.noOpenings, Proofs: k.proofs.rules(),
			MaxAge: k.maxAge, Heartbeat: k.heartbeat, Evidence: *k.evidence,
		}
		if o.live && !cmd.Flags().Changed("max-age") {
			c.MaxAge = liveMaxAge
		}
		if !at.IsZero() {
			c.Now = func() time.Time { return at }
		}
		return k.verify(ctx, cmd, c)
	})
}

func (k *auditVerify) verify(ctx context.Context, cmd *cobra.Command, c audit.VerifyConfig) error {
	bar := auditProgress(cmd)
	c.Progress = bar.Show
	began := time.Now()
	r, err := audit.Verify(ctx, c)
	bar.Wipe()
	if err != nil {
		return err
	}
	took := time.Since(began)
	document := struct {
		*audit.Report
		Exit int `json:"exit"`
	}{r, r.Exit()}
	if err := concluded(cmd, k.log.asJSON, document, func(p auditview.Page) { p.Report(r, took) }); err != nil {
		return err
	}
	return verdict(r.Exit(), r.Findings)
}

func (k *auditVerify) bundle(ctx context.Context, cmd *cobra.Command, o *openLog) error {
	r, err := audit.VerifyBundle(ctx, o.source, o.policy, k.proofs.rules())
	if err != nil {
		return err
	}
	document := struct {
		*audit.BundleReport
		Exit int `json:"exit"`
	}{r, r.Exit()}
	if err := concluded(cmd, k.log.asJSON, document, func(p auditview.Page) { p.Bundle(r) }); err != nil {
		return err
	}
	return verdict(r.Exit(), r.Findings)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditReconcile holds a resource server's list of accepted tokens against the log.
type auditReconcile struct {
	log      logFlags
	rsLog    string
	audience string
	delay    time.Duration
}

func newAuditReconcileCommand() *cobra.Command {
	var k auditReconcile
	cmd := &cobra.Command{
		Use:   "reconcile [LOG] --rs-log FILE",
		Short: "Hold a resource server's list against the log: unlogged, never used, used after revocation",
		Long: `Hold a resource server's own list of the tokens that it accepted against the log. The list has one JSON object a line:

  {"time":1795354021,"tlog":{"o":"as.bank.example/log","i":1},"jti":"…","jkt":"…"}

"time" is in seconds since 1970, or RFC 3339. "tlog" is the token's own claim, left out when it had none. "jti", and "jkt" or
"x5t#S256" of the key that was proved, are compared when they are there. Other members are ignored: a request log will do.`,
		Example: `  tenon audit reconcile /var/lib/tenon --policy tlog-policy --rs-log accepted.jsonl --audience https://api.bank.example`,
		Args:    logArgs(0),
		RunE:    k.run,
	}
	k.log.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&k.rsLog, "rs-log", "", "`file` with the list; - for standard input")
	flags.StringVar(&k.audience, "audience", "", "whose tokens are looked through for those that were never used")
	flags.DurationVar(&k.delay, "delay", 10*time.Second, "how long after a revocation a use is still in order")
	return cmd
}

func (k *auditReconcile) run(cmd *cobra.Command, args []string) error {
	if k.delay <= 0 {
		return usageError(errors.New("--delay: a time above nothing"))
	}
	uses, err := k.uses(cmd)
	if err != nil {
		return usageError(err)
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		bar := auditProgress(cmd)
		r, err := audit.Reconcile(ctx, audit.ReconcileConfig{
			Source: o.source, Policy: o.policy, Uses: uses, Audience: k.audience, Delay: k.delay, Progress: bar.Show,
		})
		bar.Wipe()
		if err != nil {
			return err
		}
		document := struct {
			*audit.Reconciliation
			Exit int `json:"exit"`
		}{r, r.Exit()}
		if err := concluded(cmd, k.log.asJSON, document, func(p auditview.Page) { p.Reconciliation(r) }); err != nil {
			return err
		}
		return verdict(r.Exit(), r.Findings)
	})
}

// uses reads the list.
func (k *auditReconcile) uses(cmd *cobra.Command) ([]audit.Use, error) {
	if k.rsLog == "" {
		return nil, errors.New("which list? Give --rs-log")
	}
	var from io.Reader = cmd.InOrStdin()
	if k.rsLog != "-" {
		f, err := os.Open(k.rsLog)
		if err != nil {
			return nil, fmt.Errorf("--rs-log: %w", err)
		}
		defer f.Close()
		from = f
	}
	return audit.ReadUses(from)
}

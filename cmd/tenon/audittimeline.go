package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

func newAuditTimelineCommand() *cobra.Command {
	var log logFlags
	var query queryFlags
	cmd := &cobra.Command{
		Use:   "timeline [LOG] --jkt THUMBPRINT",
		Short: "Draw the life of a key: issued, used, refreshed, refused, replayed, revoked",
		Long: `Draw what the log has about a key, a certificate, an account, a token or a client, in the order in which it was written, with
what is about those entries, and how often tokens were used minute by minute. Times are in UTC.`,
		Example: `  tenon audit timeline /var/lib/tenon --policy tlog-policy --jkt 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I --since 2026-11-20`,
		Args:    logArgs(0),
	}
	log.register(cmd)
	query.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !query.narrow() {
			return usageError(errors.New("whose timeline? Give --jkt, --x5t, --account, --token-id or --client"))
		}
		return log.with(cmd, args, func(ctx context.Context, o *openLog) error {
			c, bar, err := query.find(cmd, o)
			if err != nil {
				return err
			}
			line, err := audit.MakeTimeline(ctx, c)
			bar.Wipe()
			if err != nil {
				return err
			}
			return concluded(cmd, log.asJSON, line, func(p auditview.Page) { p.Timeline(line) })
		})
	}
	return cmd
}

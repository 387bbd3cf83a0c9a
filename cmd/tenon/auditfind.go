package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// maxFound bounds what find and timeline hold in memory and show. More is for export, which does not.
const maxFound = 1 << 17

var errTooManyFound = errors.New("more than 131,072 entries: narrow the search, or use tenon audit export")

func newAuditFindCommand() *cobra.Command {
	var log logFlags
	var query queryFlags
	cmd := &cobra.Command{
		Use:   "find [LOG]",
		Short: "Find entries, and say how complete the answer is",
		Long: `Go through a whole log for entries about a key, a certificate, an account, a token or a client. Commitments are tried with the
salts in the openings. The entries are hashed up to the root that the log signed, so nothing can have been left out: the
answer says of how many entries it was made, under which root, and for how many it could not be told.`,
		Example: `  tenon audit find /var/lib/tenon --policy tlog-policy --jkt 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I
  tenon audit find copy.zip --policy tlog-policy --client tpp-4711 --type token.refused,proof.replayed --since 2026-11-20`,
		Args: logArgs(0),
	}
	log.register(cmd)
	query.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return log.with(cmd, args, func(ctx context.Context, o *openLog) error {
			c, bar, err := query.find(cmd, o)
			if err != nil {
				return err
			}
			found := []foundEntry{}
			search, err := audit.Find(ctx, c, func(m audit.Match) error {
				if len(found) == maxFound {
					return errTooManyFound
				}
				found = append(found, readEntry(m.Index, m.Entry, &m.Leaf, m.Opening))
				return nil
			})
			bar.Wipe()
			if err != nil {
				return err
			}
			document := struct {
				Search  *audit.Search `json:"search"`
				Entries []foundEntry  `json:"entries"`
			}{search, found}
			return concluded(cmd, log.asJSON, document, func(p auditview.Page) {
				p.Events(eventsOf(found))
				p.Search(search)
			})
		})
	}
	return cmd
}

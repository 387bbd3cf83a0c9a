package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditExport copies entries out of a log in a form that other programs read.
type auditExport struct {
	log    logFlags
	query  queryFlags
	format string
	output string
}

func newAuditExportCommand() *cobra.Command {
	var k auditExport
	cmd := &cobra.Command{
		Use:   "export [LOG]",
		Short: "Export entries as JSON lines, CSV or OCSF events",
		Long: `Export entries: all, or those that a search finds.

  jsonl   one JSON object a line: index, hash, leaf and opening
  csv     one row an entry, for spreadsheets; what could be taken for a formula begins with an apostrophe
  ocsf    one OCSF 1.8 event a line: Authentication (3002), Authorize Session (3003), API Activity (6003)

Texts that strangers got into the log are harmless in each of them. With the openings an export says in clear what the log
hides under commitments: keep it as carefully as the openings. The exact bytes of entries, with their proofs, are for
tenon audit bundle. What the search covered is told on standard error.`,
		Example: `  tenon audit export /var/lib/tenon --policy tlog-policy --format csv --since 2026-11-01 -o november.csv`,
		Args:    logArgs(0),
		RunE:    k.run,
	}
	k.log.register(cmd)
	k.query.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&k.format, "format", "jsonl", "`format`: jsonl, csv or ocsf")
	flags.StringVarP(&k.output, "output", "o", "", "`file` to write, which must not exist; standard output without")
	return cmd
}

func (k *auditExport) run(cmd *cobra.Command, args []string) error {
	format := audit.Format(k.format)
	switch format {
	case audit.JSONL, audit.CSV, audit.OCSF:
	default:
		return usageError(fmt.Errorf("--format %q: write %s, %s or %s", k.format, audit.JSONL, audit.CSV, audit.OCSF))
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		c, bar, err := k.query.find(cmd, o)
		if err != nil {
			return err
		}
		var search *audit.Search
		write := func(w io.Writer) (err error) {
			search, err = audit.Export(ctx, c, format, w)
			bar.Wipe()
			return err
		}
		if k.output == "" {
			err = write(cmd.OutOrStdout())
		} else {
			err = writePrivate(k.output, write)
		}
		if err != nil {
			return err
		}
		return k.told(cmd, search)
	})
}

// told says what the search covered, apart from the data.
func (k *auditExport) told(cmd *cobra.Command, search *audit.Search) error {
	w := cmd.ErrOrStderr()
	if k.log.asJSON {
		return printJSON(harmless{w}, search)
	}
	auditview.Page{W: w, T: auditPage(cmd).T}.Search(search)
	return nil
}

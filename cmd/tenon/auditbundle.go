package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditBundle makes evidence that stands by itself.
type auditBundle struct {
	log    logFlags
	query  queryFlags
	known  []string
	output string
	all    bool
}

func newAuditBundleCommand() *cobra.Command {
	var k auditBundle
	cmd := &cobra.Command{
		Use:   "bundle [LOG] -o FILE",
		Short: "Make an evidence bundle that anybody verifies without a network",
		Long: `Write a zip with the entries that a search finds: their exact bytes, openings, kept proofs and receipts, the checkpoint that the
receipts lead to, and that earlier checkpoints are extended. Who has the policy verifies it with tenon audit verify, in an
empty folder, without a network. The same log and search give the same bytes.

It has in clear what the log hides under commitments: give it to those only who may know.`,
		Example: `  tenon audit bundle /var/lib/tenon --policy tlog-policy --jkt 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I --related -o evidence.zip
  tenon audit verify evidence.zip --policy tlog-policy`,
		Args: logArgs(0),
		RunE: k.run,
	}
	k.log.register(cmd)
	k.query.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&k.known, "known", nil, "`file` with a checkpoint kept from earlier, which the bundle shows to be extended; may be repeated")
	flags.StringVarP(&k.output, "output", "o", "", "`file` to write, which must not exist")
	flags.BoolVar(&k.all, "all", false, "take all entries, where nothing else is asked for")
	return cmd
}

func (k *auditBundle) run(cmd *cobra.Command, args []string) error {
	if k.output == "" {
		return usageError(errors.New("where to? Give a file with -o"))
	}
	if k.query.narrow() == k.all {
		return usageError(errors.New("which entries? Give --jkt or another search, or else --all"))
	}
	known, err := readCheckpoints(k.known)
	if err != nil {
		return usageError(err)
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		find, bar, err := k.query.find(cmd, o)
		if err != nil {
			return err
		}
		var m *audit.Manifest
		err = writePrivate(k.output, func(w io.Writer) (err error) {
			m, err = audit.MakeBundle(ctx, audit.BundleConfig{FindConfig: find, PolicyText: o.policyText, Known: known}, w)
			bar.Wipe()
			return err
		})
		if err != nil {
			return err
		}
		return concluded(cmd, k.log.asJSON, m, func(p auditview.Page) { p.Bundled(k.output, m) })
	})
}

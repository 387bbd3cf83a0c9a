package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
)

// auditProve writes the receipt of one entry.
type auditProve struct {
	log                    logFlags
	index                  int64
	output, entry, opening string
}

func newAuditProveCommand() *cobra.Command {
	var k auditProve
	cmd := &cobra.Command{
		Use:   "prove [LOG] -i N",
		Short: "Write the receipt of an entry: the proof that it is in the log",
		Long: `Write the receipt of an entry (c2sp.org/tlog-proof@v1): about two kilobytes that lead from the entry to a checkpoint that the log
signed. When witnesses are asked for, it is the newest one that enough of them cosigned. The receipt is verified before it is
written. Who is to verify it needs the entry's exact bytes too: --entry writes them.`,
		Example: `  tenon audit prove /var/lib/tenon --policy tlog-policy -i 1199807 -o receipt --entry entry.json --opening opening.json
  tenon audit verify-token token --policy tlog-policy --receipt receipt --entry entry.json --opening opening.json`,
		Args: logArgs(0),
		RunE: k.run,
	}
	k.log.register(cmd)
	flags := cmd.Flags()
	flags.Int64VarP(&k.index, "index", "i", -1, "`number` of the entry")
	flags.StringVarP(&k.output, "output", "o", "", "`file` to write the receipt to, which must not exist; standard output without")
	flags.StringVar(&k.entry, "entry", "", "`file` to write the exact bytes of the entry to")
	flags.StringVar(&k.opening, "opening", "", "`file` to write the entry's opening to: it says in clear what the entry hides")
	return cmd
}

func (k *auditProve) run(cmd *cobra.Command, args []string) error {
	if k.index < 0 {
		return usageError(errors.New("which entry? Give its number with -i"))
	}
	return k.log.with(cmd, args, func(ctx context.Context, o *openLog) error {
		p, err := makeProof(ctx, o, k.index)
		if err != nil {
			return err
		}
		if err := k.write(ctx, o, p); err != nil {
			return err
		}
		if k.log.asJSON {
			c := p.proven.Head.Checkpoint
			return printJSON(harmless{cmd.OutOrStdout()}, map[string]any{
				"index": k.index, "origin": c.Origin, "size": c.Size, "root": c.Root, "level": p.proven.Level,
				"witnesses": p.proven.Head.Quorum, "entry": string(p.entry), "receipt": string(p.receipt),
			})
		}
		if k.output == "" {
			if _, err := cmd.OutOrStdout().Write(p.receipt); err != nil {
				return err
			}
		}
		auditview.Page{W: cmd.ErrOrStderr(), T: auditPage(cmd).T}.Proven(p.proven)
		return nil
	})
}

// A proofOfEntry is an entry with its receipt.
type proofOfEntry struct {
	entry, receipt []byte
	proven         *audit.Proven
}

// makeProof makes a receipt and verifies it.
func makeProof(ctx context.Context, o *openLog, index int64) (*proofOfEntry, error) {
	signed, err := o.bestCheckpoint(ctx, index)
	if err != nil {
		return nil, err
	}
	r, err := audit.NewReader(ctx, pinnedLog{o.source, signed}, o.policy)
	if err != nil {
		return nil, err
	}
	var p proofOfEntry
	if p.entry, err = r.Entry(ctx, index); err != nil {
		return nil, err
	}
	if p.receipt, err = r.Receipt(ctx, index); err != nil {
		return nil, err
	}
	p.proven, err = audit.VerifyReceipt(o.policy, p.entry, p.receipt, audit.L1)
	return &p, err
}

// write makes the files that were asked for.
func (k *auditProve) write(ctx context.Context, o *openLog, p *proofOfEntry) error {
	opening, err := k.openingOf(ctx, o)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		data []byte
	}{{k.output, p.receipt}, {k.entry, p.entry}, {k.opening, opening}} {
		if f.path == "" {
			continue
		}
		err := writePrivate(f.path, func(w io.Writer) error {
			_, err := w.Write(f.data)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *auditProve) openingOf(ctx context.Context, o *openLog) ([]byte, error) {
	if k.opening == "" {
		return nil, nil
	}
	data, err := o.source.ReadFile(ctx, audit.OpeningsPath(k.index/audit.TileWidth))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all, err := audit.ParseOpenings(data)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(o audit.Opening) bool { return int64(o.Index) == k.index })
	if i < 0 {
		return nil, fmt.Errorf("entry %d has no opening at hand: it was erased, it never had one, or it is not served", k.index)
	}
	return audit.FormatOpenings(all[i : i+1])
}

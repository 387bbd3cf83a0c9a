package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

// auditPolicy writes a policy for a log that is trusted at this moment.
type auditPolicy struct {
	log       logFlags
	witnesses []string
	quorum    int
}

func newAuditPolicyCommand() *cobra.Command {
	var k auditPolicy
	cmd := &cobra.Command{
		Use:   "policy [LOG]",
		Short: "Print a policy for a log that you trust now, to hold it to that later",
		Long: `Print a policy with the key that the log says it is signed with. That is worth what the log is worth at this moment: use it on
the operator's own machine, to give the file to auditors as tlog-policy, or compare the key with the operator on the phone.

Without witnesses a log is a signed diary: whoever has its key can write another one. --witness names those whose
cosignature counts; tenon audit witness runs one and prints its key.

The format is the one of Sigsum and C2SP tools, one statement a line:

  log VKEY
  witness NAME VKEY [URL]
  group NAME any|all|N MEMBER...
  quorum NAME|none`,
		Example: `  tenon audit policy /var/lib/tenon > tlog-policy
  tenon audit policy /var/lib/tenon --witness audit-firm+5d9a1c2e+BFyG... --witness bank-b+91c0e7aa+BNq1... --quorum 1 > tlog-policy`,
		Args: logArgs(0),
		RunE: k.run,
	}
	k.log.register(cmd)
	_ = cmd.Flags().MarkHidden("policy")
	flags := cmd.Flags()
	flags.StringArrayVar(&k.witnesses, "witness", nil, "`key` (vkey) of a witness, with @URL behind it where it takes checkpoints; may be repeated")
	flags.IntVar(&k.quorum, "quorum", 0, "how many witnesses must have cosigned (default: all)")
	return cmd
}

func (k *auditPolicy) run(cmd *cobra.Command, args []string) error {
	where, err := logNamed(args, 0)
	if err != nil {
		return err
	}
	o, err := k.log.open(where)
	if err != nil {
		return err
	}
	key, err := announcedKey(cmd.Context(), o.source)
	if err := errors.Join(explained(err), o.close()); err != nil {
		return err
	}
	text, err := k.text(key)
	if err != nil {
		return usageError(err)
	}
	if k.log.asJSON {
		return printJSON(cmd.OutOrStdout(), map[string]any{"logKey": key, "witnesses": len(k.witnesses), "policy": text})
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), text)
	return err
}

// text writes the policy, and reads it back as whoever uses it will.
func (k *auditPolicy) text(key string) (string, error) {
	var b strings.Builder
	origin, _, _ := strings.Cut(key, "+")
	fmt.Fprintf(&b, "# Whose signatures count for the log %s.\n", origin)
	b.WriteString("# This was made from what the log says of itself: compare the key with the operator by another way.\n")
	fmt.Fprintf(&b, "log %s\n", key)
	if len(k.witnesses) == 0 {
		b.WriteString("# No witnesses: a signed diary. Whoever has the log's key can write another one, and nobody would know.\nquorum none\n")
	} else {
		var names strings.Builder
		for _, w := range k.witnesses {
			vkey, url, _ := strings.Cut(w, "@")
			name, _, _ := strings.Cut(vkey, "+")
			names.WriteString(" " + name)
			fmt.Fprintf(&b, "%s\n", strings.TrimSpace(fmt.Sprintf("witness %s %s %s", name, vkey, url)))
		}
		needed := "all"
		if k.quorum != 0 {
			needed = fmt.Sprint(k.quorum)
		}
		fmt.Fprintf(&b, "group witnesses %s%s\nquorum witnesses\n", needed, names.String())
	}
	_, err := audit.ParsePolicy([]byte(b.String()))
	return b.String(), err
}

// announcedKey is the key that the log announces in an entry and signs its checkpoint with. Nothing vouches for it.
func announcedKey(ctx context.Context, source audit.Source) (string, error) {
	signed, err := source.ReadFile(ctx, checkpointFile)
	if err != nil {
		return "", fmt.Errorf("the log's checkpoint: %w", err)
	}
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	c, err := audit.ParseCheckpoint(string(text) + "\n")
	if err != nil {
		return "", err
	}
	for n := int64(0); n*audit.TileWidth < c.Size; n++ {
		tile := audit.EntryTile(n, c.Size)
		bundle, err := source.ReadFile(ctx, audit.TilePath(tile))
		if err != nil {
			return "", err
		}
		entries, err := audit.SplitEntries(bundle, tile.W)
		if err != nil {
			return "", err
		}
		for _, entry := range entries {
			if key := keyIn(entry); key != "" && signs(key, signed) {
				return key, nil
			}
		}
	}
	return "", errors.New("no entry of the log announces the key that its checkpoint is signed with")
}

// keyIn is the key that an entry announces, or "".
func keyIn(entry []byte) string {
	l, err := audit.ParseLeaf(entry)
	if err != nil || l.Type != audit.LogKey {
		return ""
	}
	return l.Token.KeyID
}

func signs(key string, signed []byte) bool {
	v, err := note.NewVerifier(key)
	if err != nil {
		return false
	}
	_, _, err = audit.OpenSigned(signed, note.VerifierList(v))
	return err == nil
}

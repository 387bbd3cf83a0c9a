package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check a binding log without trusting who keeps it; search it, prove and export what is in it",
		Long: `Check a binding log without trusting who keeps it; search it, prove and export what is in it.

LOG is a directory, a zip or an https URL. A server's data directory will do too: its log is in log/. Nothing is asked of
a network unless LOG is a URL, and nothing is ever written to the log.

Every command needs a policy: the file that says which key signs the log and which witnesses must have seen it. Get it
from somewhere else than the log: from the operator's contract, or from a witness. See tenon audit policy --help.

Exit codes: 0 clean, 1 something is wrong with the log or the token, 2 the command line or the policy is wrong,
3 it could not be completed, 4 the checkpoint is too old or too few witnesses signed it.

A log proves what is in it, not that everything was written to it. It proves bytes, not truth: identities, subjects and
addresses are the issuer's word; a kept DPoP proof is the exception, for it is the client's own signature. Time is good
to the interval of the witnesses. Without independent witnesses it is a signed diary.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newAuditVerifyCommand(), newAuditVerifyTokenCommand(), newAuditFindCommand(), newAuditTimelineCommand(), newAuditTailCommand(),
		newAuditProveCommand(), newAuditConsistencyCommand(), newAuditReconcileCommand(), newAuditExportCommand(), newAuditBundleCommand(),
		newAuditPolicyCommand(), newAuditWitnessCommand(),
	)
	return cmd
}

// auditPage is where an auditor's command shows what it found.
func auditPage(cmd *cobra.Command) auditview.Page {
	out := cmd.OutOrStdout()
	return auditview.Page{W: out, T: terminal.Of(out, os.Getenv)}
}

// auditProgress draws a bar on standard error while a log is gone through. Wipe it before anything else is written.
func auditProgress(cmd *cobra.Command) *terminal.Progress {
	out := cmd.ErrOrStderr()
	return terminal.ProgressOn(out, terminal.Of(out, os.Getenv), "leaves")
}

// evidenceFlag gives a command the directory for the bytes that findings stand on.
func evidenceFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("evidence", "tenon-evidence", "`directory` for the bytes that findings stand on, made when there are any; \"\" keeps none")
}

// concluded shows a result to a program or to a person, and ends the command with the exit code of what was found. v is what the
// program gets, with the exit code in it.
func concluded(cmd *cobra.Command, asJSON bool, v any, show func(auditview.Page)) error {
	if asJSON {
		return printJSON(harmless{cmd.OutOrStdout()}, v)
	}
	show(auditPage(cmd))
	return nil
}

// harmless escapes in JSON what is not printable ASCII, so that texts of strangers do nothing to a terminal in that form either.
type harmless struct{ w io.Writer }

// Write takes a whole JSON document, in which such characters are in strings only.
func (h harmless) Write(data []byte) (int, error) {
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case r == '\n' || r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	_, err := h.w.Write(b.Bytes())
	return len(data), err
}

// foundAlone reports a finding that ended a command, as JSON when that was asked for.
func foundAlone(cmd *cobra.Command, asJSON bool, f *audit.Finding) error {
	if asJSON {
		if err := printJSON(harmless{cmd.OutOrStdout()}, struct {
			Findings []*audit.Finding `json:"findings"`
			Exit     int              `json:"exit"`
		}{[]*audit.Finding{f}, f.Exit()}); err != nil {
			return err
		}
		return alreadySaid(f)
	}
	return f
}

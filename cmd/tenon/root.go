package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
)

// run carries out one command line and gives the exit code.
func run(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(os.Stdin)
	root.SetOut(os.Stdout)
	root.SetErr(os.Stderr)
	return report(root.ErrOrStderr(), root.ExecuteContext(ctx))
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "tenon",
		Short:         "Tokens that only the rightful key can use",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	for _, command := range []func() *cobra.Command{
		newDemoCommand,
		newBenchCommand,
		newInitCommand,
		newServeCommand,
		newClientCommand,
		newUserCommand,
		newTokenCommand,
		newCurlCommand,
		newProofCommand,
		newAuditCommand,
		newKeyCommand,
		newRevokeCommand,
		newConfigCommand,
		newCertsCommand,
		newStoreCommand,
		newVersionCommand,
	} {
		root.AddCommand(command())
	}
	return root
}

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/demo"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

func newDemoCommand() *cobra.Command {
	var cfg demo.Config
	var without string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See tokens issued, used, stolen and refused, all on this machine",
		Long: `Starts an issuer and a payments API on this machine, with a client that has a DPoP key and one that has a certificate, and shows
what works and what a thief tries in vain. At the end the binding log of it is verified, and a copy with one byte changed is found out.
Every verdict is checked: the exit code is 1 when an attack succeeds, an honest call is refused or the change goes unnoticed, and 3
when the demo itself cannot go on.

Nothing is needed and nothing is left behind. Ports are free ones on loopback. With --once it ends by itself; without, it keeps
running, says how to try things by hand, and ends with Ctrl-C.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Without = demo.Guard(without)
			if cfg.Without != demo.NoGuard && !slices.Contains(demo.Guards(), cfg.Without) {
				return usageError(fmt.Errorf("--without cannot be %q: write one of %s", without, guardNames()))
			}
			signal.Ignore(syscall.SIGPIPE) // whoever reads may stop reading; what was started is cleared away all the same
			program, err := child.Self("demo", "api")
			if err != nil {
				return err
			}
			cfg.Program, cfg.Out, cfg.Term = program, cmd.OutOrStdout(), terminal.Of(cmd.OutOrStdout(), os.Getenv)
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP) // the terminal was closed
			defer stop()
			err = demo.Run(ctx, cfg)
			if errors.Is(err, demo.ErrWrong) {
				return refusedError(err)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&cfg.Once, "once", false, "end when the story is told")
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "keep everything in this folder: tenon.yaml, keys, certificates, data")
	cmd.Flags().BoolVar(&cfg.JSON, "json", false, "write one JSON object a step")
	cmd.Flags().StringVar(&without, "without", "", "take one of the API's guards away, to see the demo fail: "+guardNames())
	cmd.AddCommand(newDemoAPICommand())
	return cmd
}

func guardNames() string {
	var names []string
	for _, g := range demo.Guards() {
		names = append(names, string(g))
	}
	return strings.Join(names, ", ")
}

// newDemoAPICommand is the payments API, which the demo starts as a process of its own so that it can be killed.
func newDemoAPICommand() *cobra.Command {
	var cfg demo.APIConfig
	var without string
	cmd := &cobra.Command{
		Use:    "api",
		Short:  "The demo's payments API, started by the demo",
		Hidden: true,
		Args:   usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Without = demo.Guard(without)
			return demo.RunAPI(cmd.Context(), cfg, func() { fmt.Fprintln(cmd.OutOrStdout(), "ready") })
		},
	}
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "the API's folder")
	cmd.Flags().StringVar(&cfg.Issuer, "issuer", "", "whose tokens it takes")
	cmd.Flags().StringVar(&cfg.Origin, "origin", "", "the address that callers use")
	cmd.Flags().StringVar(&cfg.CA, "ca", "", "the authority of the issuer's certificate")
	cmd.Flags().StringVar(&without, "without", "", "the guard to be without")
	return cmd
}

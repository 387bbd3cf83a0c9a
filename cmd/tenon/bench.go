package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/bench"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

func newBenchCommand() *cobra.Command {
	var cfg bench.Config
	var seconds int
	var asJSON, ascii bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine: bare signatures, verifier, token endpoint, replay memory",
		Long: `Measures what Tenon costs on this machine, each figure beside the bare signature operations that it cannot do without, in turns
and in the same run. Progress goes to standard error, the report to standard output. Everything is on loopback and in a folder
that is removed at the end; --dir decides on which disk.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds < 2 || seconds > 3600 {
				return usageError(fmt.Errorf("--seconds cannot be %d: write 2 to 3600", seconds))
			}
			signal.Ignore(syscall.SIGPIPE) // whoever reads may stop reading; the files are removed all the same
			program, err := child.Self("bench", "caller")
			if err != nil {
				return err
			}
			cfg.Caller = program
			cfg.For = time.Duration(seconds) * time.Second
			cfg.Progress = func(what string) { fmt.Fprintf(cmd.ErrOrStderr(), "measuring %s\n", what) }
			report, err := bench.Run(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			show := terminal.Of(cmd.OutOrStdout(), os.Getenv)
			show.Unicode = show.Unicode && !ascii
			return report.Write(cmd.OutOrStdout(), show)
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:    "caller",
		Short:  "Calls the servers that bench measures, started by bench",
		Hidden: true,
		Args:   usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Call(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	})
	cmd.Flags().IntVar(&seconds, "seconds", 40, "about how long to measure")
	cmd.Flags().StringVar(&cfg.Dir, "dir", "", "write files in this folder (default: the system's for temporary files)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON")
	cmd.Flags().BoolVar(&ascii, "ascii", false, "draw with ASCII only")
	return cmd
}

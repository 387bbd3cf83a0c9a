package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the issuer",
		Long: `Run the issuer that a configuration file describes, until it is interrupted.

It reads its configuration and certificates again when the files change, and on SIGHUP. What is wrong is
refused and logged; what was in use stays. On SIGTERM and SIGINT it lets requests in flight finish.`,
		Args: usageArgs(cobra.NoArgs),
	}
	path := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return serve(cmd, *path) }
	return cmd
}

func serve(cmd *cobra.Command, path string) error {
	const undone = "nothing was started"
	cfg, err := loadConfig(cmd, path, undone)
	if err != nil {
		return err
	}
	if err := configError(cmd, cfg.CheckFiles(), undone); err != nil {
		return err
	}
	ctx := cmd.Context()
	level := new(slog.LevelVar)
	s, err := server.Start(ctx, cfg, server.Options{
		Log: newLog(cmd.ErrOrStderr(), cfg.Log.Format, level), Level: level, Version: version(),
	})
	if err != nil {
		return fmt.Errorf("%w; nothing was started", err)
	}
	banner(cmd.ErrOrStderr(), cfg, s.Status())
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) }) // a second one ends the process at once
	go reloadOnHangup(ctx, s)
	return s.Run(ctx)
}

func newLog(w io.Writer, format string, level *slog.LevelVar) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// banner tells a person where everything is.
func banner(w io.Writer, cfg *config.Config, status admin.Status) {
	fmt.Fprintf(w, "tenon %s, profile %s, process %d\n", status.Version, cfg.Profile, status.PID)
	line := func(what, where string) { fmt.Fprintf(w, "  %-13s %s\n", what, where) }
	line("issuer", status.Issuer)
	line("listening", status.Listen.Main)
	if status.Listen.MTLS != "" {
		line("certificates", status.Listen.MTLS)
	}
	if status.Listen.Operations != "" {
		line("operations", "http://"+status.Listen.Operations+" (/healthz /readyz /metrics)")
	}
	line("data", string(cfg.Data))
}

func reloadOnHangup(ctx context.Context, s *server.Server) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			s.Reload(ctx)
		}
	}
}

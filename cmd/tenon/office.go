package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

// An office is where a command does its administration: at the running server, or at the store itself.
type office struct {
	*admin.Client
	config *config.Config
}

// administer opens the office of a configuration, does the work and closes it again.
func administer(cmd *cobra.Command, configPath string, work func(ctx context.Context, o office) error) error {
	cfg, err := loadConfig(cmd, configPath, "nothing was done")
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	client, err := admin.Dial(ctx, string(cfg.Data))
	if err == nil {
		return administrationError(work(ctx, office{client, cfg}))
	}
	if !errors.Is(err, admin.ErrNoServer) {
		return err
	}
	data, err := server.OpenData(ctx, cfg, nil)
	if err != nil {
		return err
	}
	client = admin.Direct(data.Desk(cfg, version()).Handler())
	return errors.Join(administrationError(work(ctx, office{client, cfg})), data.Close())
}

// administrationError tells what was refused from what could not be done.
func administrationError(err error) error {
	for _, refused := range []error{store.ErrNotFound, issuer.ErrClientExists, issuer.ErrChanged, issuer.ErrClient, admin.ErrDeclared, admin.ErrNoPeople, people.ErrExists, people.ErrWeak, people.ErrInvalid} {
		if errors.Is(err, refused) {
			return refusedError(err)
		}
	}
	return err
}

// jsonFlag gives a command the flag for programs that read its output.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON")
}

// printJSON writes a value for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printTable writes rows in columns for people; the first row is the heading.
func printTable(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, cell)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Look at the server's configuration"}
	path := configFlag(cmd)
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the effective configuration, with defaults and what each setting is for",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return showConfig(cmd, *path) },
	}
	check := &cobra.Command{
		Use:   "check",
		Short: "Say which clause each setting meets or breaks",
		Args:  usageArgs(cobra.NoArgs),
	}
	asJSON := jsonFlag(check)
	check.RunE = func(cmd *cobra.Command, _ []string) error { return checkConfig(cmd, *path, *asJSON) }
	cmd.AddCommand(show, check)
	return cmd
}

func showConfig(cmd *cobra.Command, path string) error {
	cfg, err := loadConfig(cmd, path, "it has to hold together before it can be shown")
	if err != nil {
		return err
	}
	text, err := cfg.Show()
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}

func checkConfig(cmd *cobra.Command, path string, asJSON bool) error {
	const undone = "a server would not start"
	cfg, err := loadConfig(cmd, path, undone)
	if err != nil {
		return err
	}
	if err := configError(cmd, cfg.CheckFiles(), undone); err != nil {
		return err
	}
	findings := cfg.Findings()
	broken := 0
	rows := [][]string{{"SETTING", "VALUE", "CLAUSE", "VERDICT", "WHY"}}
	for _, f := range findings {
		if f.Verdict == config.Breaks {
			broken++
		}
		rows = append(rows, []string{f.Setting, f.Value, f.Clause, string(f.Verdict), f.Why})
	}
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), findings)
	} else {
		err = printTable(cmd.OutOrStdout(), rows)
	}
	if broken > 0 {
		return errors.Join(err, refusedError(fmt.Errorf("%d clauses are broken", broken)))
	}
	return err
}

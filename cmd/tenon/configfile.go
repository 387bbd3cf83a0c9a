package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

// configFlag gives a command the flag that names the server's configuration.
func configFlag(cmd *cobra.Command) *string {
	path := cmd.PersistentFlags().String("config", "tenon.yaml", "the server's configuration `file`")
	_ = cmd.MarkPersistentFlagFilename("config", "yaml", "yml") // the flag is there: it was made in the line above
	return path
}

// loadConfig reads the configuration, and says what is wrong with it and that nothing was done because of it.
func loadConfig(cmd *cobra.Command, path, undone string) (*config.Config, error) {
	cfg, err := config.Load(path)
	return cfg, configError(cmd, err, undone)
}

// configError prints faults of the configuration in full; they take several lines.
func configError(cmd *cobra.Command, err error, undone string) error {
	if err == nil {
		return nil
	}
	var faults *config.Faults
	if !errors.As(err, &faults) {
		return usageError(err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%v; %s.\n", faults, undone)
	return alreadySaid(usageError(err))
}

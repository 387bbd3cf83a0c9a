package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/issuer"
)

func newKeyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Look at the signing keys, or bring the next one forward"}
	path := configFlag(cmd)
	cmd.AddCommand(newKeyListCommand(path), newKeyRotateCommand(path))
	return cmd
}

func newKeyListCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the signing keys, oldest first", Args: usageArgs(cobra.NoArgs)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			keys, err := o.Keys(ctx)
			if err != nil {
				return err
			}
			return printKeys(cmd, keys, *asJSON)
		})
	}
	return cmd
}

func newKeyRotateCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Publish the next signing key now; it signs as soon as every API can know it",
		Args:  usageArgs(cobra.NoArgs),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			key, err := o.RotateKey(ctx)
			if err != nil {
				return err
			}
			return printKeys(cmd, []issuer.SigningKey{key}, *asJSON)
		})
	}
	return cmd
}

func printKeys(cmd *cobra.Command, keys []issuer.SigningKey, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), keys)
	}
	rows := [][]string{{"KEY", "ALG", "STATE", "SIGNS FROM", "REMOVED AFTER"}}
	for _, k := range keys {
		removed := "-"
		if !k.RemoveAt.IsZero() {
			removed = moment(k.RemoveAt)
		}
		rows = append(rows, []string{k.ID, string(k.Algorithm), k.State, moment(k.ActiveFrom), removed})
	}
	return printTable(cmd.OutOrStdout(), rows)
}

// moment is a time for people, the same everywhere.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

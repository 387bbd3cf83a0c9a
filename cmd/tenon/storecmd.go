package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/internal/durable"
)

func newStoreCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Look after the data"}
	path := configFlag(cmd)
	check := &cobra.Command{
		Use:   "check",
		Short: "Read the whole store and say what is wrong with it; a running server goes on meanwhile",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return administer(cmd, *path, func(ctx context.Context, o office) error {
				if err := o.Check(ctx); err != nil {
					return refusedError(err)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "the store is consistent")
				return err
			})
		},
	}
	backup := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the store as it is now; a running server goes on meanwhile",
		Long: `Write a copy of the store as it is now. It can be read whole: a copy that was interrupted does not get the name.

Who puts a copy back brings back all that was spent or revoked after it was made: let every token and proof of
that time run out first. The signing keys are files of their own, in keys/ of the data directory.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return administer(cmd, *path, func(ctx context.Context, o office) error {
				size, err := writeBackup(ctx, o, args[0])
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes; the signing keys are in %s\n", args[0], size, filepath.Join(string(o.config.Data), "keys"))
				}
				return err
			})
		},
	}
	cmd.AddCommand(check, backup)
	return cmd
}

// writeBackup gives the copy its name only when it is whole and on the disk.
func writeBackup(ctx context.Context, o office, path string) (size int64, err error) {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return 0, usageError(errors.Join(fmt.Errorf("%s is already there: choose another name", path), err))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".tenon-backup-*") // 0600 from the start
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing of this name
	err = o.Backup(ctx, f)
	if err == nil {
		err = f.Sync()
	}
	if info, statErr := f.Stat(); statErr == nil {
		size = info.Size()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return 0, err
	}
	return size, durable.SyncDir(filepath.Dir(path))
}

package main

import (
	"context"
	"iter"

	"github.com/spf13/cobra"
)

// gather takes everything that a listing goes through. It is never nil: programs read a list also when nobody is on it.
func gather[T any](listed iter.Seq2[T, error]) ([]T, error) {
	all := []T{}
	for item, err := range listed {
		if err != nil {
			return all, err
		}
		all = append(all, item)
	}
	return all, nil
}

// eachOf gives one word for each.
func eachOf[T any](all []T, name func(T) string) []string {
	names := make([]string, len(all))
	for i, item := range all {
		names[i] = name(item)
	}
	return names
}

// completeNames offers to the shell what a command may be about.
func completeNames(path *string, list func(ctx context.Context, o office) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		err := administer(cmd, *path, func(ctx context.Context, o office) (err error) {
			names, err = list(ctx, o)
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

func newUserCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Look after the people who can log in"}
	path := configFlag(cmd)
	cmd.AddCommand(
		newUserAddCommand(path), newUserListCommand(path), newUserShowCommand(path), newUserEditCommand(path),
		newUserPasswordCommand(path), newUserResetCommand(path), newUserRemoveCommand(path),
	)
	return cmd
}

func newUserListCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the people who can log in", Args: usageArgs(cobra.NoArgs)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			all, err := gather(o.People(ctx))
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			rows := [][]string{{"USER", "NAME", "E-MAIL", "LOGS IN WITH", "STATE"}}
			for _, l := range all {
				rows = append(rows, []string{l.Username, orDash(l.Name), orDash(l.Email), logsInWith(l.Factors), stateOf(l)})
			}
			return printTable(cmd.OutOrStdout(), rows)
		})
	}
	return cmd
}

func newUserShowCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{Use: "show USER", Short: "Show one person", Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completePeople(path)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			login, err := o.Person(ctx, args[0])
			if err != nil {
				return aboutPerson(args[0], err)
			}
			return showLogin(cmd.OutOrStdout(), login, *asJSON)
		})
	}
	return cmd
}

func newUserEditCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit USER",
		Short: "Change what is known of a person, or let them log in no more",
		Long: `Change what is known of a person: what is given replaces what there was, all else stays.

"--disabled" ends the person's sessions and everything they have allowed; "--disabled=false" lets them log in again.`,
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completePeople(path),
	}
	var flags personFlags
	flags.register(cmd)
	cmd.Flags().BoolVar(&flags.disabled, "disabled", false, "cannot log in")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !flags.given(cmd) {
			return usageError(errors.New("nothing to change: give at least one option; see tenon user edit --help"))
		}
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			login, err := o.Person(ctx, args[0])
			if err != nil {
				return aboutPerson(args[0], err)
			}
			flags.apply(cmd, &login.Person)
			if login, err = o.UpdatePerson(ctx, args[0], login.Person); err != nil {
				return aboutPerson(args[0], err)
			}
			return showLogin(cmd.OutOrStdout(), login, *asJSON)
		})
	}
	return cmd
}

func newUserResetCommand(path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "reset USER",
		Short: "Take away a person's passkeys and one-time codes, when they are lost",
		Long: `Take away a person's passkeys and one-time codes, when they are lost. Who may ask for this is worth a thought: afterwards
the password alone is enough, until the person sets them up again.`,
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completePeople(path),
		RunE: func(cmd *cobra.Command, args []string) error {
			return administer(cmd, *path, func(ctx context.Context, o office) error {
				login, err := o.RemoveFactors(ctx, args[0])
				if err != nil {
					return aboutPerson(args[0], err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s now logs in with: %s\n", args[0], logsInWith(login.Factors))
				return err
			})
		},
	}
}

func newUserRemoveCommand(path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "rm USER",
		Short: "End everything a person has allowed, and forget them",
		Args:  usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completePeople(path),
		RunE: func(cmd *cobra.Command, args []string) error {
			return administer(cmd, *path, func(ctx context.Context, o office) error {
				done, err := o.RemovePerson(ctx, args[0])
				if err != nil {
					return aboutPerson(args[0], err)
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is removed; what they allowed has ended: %d grants, %d live tokens; every API that checks the list knows within %s\n", args[0], done.Grants, done.Count, done.ByWhen)
				return err
			})
		},
	}
}

// aboutPerson names the person that an error is about.
func aboutPerson(username string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no user %q; tenon user list names all (%w)", username, err)
	}
	return fmt.Errorf("user %q: %w", username, err)
}

func logsInWith(f people.Factors) string {
	var with []string
	if f.Password {
		with = append(with, "password")
	}
	if f.TOTP {
		with = append(with, fmt.Sprintf("one-time codes (%d recovery codes left)", f.RecoveryCodes))
	}
	if n := len(f.Passkeys); n > 0 {
		with = append(with, fmt.Sprintf("%d passkeys", n))
	}
	if len(with) == 0 {
		return "nothing yet"
	}
	return strings.Join(with, ", ")
}

func stateOf(l admin.Login) string {
	if l.Disabled {
		return "disabled"
	}
	return "active"
}

func showLogin(w io.Writer, l admin.Login, asJSON bool) error {
	if asJSON {
		return printJSON(w, l)
	}
	rows := [][]string{
		{"user", l.Username},
		{"subject", l.Subject},
		{"name", orDash(l.Name)},
		{"e-mail", orDash(l.Email)},
		{"logs in with", logsInWith(l.Factors)},
		{"state", stateOf(l)},
	}
	for _, key := range l.Factors.Passkeys {
		rows = append(rows, []string{"passkey", key.Name})
	}
	return printTable(w, rows)
}

// completePeople offers the names of people to the shell.
func completePeople(path *string) cobra.CompletionFunc {
	return completeNames(path, func(ctx context.Context, o office) ([]string, error) {
		all, err := gather(o.People(ctx))
		return eachOf(all, func(l admin.Login) string { return l.Username }), err
	})
}

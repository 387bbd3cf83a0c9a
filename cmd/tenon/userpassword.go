package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// maxPassword bounds what is read as a password.
const maxPassword = 1 << 10

// passwordFlags say where a new password comes from: the terminal, when neither is given.
type passwordFlags struct{ stdin, generate bool }

func (f *passwordFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.stdin, "password-stdin", false, "read the password from standard input: one line")
	cmd.Flags().BoolVar(&f.generate, "generate-password", false, "make a password, and print it once")
}

func (f *passwordFlags) read(cmd *cobra.Command) (string, error) {
	switch {
	case f.stdin && f.generate:
		return "", usageError(errors.New("--password-stdin and --generate-password: the password is either given or made; leave one out"))
	case f.generate:
		return rand.Text(), nil
	case f.stdin:
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), maxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", usageError(errors.New("--password-stdin: there is no password on standard input"))
		}
		return line, nil
	}
	return askPassword(cmd)
}

// askPassword asks on the terminal, twice: what is typed cannot be seen.
func askPassword(cmd *cobra.Command) (string, error) {
	file, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", usageError(errors.New("there is no terminal to ask for a password: use --password-stdin or --generate-password"))
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(cmd.ErrOrStderr(), prompt)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
		return string(typed), err
	}
	first, err := ask("password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("once more: ")
	switch {
	case err != nil:
		return "", err
	case first == "":
		return "", usageError(errors.New("no password was typed; nothing was done"))
	case first != again:
		return "", usageError(errors.New("the two passwords differ; nothing was done"))
	}
	return first, nil
}

// tell prints a password that was made. It goes to standard error: what is written for programs stays whole.
func (f *passwordFlags) tell(cmd *cobra.Command, password string) error {
	if !f.generate {
		return nil
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "password (shown once): %s\n", password)
	return err
}

func newUserPasswordCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "password USER",
		Short: "Give a person a new password",
		Args:  usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completePeople(path),
	}
	var password passwordFlags
	password.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		secret, err := password.read(cmd)
		if err != nil {
			return err
		}
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			if err := o.SetPassword(ctx, args[0], secret); err != nil {
				return aboutPerson(args[0], err)
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s has a new password\n", args[0]); err != nil {
				return err
			}
			return password.tell(cmd, secret)
		})
	}
	return cmd
}

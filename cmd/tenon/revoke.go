package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// maxToken bounds a token that is read from standard input.
const maxToken = 64 << 10

func newRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke (--client ID | --token-id JTI | --index N | --token - | --thumbprint T)",
		Short: "Revoke tokens, and say what was hit and how soon everybody knows",
		Long: `Revoke live tokens: all of a client, which is also disabled; all that are bound to a key or certificate; or one.
APIs that check the status list refuse them when their copy of the list is renewed.`,
		Args: usageArgs(cobra.NoArgs),
	}
	path, asJSON := configFlag(cmd), jsonFlag(cmd)
	var r revocationFlags
	flags := cmd.Flags()
	flags.StringVar(&r.client, "client", "", "all tokens of the client with this `id`, which is disabled too")
	flags.StringVar(&r.tokenID, "token-id", "", "the token with this `jti`")
	flags.StringVar(&r.index, "index", "", "the token with this `number` in the binding log")
	flags.StringVar(&r.token, "token", "", `one token; only "-" is taken: a token on a command line can be read by others`)
	flags.StringVar(&r.thumbprint, "thumbprint", "", "all tokens bound to the key (jkt) or certificate (x5t#S256) with this `thumbprint`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		what, err := r.revocation(cmd.InOrStdin())
		if err != nil {
			return usageError(err)
		}
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			done, err := o.Revoke(ctx, what)
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("there is no such client, and no live token of this name (%w)", err)
			}
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(cmd.OutOrStdout(), done)
			}
			return printRevoked(cmd.OutOrStdout(), what, done)
		})
	}
	return cmd
}

type revocationFlags struct{ client, tokenID, index, token, thumbprint string }

// revocation holds the flags to exactly one, and that one to its form.
func (f revocationFlags) revocation(stdin io.Reader) (issuer.Revocation, error) {
	given := 0
	for _, value := range []string{f.client, f.tokenID, f.index, f.token, f.thumbprint} {
		if value != "" {
			given++
		}
	}
	if given != 1 {
		return issuer.Revocation{}, errors.New("say what to revoke: one of --client, --token-id, --index, --token and --thumbprint")
	}
	r := issuer.Revocation{ClientID: f.client, TokenID: f.tokenID, Token: f.index, Thumbprint: f.thumbprint}
	if f.index != "" {
		if _, err := strconv.ParseUint(f.index, 10, 64); err != nil {
			return r, fmt.Errorf("--index %q is not a number", f.index)
		}
	}
	if f.token == "" {
		return r, nil
	}
	if f.token != "-" {
		return r, errors.New(`write "--token -" and give the token on standard input: a command line can be read by others`)
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxToken))
	r.Token = strings.TrimSpace(string(text))
	if err == nil && r.Token == "" {
		err = errors.New("there is no token on standard input")
	}
	return r, err
}

func printRevoked(w io.Writer, what issuer.Revocation, done issuer.Revoked) error {
	noun := "live tokens are"
	if done.Count == 1 {
		noun = "live token is"
	}
	text := fmt.Sprintf("%d %s revoked", done.Count, noun)
	if done.Disabled {
		text += fmt.Sprintf("; client %s is disabled and gets no more", what.ClientID)
	}
	if done.Count > 0 {
		text += fmt.Sprintf("; every API that checks the status list knows within %v", done.ByWhen)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

func newClientCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "client", Short: "Register clients and look after them"}
	path := configFlag(cmd)
	cmd.AddCommand(
		newClientAddCommand(path), newClientListCommand(path), newClientShowCommand(path),
		newClientEditCommand(path), newClientDisableCommand(path), newClientRemoveCommand(path),
	)
	return cmd
}

func newClientListCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the clients", Args: usageArgs(cobra.NoArgs)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			all, err := gather(o.Clients(ctx))
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(cmd.OutOrStdout(), all)
			}
			return printClients(cmd.OutOrStdout(), o.config, all)
		})
	}
	return cmd
}

func newClientShowCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show one client", Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeClients(path)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			c, err := o.Client.Client(ctx, args[0])
			if err != nil {
				return aboutClient(args[0], err)
			}
			return showClient(cmd.OutOrStdout(), c, *asJSON)
		})
	}
	return cmd
}

func newClientEditCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Change a client: what is given replaces what it had",
		Long: `Change a client: what is given replaces what it had, all else stays. Tokens that were issued before stay as they are.

"--disabled=false" lets a disabled client in again.`,
		Args: usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeClients(path),
	}
	var flags registrationFlags
	flags.register(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !flags.given(cmd) {
			return usageError(errors.New("nothing to change: give at least one option; see tenon client edit --help"))
		}
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			return editClient(ctx, cmd, o, args[0], *asJSON, func(c *issuer.Client) error { return flags.apply(cmd, c) })
		})
	}
	return cmd
}

func newClientDisableCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "disable ID",
		Short: "Give a client no more tokens; those it has stay good (see revoke)",
		Args:  usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeClients(path),
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error {
			return editClient(ctx, cmd, o, args[0], *asJSON, func(c *issuer.Client) error {
				c.Disabled = true
				return nil
			})
		})
	}
	return cmd
}

func newClientRemoveCommand(path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "rm ID",
		Short: "Revoke a client's tokens and forget it",
		Args:  usageArgs(cobra.ExactArgs(1)), ValidArgsFunction: completeClients(path),
		RunE: func(cmd *cobra.Command, args []string) error {
			return administer(cmd, *path, func(ctx context.Context, o office) error {
				if err := o.RemoveClient(ctx, args[0]); err != nil {
					return aboutClient(args[0], err)
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "client %s is removed, its tokens are revoked\n", args[0])
				return err
			})
		},
	}
}

func editClient(ctx context.Context, cmd *cobra.Command, o office, id string, asJSON bool, change func(*issuer.Client) error) error {
	c, err := o.Client.Client(ctx, id)
	if err != nil {
		return aboutClient(id, err)
	}
	if err := change(&c); err != nil {
		return usageError(err)
	}
	if c, err = o.UpdateClient(ctx, c); err != nil {
		return err
	}
	return showClient(cmd.OutOrStdout(), c, asJSON)
}

// aboutClient names the client that an error is about.
func aboutClient(id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no client %q; tenon client list names all (%w)", id, err)
	}
	return fmt.Errorf("client %q: %w", id, err)
}

func printClients(w io.Writer, cfg *config.Config, clients []issuer.Client) error {
	declared := map[string]bool{}
	for _, c := range cfg.Clients {
		declared[c.ID] = true
	}
	rows := [][]string{{"CLIENT", "NAME", "AUTHENTICATES BY", "TOKENS BOUND TO", "SCOPE", "STATE"}}
	for _, c := range clients {
		state := "active"
		if c.Disabled {
			state = "disabled"
		}
		if declared[c.ID] {
			state += ", declared in " + cfg.Path()
		}
		rows = append(rows, []string{c.ID, orDash(c.Name), c.AuthMethod, boundTo(c), orDash(c.Scope.String()), state})
	}
	return printTable(w, rows)
}

func showClient(w io.Writer, c issuer.Client, asJSON bool) error {
	if asJSON {
		return printJSON(w, c)
	}
	rows := [][]string{
		{"client", c.ID},
		{"name", orDash(c.Name)},
		{"authenticates by", c.AuthMethod},
		{"tokens bound to", boundTo(c)},
		{"grants", strings.Join(c.GrantTypes, " ")},
		{"scope", orDash(c.Scope.String())},
		{"resources", strings.Join(c.Resources, " ")},
	}
	for _, more := range []struct {
		name   string
		values []string
	}{
		{"sends people back to", c.RedirectURIs},
		{"authorization details", c.DetailTypes},
		{"introspects tokens of", c.Serves},
	} {
		if len(more.values) > 0 {
			rows = append(rows, []string{more.name, strings.Join(more.values, " ")})
		}
	}
	for _, key := range c.JWKS.Keys {
		rows = append(rows, []string{"key", strings.TrimSpace(key.KeyID + " " + key.Algorithm)})
	}
	for name, value := range map[string]string{"subject": c.DN, "DNS name": c.DNS, "URI": c.URI, "IP address": c.IP, "e-mail": c.Email} {
		if value != "" { // at most one is set
			rows = append(rows, []string{"certificate's " + name, value})
		}
	}
	if c.Disabled {
		rows = append(rows, []string{"state", "disabled"})
	}
	return printTable(w, rows)
}

// boundTo says what the client's registration asks of its tokens.
func boundTo(c issuer.Client) string {
	switch {
	case c.DPoPBound && c.CertificateBound:
		return "DPoP key and certificate"
	case c.DPoPBound:
		return "DPoP key"
	case c.CertificateBound:
		return "certificate"
	case c.Bearer:
		return "nothing (bearer)"
	}
	return "whichever key is shown"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// completeClients offers the ids of clients to the shell.
func completeClients(path *string) cobra.CompletionFunc {
	return completeNames(path, func(ctx context.Context, o office) ([]string, error) {
		all, err := gather(o.Clients(ctx))
		return eachOf(all, func(c issuer.Client) string { return c.ID }), err
	})
}

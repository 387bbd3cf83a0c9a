package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
)

func newTokenCommand() *cobra.Command {
	var flags clientFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "token",
		Short: "Get an access token for a client and print it",
		Long: `Get an access token by client credentials and print it on standard output, and nothing else there.

The token is bound to the client's DPoP key or, without one, to its certificate. To call an API with it, use
tenon curl, or send it with the header that tenon proof prints.`,
		Example: `  tenon token --client-file client.yaml
  tenon token --issuer https://as.example.com --client tpp --key dpop.pem --assertion-key assertion.pem --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return flags.token(c, asJSON) },
	}
	flags.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the token with what belongs to it as JSON")
	return c
}

func (f *clientFlags) token(c *cobra.Command, asJSON bool) error {
	made, profile, err := f.client(c)
	if err != nil {
		return err
	}
	token, err := made.Token(c.Context())
	if err != nil {
		return newExplanation(c, profile).failed(err, asJSON)
	}
	if !asJSON {
		_, err := fmt.Fprintln(c.OutOrStdout(), token.AccessToken)
		return err
	}
	return printJSONLine(c, tokenDocument(token))
}

// tokenDocument is the token in the form of RFC 6749 §5.1, with the moment of its end.
func tokenDocument(token *oauth2.Token) any {
	scope, _ := token.Extra("scope").(string)
	return struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		ExpiresAt   string `json:"expires_at"`
		Scope       string `json:"scope,omitempty"`
	}{token.AccessToken, token.TokenType, token.ExpiresIn, token.Expiry.UTC().Format(time.RFC3339), scope}
}

// printJSONLine prints a document for programs.
func printJSONLine(c *cobra.Command, document any) error {
	e := json.NewEncoder(c.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(document)
}

// usageArgs makes a wrong number of arguments a fault of usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError(fmt.Errorf("%w; see %s --help", err, c.CommandPath()))
		}
		return nil
	}
}

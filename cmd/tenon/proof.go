package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/dpop"
)

// proofCommand makes one proof for a request that something else will send.
type proofCommand struct {
	flags     clientFlags
	token     string
	tokenFile string
	nonce     string
	header    bool
	asJSON    bool
}

func newProofCommand() *cobra.Command {
	var k proofCommand
	c := &cobra.Command{
		Use:   "proof METHOD URL",
		Short: "Print one DPoP proof, for plain curl and other tools",
		Long: `Print the DPoP proof for one request. It is good for one request with this method and URL, for about a minute.

A request to an API carries a token, and the proof must be made for that token: give it with --token-file, or "-" to read
it from standard input. --token shows it to everybody on this machine who lists processes.`,
		Example: `  TOKEN=$(tenon token)
  curl -H "Authorization: DPoP $TOKEN" -H "$(echo $TOKEN | tenon proof GET https://api.example.com/accounts --token-file - --header)" \
       https://api.example.com/accounts`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: k.run,
	}
	k.flags.registerKey(c)
	flags := c.Flags()
	flags.StringVar(&k.token, "token", "", "access token that the request carries")
	flags.StringVar(&k.tokenFile, "token-file", "", "file that holds the access token; - for standard input")
	flags.StringVar(&k.nonce, "nonce", "", "nonce that the server gave in its DPoP-Nonce field")
	flags.BoolVar(&k.header, "header", false, `print the whole field, "DPoP: ...", as curl -H takes it`)
	flags.BoolVar(&k.asJSON, "json", false, "print the proof with what it says as JSON")
	return c
}

func (k *proofCommand) run(c *cobra.Command, args []string) error {
	if err := checkMethod(args[0]); err != nil {
		return usageError(err)
	}
	token, err := k.accessToken(c)
	if err != nil {
		return usageError(err)
	}
	key, err := k.key(c)
	if err != nil {
		return usageError(err)
	}
	target := dpop.Target{Method: args[0], URL: args[1], AccessToken: token, Nonce: k.nonce, Time: time.Now()}
	proof, err := key.Proof(target)
	if err != nil {
		return usageError(err)
	}
	out := c.OutOrStdout()
	switch {
	case k.asJSON:
		return printJSONLine(c, map[string]any{
			"proof": proof, "htm": target.Method, "url": target.URL, "iat": target.Time.Unix(), "jkt": key.Thumbprint(), "ath": token != "",
		})
	case k.header:
		_, err = fmt.Fprintln(out, "DPoP: "+proof)
	default:
		_, err = fmt.Fprintln(out, proof)
	}
	return err
}

func (k *proofCommand) key(c *cobra.Command) (*dpop.Key, error) {
	if k.flags.given.DPoPKey != "" && k.flags.file == "" { // a client file that is not needed cannot be in the way
		return k.flags.loadDPoPKey(c, k.flags.given.DPoPKey)
	}
	p, err := k.flags.profile(c)
	if err != nil {
		return nil, err
	}
	if p.DPoPKey == "" {
		return nil, errors.New("no key: give the option --key, or put dpop_key into the client file")
	}
	return k.flags.loadDPoPKey(c, p.DPoPKey)
}

// accessToken gives the token, "" when there is none.
func (k *proofCommand) accessToken(c *cobra.Command) (string, error) {
	if k.token != "" && k.tokenFile != "" {
		return "", errors.New("--token and --token-file: give one of them")
	}
	token := k.token
	if token == "-" {
		k.tokenFile = "-"
	}
	if k.tokenFile != "" {
		data, err := readNamed(k.tokenFile, c.InOrStdin(), 64<<10)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		if token = strings.TrimSpace(string(data)); token == "" {
			return "", errors.New("--token-file: there is no token in it")
		}
	}
	if strings.ContainsAny(token, " \t\r\n") {
		return "", errors.New("the access token has white space in it: give the token alone, without a scheme")
	}
	return token, nil
}

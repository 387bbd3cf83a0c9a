package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/client"
)

// curlCommand is one call of an API.
type curlCommand struct {
	flags   clientFlags
	call    call
	include bool
	asJSON  bool
	maxTime time.Duration
}

func newCurlCommand() *cobra.Command {
	var k curlCommand
	c := &cobra.Command{
		Use:   "curl [METHOD] URL",
		Short: "Call a protected API with a token and a proof",
		Long: `Get a token, call the API with it and a fresh proof of possession, and print the answer's body.

The options are those of curl where it has them. A nonce that the server asks for is answered. When the server refuses,
the explanation on standard error says what was sent, by which clock, and what to change; the exit code is then 1.
A body that is JSON is sent as application/json, any other as application/x-www-form-urlencoded; -H says otherwise.`,
		Example: `  tenon curl https://api.example.com/accounts
  tenon curl https://api.example.com/payments -d @payment.json
  tenon curl DELETE https://api.example.com/consents/5 -i`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: k.run,
	}
	k.flags.register(c)
	flags := c.Flags()
	flags.StringVarP(&k.call.method, "request", "X", "", "method (default GET, with -d POST)")
	flags.StringArrayVarP(&k.call.data, "data", "d", nil, "body; @FILE reads it from a file, @- from standard input; several are joined with &")
	flags.StringArrayVarP(&k.call.headers, "header", "H", nil, `header field, as "Name: value"`)
	flags.BoolVarP(&k.include, "include", "i", false, "print status and header fields before the body")
	flags.DurationVarP(&k.maxTime, "max-time", "m", time.Minute, "how long everything together may take")
	flags.BoolVar(&k.asJSON, "json", false, "print status, header fields, body and explanation as one JSON object")
	return c
}

func (k *curlCommand) run(c *cobra.Command, args []string) error {
	if err := k.call.arguments(args); err != nil {
		return usageError(err)
	}
	req, err := k.call.request(c.Context(), c.InOrStdin())
	if err != nil {
		return usageError(err)
	}
	made, profile, err := k.flags.client(c)
	if err != nil {
		return err
	}
	httpClient := made.HTTPClient()
	httpClient.Timeout = k.maxTime
	resp, err := httpClient.Do(req)
	if err != nil {
		return newExplanation(c, profile).failed(err, k.asJSON)
	}
	defer resp.Body.Close()
	refusal := made.Explain(resp)
	explained := newExplanation(c, profile)
	if k.asJSON {
		err = printAnswerJSON(c, resp, refusal, explained)
	} else {
		err = k.printAnswer(c, resp)
	}
	if err != nil || refusal == nil {
		return err
	}
	if !k.asJSON {
		tell(c, refusal, explained)
	}
	return alreadySaid(refusedError(refusal))
}

// tell explains a refusal that has to do with token or proof, and names any other.
func tell(c *cobra.Command, refusal *client.Refusal, explained *explanation) {
	if refusal.Code != "" || refusal.Status == http.StatusUnauthorized || refusal.Cause() != client.CauseUnknown {
		explained.print(refusal)
		return
	}
	fmt.Fprintln(c.ErrOrStderr(), refusal.Summary())
}

func (k *curlCommand) printAnswer(c *cobra.Command, resp *http.Response) error {
	out := c.OutOrStdout()
	if k.include {
		fmt.Fprintf(out, "%s %s\r\n", resp.Proto, resp.Status)
		for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
			for _, value := range resp.Header[name] {
				fmt.Fprintf(out, "%s: %s\r\n", name, value)
			}
		}
		fmt.Fprint(out, "\r\n")
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// maxJSONBody bounds a body that is put into a JSON object, which must be held whole.
const maxJSONBody = 16 << 20

func printAnswerJSON(c *cobra.Command, resp *http.Response, refusal *client.Refusal, explained *explanation) error {
	var body bytes.Buffer
	n, err := io.Copy(&body, io.LimitReader(resp.Body, maxJSONBody+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case n > maxJSONBody:
		return errors.New("the answer is too large for --json: leave it out")
	}
	document := map[string]any{"status": resp.StatusCode, "headers": resp.Header, "body": body.String()}
	if refusal != nil {
		document["refusal"] = explained.document(refusal)
	}
	return printJSONLine(c, document)
}

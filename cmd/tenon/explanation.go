package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// An explanation tells the developer who met a refusal what was sent, by which clock, and what to change.
type explanation struct {
	c       *cobra.Command
	profile *clientProfile
	term    terminal.Terminal
}

func newExplanation(c *cobra.Command, profile *clientProfile) *explanation {
	return &explanation{c: c, profile: profile, term: terminal.Of(c.ErrOrStderr(), os.Getenv)}
}

// failed reports an error of the client: a refusal with its explanation, anything else as it is.
func (e *explanation) failed(err error, asJSON bool) error {
	var refusal *client.Refusal
	if !errors.As(err, &refusal) {
		return clientFailure(err)
	}
	if asJSON {
		if err := printJSONLine(e.c, map[string]any{"refusal": e.document(refusal)}); err != nil {
			return err
		}
	} else {
		e.print(refusal)
	}
	return alreadySaid(refusedError(err))
}

// print writes the explanation for people to standard error, where it does not mix with what the server answered.
func (e *explanation) print(r *client.Refusal) {
	var b strings.Builder
	heading := r.Summary()
	if r.Endpoint {
		heading = "the issuer gave no token: " + heading
	}
	b.WriteString(e.term.Bad(heading) + "\n\n")
	line := func(name, text string) { fmt.Fprintf(&b, "  %s %s\n", e.term.Faint(fmt.Sprintf("%-12s", name)), text) }
	server := "none"
	if !r.ServerTime.IsZero() {
		server = r.ServerTime.UTC().Format(time.RFC3339)
	}
	line("your clock", r.At.UTC().Format(time.RFC3339)+"     "+e.term.Faint("server (Date header)")+"  "+server)
	if r.Sent != (client.SentProof{}) {
		line("proof sent", e.proof(r.Sent))
	} else {
		line("sent", fmt.Sprintf("%s %s  over the certificate in %s", r.Method, r.URL, filepath.Base(e.profile.Certificate)))
	}
	line("what to do", e.advice(r))
	fmt.Fprint(e.c.ErrOrStderr(), e.term.Text(b.String()))
}

func (e *explanation) proof(p client.SentProof) string {
	text := fmt.Sprintf("htm %s  htu %s  iat %d", p.Method, p.URL, p.IssuedAt.Unix())
	if p.Nonce {
		text += "  with a nonce"
	}
	return text + fmt.Sprintf("  key %s (%s)", shortThumbprint(p.Thumbprint), filepath.Base(e.profile.DPoPKey))
}

// shortThumbprint is enough of a thumbprint to recognise it by.
func shortThumbprint(s string) string {
	if len(s) < 12 {
		return s
	}
	return s[:4] + "…" + s[len(s)-4:]
}

// advice says what to change in the words of the command line.
func (e *explanation) advice(r *client.Refusal) string {
	learning := e.c.Flags().Lookup("learn-clock").Changed
	switch cause := r.Cause(); {
	case cause == client.CauseClock && !learning:
		return clockAdvice(r) + "; or pass --learn-clock to follow the server's"
	case cause == client.CauseClock:
		return clockAdvice(r) + "; the difference is more than --learn-clock allows, or the server's own clock wanders"
	case cause == client.CauseScope && r.Scope != "":
		return fmt.Sprintf("pass --scope %q; the client must be registered for it", r.Scope)
	case cause == client.CauseScope:
		return "pass another --scope; the client must be registered for it"
	case cause == client.CauseToken:
		return "a fresh token was tried too: see that the client is not revoked or disabled, and pass --resource with the API that the token is for"
	}
	if advice := r.Advice(); advice != "" {
		return advice
	}
	return "see the answer itself: it says nothing about token or proof"
}

func clockAdvice(r *client.Refusal) string {
	ahead, known := r.Skew()
	switch seconds := int64(ahead.Abs() / time.Second); {
	case !known:
		return "compare this machine's clock with the server's"
	case ahead < 0:
		return fmt.Sprintf("set this machine's clock (it is %d s slow)", seconds)
	case ahead > 0:
		return fmt.Sprintf("set this machine's clock (it is %d s fast)", seconds)
	}
	return "the clocks agree now: did the request wait long on its way?"
}

// document is the explanation for programs.
func (e *explanation) document(r *client.Refusal) map[string]any {
	d := map[string]any{
		"status": r.Status, "error": string(r.Code), "error_description": r.Description, "cause": string(r.Cause()),
		"advice": e.advice(r), "method": r.Method, "url": r.URL, "at_token_endpoint": r.Endpoint,
		"local_time": r.At.UTC().Format(time.RFC3339),
	}
	if !r.ServerTime.IsZero() {
		d["server_time"] = r.ServerTime.UTC().Format(time.RFC3339)
	}
	if r.Sent != (client.SentProof{}) {
		d["proof"] = map[string]any{
			"htm": r.Sent.Method, "htu": r.Sent.URL, "iat": r.Sent.IssuedAt.Unix(), "nonce": r.Sent.Nonce, "jkt": r.Sent.Thumbprint,
		}
	}
	return d
}

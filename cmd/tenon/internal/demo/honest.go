package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"

	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

// getsToken has a client ask the issuer for a token.
func (s *stage) getsToken(c *client.Client, sent string) func(context.Context) (Outcome, error) {
	return func(ctx context.Context) (Outcome, error) {
		token, err := c.Token(ctx)
		if refusal, ok := errors.AsType[*client.Refusal](err); ok {
			return Outcome{Status: refusal.Status, Code: refusal.Code, Why: refusal.Description, Sent: sent}, nil
		}
		if err != nil {
			return Outcome{}, err
		}
		why, err := describeToken(token.AccessToken)
		return Outcome{Status: http.StatusOK, Sent: sent, Why: why}, err // the client takes a token from a 200 only
	}
}

// describeToken says what a token is bound to.
func describeToken(token string) (string, error) {
	c, err := claimsOf(token)
	if err != nil {
		return "", err
	}
	bound := "DPoP key " + short(c.Confirmation.JKT)
	if c.Confirmation.X5T != "" {
		bound = "certificate " + short(c.Confirmation.X5T)
	}
	text := fmt.Sprintf("token %s, bound to the %s", short(token), bound)
	if c.Status != nil {
		text += fmt.Sprintf(", number %d in the issuer's log", c.Status.Index)
	}
	return fmt.Sprintf("%s, good for %s", text, config.FormatDuration(c.Expires.Sub(c.IssuedAt))), nil
}

// pays has a client call the API with its library, while somebody reads along.
func (s *stage) pays(c *client.Client, copied *loot) func(context.Context) (Outcome, error) {
	return func(ctx context.Context) (Outcome, error) {
		var listening tap
		req, err := s.request(httptrace.WithClientTrace(ctx, listening.trace()), http.MethodPost, "/payments")
		if err != nil {
			return Outcome{}, err
		}
		resp, err := c.HTTPClient().Do(req)
		if err != nil {
			return Outcome{}, err
		}
		outcome, err := s.read(resp)
		if err != nil {
			return Outcome{}, err
		}
		*copied, err = listening.loot()
		sent := call{method: req.Method, path: req.URL.Path, scheme: "DPoP", token: copied.token, proof: copied.proof}
		if copied.proof == "" {
			sent.scheme = "Bearer"
		}
		outcome.Sent = sent.describe()
		return outcome, err
	}
}

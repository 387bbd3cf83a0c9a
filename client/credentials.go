package client

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// fetch gets a token for the program itself (RFC 6749 §4.4).
func (c *Client) fetch(ctx context.Context) (*grant, error) {
	form := url.Values{"grant_type": {"client_credentials"}} // RFC 6749 §4.4.2
	if len(c.cfg.Scope) > 0 {
		form.Set("scope", c.cfg.Scope.String())
	}
	if len(c.cfg.Resource) > 0 {
		form["resource"] = c.cfg.Resource // RFC 8707 §2
	}
	var g *grant
	err := c.send(ctx, tokenMessage(form, func(a *answer) error {
		s, err := a.success(c.cfg.Key != nil)
		if err == nil {
			g = a.grant(s)
		}
		return err
	}))
	return g, err
}

// tokenMessage is a token request. read gets the answer.
func tokenMessage(form url.Values, read func(*answer) error) message {
	return message{
		to:     func(e *Endpoints) string { return e.TokenEndpoint },
		name:   "token_endpoint",
		grant:  form.Get("grant_type"),
		form:   form,
		proven: true,
		read:   read,
	}
}

// fits compares what the client is configured for with what the server says it takes, so that a mismatch is named before
// anything is sent. What the server leaves out is not held against it.
func (c *Client) fits(m *Metadata, grantType string) error {
	cfg := c.cfg
	switch {
	case grantType != "" && lacks(m.GrantTypes, grantType):
		return fmt.Errorf("%s does not offer %s, only %s", m.Issuer, grantType, strings.Join(m.GrantTypes, ", "))
	case cfg.Key != nil && lacks(m.DPoPAlgorithms, string(cfg.Key.Algorithm())): // RFC 9449 §5.1
		return fmt.Errorf("%s takes no DPoP proofs by %s, only by %s: use a key of such an algorithm",
			m.Issuer, cfg.Key.Algorithm(), strings.Join(m.DPoPAlgorithms, ", "))
	case cfg.Assertion != nil && lacks(m.AuthMethods, "private_key_jwt"),
		cfg.Assertion == nil && lacks(m.AuthMethods, "tls_client_auth", "self_signed_tls_client_auth"): // RFC 8414 §2
		return fmt.Errorf("%s does not offer this way of client authentication, only %s", m.Issuer, strings.Join(m.AuthMethods, ", "))
	case cfg.Assertion != nil && lacks(m.AuthAlgorithms, string(cfg.Assertion.Algorithm)):
		return fmt.Errorf("%s takes no client assertions by %s, only by %s: register a key of such an algorithm",
			m.Issuer, cfg.Assertion.Algorithm, strings.Join(m.AuthAlgorithms, ", "))
	}
	return nil
}

// lacks reports whether a list that the server published has none of what is needed.
func lacks(list []string, what ...string) bool {
	return list != nil && !slices.ContainsFunc(what, func(w string) bool { return slices.Contains(list, w) })
}

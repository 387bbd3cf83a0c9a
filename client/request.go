package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// fetch gets a token: discovery, one token request, and one more when the server's answer tells how to do better.
func (c *Client) fetch(ctx context.Context) (g *grant, err error) {
	event := Event{}
	start := c.now()
	defer func() {
		event.Duration, event.Err = c.now().Sub(start), err
		var refusal *Refusal
		if errors.As(err, &refusal) {
			event.Code = refusal.Code
		}
		if c.cfg.Observe != nil {
			c.cfg.Observe(ctx, event)
		}
	}()
	r, err := c.prepare(ctx)
	if err != nil {
		return nil, err
	}
	event.Endpoint = r.endpoint.String()
	for {
		event.Tries++
		g, again, err := r.try(ctx)
		if again && event.Tries == 1 { // exactly one retry: a server that keeps challenging is not obeyed for ever
			continue
		}
		return g, err
	}
}

// A tokenRequest is a token request that may be sent twice.
type tokenRequest struct {
	c        *Client
	endpoint *url.URL
	over     *identity
	http     http.RoundTripper // follows no redirect: it would take assertion and proof elsewhere
}

// prepare settles where the request goes and over which connection.
func (c *Client) prepare(ctx context.Context) (*tokenRequest, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.fits(m); err != nil {
		c.server.forget() // somebody will change the server or this client: look again then
		return nil, err
	}
	r := &tokenRequest{c: c, http: c.plain}
	endpoint := m.TokenEndpoint
	if c.wardrobe != nil {
		if m.MTLSTokenEndpoint != "" {
			endpoint = m.MTLSTokenEndpoint // RFC 8705 §5, FAPI 2.0 §5.3.3.1 (7)
		}
		if r.over, err = c.wardrobe.identity(); err != nil {
			return nil, err
		}
		r.http = r.over.proven
	}
	r.endpoint, err = parseHTTPS(endpoint)
	return r, err
}

// fits compares what the client is configured for with what the server says it takes, so that a mismatch is named before
// anything is sent. What the server leaves out is not held against it.
func (c *Client) fits(m *Metadata) error {
	lacks := func(list []string, what ...string) bool {
		return list != nil && !slices.ContainsFunc(what, func(w string) bool { return slices.Contains(list, w) })
	}
	cfg := c.cfg
	switch {
	case lacks(m.GrantTypes, "client_credentials"):
		return fmt.Errorf("%s does not offer client_credentials, only %s", m.Issuer, strings.Join(m.GrantTypes, ", "))
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

// try sends the request once. again means that the answer brought what was missing: a nonce or the server's time.
func (r *tokenRequest) try(ctx context.Context) (g *grant, again bool, err error) {
	c := r.c
	start, before := c.now(), c.clock.Now(r.endpoint)
	nonce := ""
	if c.cfg.Key != nil {
		nonce = c.nonces.Get(r.endpoint)
	}
	req, proof, err := r.build(ctx, before, nonce)
	if err != nil {
		return nil, false, err
	}
	resp, err := r.http.RoundTrip(req)
	if err != nil {
		return nil, false, fmt.Errorf("POST %s: %w", r.endpoint, err)
	}
	defer resp.Body.Close()
	c.saw(r.endpoint, resp)
	body, err := readAll(resp.Body, tokenResponseSize)
	if err != nil {
		return nil, false, fmt.Errorf("POST %s: %w", r.endpoint, err)
	}
	if resp.StatusCode != http.StatusOK {
		refusal := readRefusal(resp, c.now())
		code, description := parseFailure(resp.Header, body)
		refusal.Endpoint, refusal.Code, refusal.Description = true, tenon.Code(code), description
		refusal.Method, refusal.URL, refusal.Sent = http.MethodPost, r.endpoint.String(), proof
		given := c.cfg.Key != nil && c.nonces.Get(r.endpoint) != nonce
		return nil, r.worthAnother(refusal, given, before), refusal
	}
	g, err = r.grant(body, start)
	return g, false, err
}

// worthAnother decides about the one retry. A request that is refused with use_dpop_nonce has spent nothing, and is sent
// again with the nonce that came (RFC 9449 §8). One that is refused for its time is sent again when the server's time has
// been learnt from the answer.
func (r *tokenRequest) worthAnother(refusal *Refusal, given bool, before time.Time) bool {
	switch refusal.Code {
	case tenon.UseDPoPNonce:
		return given
	case tenon.InvalidDPoPProof, tenon.InvalidClient:
		moved := r.c.clock.Now(r.endpoint).Sub(before).Abs()
		return r.c.cfg.LearnClock > 0 && moved > 2*time.Second
	}
	return false
}

// build makes the request with an assertion and a proof of its own.
func (r *tokenRequest) build(ctx context.Context, now time.Time, nonce string) (*http.Request, SentProof, error) {
	cfg := r.c.cfg
	form := url.Values{"grant_type": {"client_credentials"}} // RFC 6749 §4.4.2
	if len(cfg.Scope) > 0 {
		form.Set("scope", cfg.Scope.String())
	}
	if len(cfg.Resource) > 0 {
		form["resource"] = cfg.Resource // RFC 8707 §2
	}
	if cfg.Assertion == nil {
		form.Set("client_id", cfg.ClientID) // RFC 8705 §2
	} else {
		assertion, err := cfg.Assertion.sign(cfg.ClientID, cfg.Issuer, now)
		if err != nil {
			return nil, SentProof{}, err
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.endpoint.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, SentProof{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if cfg.Key == nil {
		return req, SentProof{}, nil
	}
	proof, err := cfg.Key.Proof(dpop.Target{Method: req.Method, URL: r.endpoint.String(), Nonce: nonce, Time: now})
	if err != nil {
		return nil, SentProof{}, fmt.Errorf("DPoP proof: %w", err)
	}
	req.Header.Set("DPoP", proof)
	return req, readProof(proof, cfg.Key), nil
}

// grant reads the answer. start is when the request was sent.
func (r *tokenRequest) grant(body []byte, start time.Time) (*grant, error) {
	s, err := parseSuccess(body)
	if err != nil {
		return nil, fmt.Errorf("POST %s: %w", r.endpoint, err)
	}
	if err := s.bound(r.c.cfg.Key != nil); err != nil {
		return nil, fmt.Errorf("POST %s: %w", r.endpoint, err)
	}
	g := &grant{token: s.token(start), over: r.over}
	g.refresh, g.expires = lifetimes(start, s.life)
	return g, nil
}

// saw keeps what every answer of the authorization server may bring, a refusal too: its time and its next nonce (RFC 9449
// §8.2). The nonces of resource servers are kept elsewhere (RFC 9449 §8).
func (c *Client) saw(u *url.URL, resp *http.Response) {
	c.clock.Learn(u, resp.Header)
	if given := resp.Header.Values("DPoP-Nonce"); len(given) == 1 {
		c.nonces.Put(u, given[0])
	}
}

// drain makes a connection usable again after an answer whose body nobody wants.
func drain(resp *http.Response) {
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
}

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// A message is a form for an endpoint of the authorization server. It is sent with the client's authentication, which is
// made anew for each try.
type message struct {
	to     func(*Endpoints) string
	name   string // of the endpoint in the metadata
	grant  string // the grant type that the server must offer; empty: it makes no difference
	form   url.Values
	proven bool // with a DPoP proof, when there is a key
	status int  // of a good answer; 0: 200
	read   func(*answer) error
}

// An answer is a good answer to a message.
type answer struct {
	from  *url.URL
	body  []byte
	start time.Time // when the message was sent
	over  *identity // the certificate it was sent with; nil without one
}

// send delivers a message: discovery, one request, and one more when the server's answer tells how to do better.
func (c *Client) send(ctx context.Context, m message) (err error) {
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
	r, err := c.prepare(ctx, m)
	if err != nil {
		return err
	}
	event.Endpoint = r.endpoint.String()
	for {
		event.Tries++
		a, again, err := r.try(ctx)
		if again && event.Tries == 1 { // exactly one retry: a server that keeps challenging is not obeyed for ever
			continue
		}
		if err != nil {
			return err
		}
		if err := m.read(a); err != nil {
			return fmt.Errorf("POST %s: %w", r.endpoint, err)
		}
		return nil
	}
}

// A request is a message on its way; it may be sent twice.
type request struct {
	message
	c        *Client
	endpoint *url.URL
	over     *identity
	http     http.RoundTripper // follows no redirect: it would take assertion and proof elsewhere
}

// prepare settles where the request goes and over which connection.
func (c *Client) prepare(ctx context.Context, m message) (*request, error) {
	metadata, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.fits(metadata, m.grant); err != nil {
		c.server.forget() // somebody will change the server or this client: look again then
		return nil, err
	}
	r := &request{message: m, c: c, http: c.plain}
	endpoint := m.to(&metadata.Endpoints)
	if c.wardrobe != nil {
		if alias := m.to(&metadata.MTLS); alias != "" {
			endpoint = alias // RFC 8705 §5, FAPI 2.0 §5.3.3.1 (7)
		}
		if r.over, err = c.wardrobe.identity(); err != nil {
			return nil, err
		}
		r.http = r.over.proven
	}
	if endpoint == "" {
		c.server.forget()
		return nil, fmt.Errorf("%s has no %s", metadata.Issuer, m.name)
	}
	r.endpoint, err = parseHTTPS(endpoint)
	return r, err
}

// try sends the request once. again means that the answer brought what was missing: a nonce or the server's time.
func (r *request) try(ctx context.Context) (a *answer, again bool, err error) {
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
	if resp.StatusCode != max(r.status, http.StatusOK) {
		refusal := readRefusal(resp, c.now())
		code, description := parseFailure(resp.Header, body)
		refusal.Endpoint, refusal.Code, refusal.Description = true, tenon.Code(code), description
		refusal.Method, refusal.URL, refusal.Sent = http.MethodPost, r.endpoint.String(), proof
		given := c.cfg.Key != nil && c.nonces.Get(r.endpoint) != nonce
		return nil, r.worthAnother(refusal, given, before), refusal
	}
	return &answer{from: r.endpoint, body: body, start: start, over: r.over}, false, nil
}

// worthAnother decides about the one retry. A request that is refused with use_dpop_nonce has spent nothing, and is sent
// again with the nonce that came (RFC 9449 §8). One that is refused for its time is sent again when the server's time has
// been learnt from the answer.
func (r *request) worthAnother(refusal *Refusal, given bool, before time.Time) bool {
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
func (r *request) build(ctx context.Context, now time.Time, nonce string) (*http.Request, SentProof, error) {
	cfg := r.c.cfg
	form := maps.Clone(r.form)
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
	if cfg.Key == nil || !r.proven {
		return req, SentProof{}, nil
	}
	proof, err := cfg.Key.Proof(dpop.Target{Method: req.Method, URL: r.endpoint.String(), Nonce: nonce, Time: now})
	if err != nil {
		return nil, SentProof{}, fmt.Errorf("DPoP proof: %w", err)
	}
	req.Header.Set("DPoP", proof)
	return req, readProof(proof, cfg.Key), nil
}

// success reads a token response. The token is bound as the client wants it, or it is not used.
func (a *answer) success(withKey bool) (*success, error) {
	s, err := parseSuccess(a.body)
	if err != nil {
		return nil, err
	}
	return s, s.bound(withKey)
}

// grant is what a token response gives.
func (a *answer) grant(s *success) *grant {
	g := &grant{token: s.token(a.start), over: a.over}
	g.refresh, g.expires = lifetimes(a.start, s.life)
	return g
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

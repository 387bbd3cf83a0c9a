package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// transport is the http.RoundTripper behind HTTPClient: it finds the token, sends the request with proof, and tries once
// more with a fresh token when the server calls this one invalid.
type transport struct {
	keeper *keeper
	bearer bool              // the connection's certificate is the proof
	proofs http.RoundTripper // adds token and DPoP proof; nil for a bearer
}

func newTransport(c *Client, k *keeper) (http.RoundTripper, error) {
	t := &transport{keeper: k, bearer: c.cfg.Key == nil}
	if t.bearer {
		return t, nil
	}
	proofs, err := dpop.NewTransport(dpop.TransportConfig{
		Key:        c.cfg.Key,
		Base:       connections{c},
		Token:      t.token,
		Nonces:     dpop.NewNonceJar(), // not the authorization server's (RFC 9449 §9)
		LearnClock: c.cfg.LearnClock,
		Now:        c.now,
	})
	t.proofs = proofs
	return t, err
}

func (t *transport) token(ctx context.Context) (string, error) {
	g, err := t.keeper.get(ctx)
	if err != nil {
		return "", err
	}
	return g.token.AccessToken, nil
}

// connections carries DPoP requests: over the certificate's connections when the client has one, because a token may be
// bound to both.
type connections struct{ c *Client }

func (c connections) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.c.wardrobe != nil {
		if worn := c.c.wardrobe.worn.Load(); worn != nil {
			return worn.shown.RoundTrip(req)
		}
	}
	return c.c.plain.RoundTrip(req)
}

// RoundTrip sends the request. It does not change req, and closes its body on every path, as http.RoundTripper demands.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := mayCarryToken(req); err != nil {
		closeBody(req)
		return nil, err
	}
	g, err := t.keeper.get(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := t.send(req, g)
	if err != nil || !callsTokenInvalid(resp) || !t.keeper.drop(g) {
		return resp, err
	}
	again, ok := rewound(req)
	if !ok {
		return resp, nil // the next request will get a fresh token
	}
	drain(resp)
	if g, err = t.keeper.get(req.Context()); err != nil { // says why there is no other token: more than the 401 does
		closeBody(again)
		return nil, err
	}
	return t.send(again, g)
}

func (t *transport) send(req *http.Request, g *grant) (*http.Response, error) {
	if !t.bearer {
		return t.proofs.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+g.token.AccessToken) // FAPI 2.0 §5.3.3.1 (3): nowhere else
	return g.over.proven.RoundTrip(req)
}

// mayCarryToken refuses a request that would show the token to somebody else: without TLS, or because the server sent us
// to another origin. http.Client tells what it was redirected by in req.Response.
func mayCarryToken(req *http.Request) error {
	if req.URL == nil || req.URL.Scheme != "https" || req.URL.Host == "" { // FAPI 2.0 §5.2.1 (1)
		return errors.New("the token is only sent to https addresses")
	}
	if req.Header.Get("Authorization") != "" || len(req.Header.Values("DPoP")) > 0 {
		return errors.New("the request already has an Authorization or DPoP field: they are set here")
	}
	if req.Response != nil && req.Response.Request != nil {
		return sameOrigin(req, []*http.Request{req.Response.Request})
	}
	return nil
}

// sameOrigin is a http.Client.CheckRedirect. RFC 9449 §11.7 and plain sense: the token is for the origin that was called.
func sameOrigin(req *http.Request, via []*http.Request) error {
	if from := via[len(via)-1].URL; origin(from) != origin(req.URL) {
		return fmt.Errorf("redirected to another origin, %s: the token is not sent there", origin(req.URL))
	}
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	return nil
}

// callsTokenInvalid reports whether the server wants another token (RFC 6750 §3.1): this one has expired, was revoked, or
// is bound to a key or certificate that is not in use any more.
func callsTokenInvalid(resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized {
		return false
	}
	for _, c := range parseChallenges(resp.Header.Values("WWW-Authenticate")) {
		if tenon.Code(c.params["error"]) == tenon.InvalidToken {
			return true
		}
	}
	return false
}

// rewound gives the request with its body from the beginning, when it has none or can make it again.
func rewound(req *http.Request) (*http.Request, bool) {
	again := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return again, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	again.Body = body
	return again, err == nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// origin names scheme, host and port, so that https://API.example:443 and https://api.example are one.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

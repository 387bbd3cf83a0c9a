package dpop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// TransportConfig says what a [Transport] sends.
type TransportConfig struct {
	Key        *Key                                  // makes the proofs; required
	Base       http.RoundTripper                     // nil means http.DefaultTransport
	Token      func(context.Context) (string, error) // the access token, bound to Key; required
	Nonces     *NonceJar                             // nil means a jar of its own; share one between transports of one client
	LearnClock time.Duration                         // the largest offset of a server's clock to follow; 0 means follow none
	Now        func() time.Time                      // nil means time.Now
}

// A Transport is an http.RoundTripper for protected resources: it adds the access token and a fresh proof to every request
// (RFC 9449 §7). It never sends the token as Bearer, never to another origin after a redirect, and in the clear only to this
// machine. A request that the server answers with a nonce, or with a clock to go by, is repeated once and no more.
type Transport struct {
	key    *Key
	base   http.RoundTripper
	token  func(context.Context) (string, error)
	nonces *NonceJar
	clock  *Clock
}

// NewTransport checks the configuration.
func NewTransport(c TransportConfig) (*Transport, error) {
	var faults []error
	if c.Key == nil {
		faults = append(faults, errors.New("dpop: a transport needs a key"))
	}
	if c.Token == nil {
		faults = append(faults, errors.New("dpop: a transport needs a source of tokens"))
	}
	if c.LearnClock < 0 {
		faults = append(faults, errors.New("dpop: LearnClock is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	t := &Transport{key: c.Key, base: c.Base, token: c.Token, nonces: c.Nonces, clock: NewClock(c.LearnClock, c.Now)}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	if t.nonces == nil {
		t.nonces = NewNonceJar()
	}
	return t, nil
}

// An UnrepeatableError says that the server asked for the request again, with a nonce or a corrected clock, and that its body
// cannot be sent twice. What the server told is kept, so that making the request anew will work.
type UnrepeatableError struct {
	Response *http.Response // the answer; its body is closed
}

func (e *UnrepeatableError) Error() string {
	return "dpop: the server wants the request with a nonce or another time, and its body cannot be sent twice: send it again, or set Request.GetBody"
}

// RoundTrip implements http.RoundTripper. The request is not changed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := allowed(req); err != nil {
		closeBody(req)
		return nil, err
	}
	resp, again, err := t.try(req, req.Body)
	if err != nil || !again {
		return resp, err
	}
	drain(resp)
	body, ok := bodyAgain(req)
	if !ok {
		return nil, &UnrepeatableError{resp}
	}
	resp, _, err = t.try(req, body) // the nonce of this answer is kept as well, but not obeyed a second time (RFC 9449 §8)
	return resp, err
}

// try sends the request once, with a proof of its own, and learns from the answer. It owns body.
func (t *Transport) try(req *http.Request, body io.ReadCloser) (resp *http.Response, again bool, err error) {
	out, nonce, err := t.prove(req, body)
	if err != nil {
		if body != nil {
			body.Close()
		}
		return nil, false, err
	}
	before := t.clock.offset(req.URL)
	resp, err = t.base.RoundTrip(out)
	if err != nil {
		return nil, false, err
	}
	t.clock.Learn(req.URL, resp.Header)
	if given := resp.Header.Values("DPoP-Nonce"); len(given) == 1 {
		t.nonces.Put(req.URL, given[0]) // RFC 9449 §8.2
	}
	if resp.StatusCode != http.StatusUnauthorized {
		return resp, false, nil
	}
	switch challengeError(resp.Header) {
	case "use_dpop_nonce":
		again = t.nonces.Get(req.URL) != nonce // RFC 9449 §9; the same nonce would get the same answer
	case "invalid_dpop_proof":
		again = t.clock.offset(req.URL) != before
	}
	return resp, again, nil
}

// prove returns a copy of the request with the token and a proof, and the nonce in that proof.
func (t *Transport) prove(req *http.Request, body io.ReadCloser) (out *http.Request, nonce string, err error) {
	token, err := t.token(req.Context())
	if err != nil {
		return nil, "", fmt.Errorf("dpop: no access token: %w", err)
	}
	if !isToken68(token) {
		return nil, "", errors.New("dpop: the access token is not one that fits in a header")
	}
	nonce = t.nonces.Get(req.URL)
	method := req.Method
	if method == "" {
		method = http.MethodGet // what net/http sends
	}
	proof, err := t.key.Proof(Target{Method: method, URL: wireURL(req.URL), AccessToken: token, Nonce: nonce, Time: t.clock.Now(req.URL)})
	if err != nil {
		return nil, "", err
	}
	out = req.Clone(req.Context())
	out.Body = body
	if out.Header == nil {
		out.Header = http.Header{}
	}
	out.Header.Set("Authorization", "DPoP "+token) // RFC 9449 §7.1
	out.Header.Set("DPoP", proof)
	return out, nonce, nil
}

// wireURL is the URL with the path as net/http writes it on the wire.
func wireURL(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// allowed refuses requests that would take the token where it should not go.
func allowed(req *http.Request) error {
	switch {
	case req.URL == nil || originOf(req.URL) == "" || req.URL.Opaque != "":
		return errors.New("dpop: the request has no http or https URL with a host and a path")
	case req.Header.Get("Authorization") != "" || len(req.Header.Values("DPoP")) > 0:
		return errors.New("dpop: the request already has an Authorization or DPoP header field; the transport sets them")
	case req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()):
		return fmt.Errorf("dpop: %s is not https: an access token goes in the clear to this machine only", req.URL.Host) // RFC 6750 §5.3
	case req.Host != "" && originOf(&url.URL{Scheme: req.URL.Scheme, Host: req.Host}) != originOf(req.URL):
		return errors.New("dpop: the request's Host is not that of its URL: the proof would name the wrong one")
	case req.Response != nil && req.Response.Request != nil && originOf(req.Response.Request.URL) != originOf(req.URL):
		return fmt.Errorf("dpop: %s redirects to %s: a token does not follow to another origin", originOf(req.Response.Request.URL), originOf(req.URL))
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// isToken68 is RFC 9110 §11.2.
func isToken68(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isUnreserved(c) && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	return s != ""
}

// bodyAgain returns the request's body from its start, false when it can be read only once.
func bodyAgain(req *http.Request) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	return body, err == nil
}

// drain reads the rest of a short answer, so that its connection can be used again, and closes it.
func drain(resp *http.Response) {
	const short = 64 << 10
	_, _ = io.CopyN(io.Discard, resp.Body, short) // an error only costs the connection
	resp.Body.Close()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

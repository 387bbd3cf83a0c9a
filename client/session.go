package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon"
)

// A Session acts for a person who logged in. Its access token is renewed as needed, by one request for all callers, and
// what keeps the session alive is never lost on the way. It is safe for concurrent use.
type Session struct {
	c        *Client
	keeper   *keeper
	lifeline *lifeline
	calls    http.RoundTripper
}

// ErrNoSession says that a vault is empty: nobody has logged in, or somebody has logged out.
var ErrNoSession = errors.New("client: there is no session: log in first")

var errLoggedOut = fmt.Errorf("the session was logged out: %w", ErrNoSession)

func newSession(c *Client, l *lifeline, g *grant) (*Session, error) {
	l.shown.Store(&shown{l.identity, l.held.Scope, l.held.Details})
	s := &Session{c: c, lifeline: l, keeper: &keeper{fetch: l.renew, now: c.now, held: g}}
	calls, err := newTransport(c, s.keeper)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	s.calls = calls
	return s, nil
}

// Resume continues a session that a vault has kept, perhaps of another run of the program. Nothing is sent yet.
func (c *Client) Resume(ctx context.Context, v Vault) (*Session, error) {
	data, err := v.Load(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: session: %w", err)
	case len(data) == 0:
		return nil, ErrNoSession
	}
	held, err := c.read(data)
	if err != nil {
		return nil, err
	}
	l := newLifeline(c, v)
	l.held = *held
	if held.IDToken != "" {
		if l.identity, err = readIdentity(held.IDToken); err != nil {
			return nil, fmt.Errorf("client: the stored session cannot be read: %w", err)
		}
	}
	return newSession(c, l, l.resumed())
}

// Token gives an access token that has not expired, as [Client.Token] does.
func (s *Session) Token(ctx context.Context) (*oauth2.Token, error) {
	g, err := s.keeper.get(ctx)
	if err != nil {
		return nil, err
	}
	token := *g.token // the caller's to change
	return &token, nil
}

// TokenSource gives Token in the form of golang.org/x/oauth2, as [Client.TokenSource] does.
func (s *Session) TokenSource(ctx context.Context) oauth2.TokenSource { return &source{s, ctx} }

// HTTPClient gives a client for protected APIs that acts for the person, as [Client.HTTPClient] does for the program.
func (s *Session) HTTPClient() *http.Client {
	return &http.Client{Transport: s.calls, CheckRedirect: sameOrigin}
}

// Identity says who the person is, by the newest ID token. It is nil when the login did not ask (scope openid).
func (s *Session) Identity() *Identity {
	identity := s.lifeline.shown.Load().identity
	if identity == nil {
		return nil
	}
	own := *identity
	return &own
}

// Scope is what was granted.
func (s *Session) Scope() tenon.Scope {
	return slices.Clone(s.lifeline.shown.Load().scope)
}

// Details are the authorization_details that were granted (RFC 9396 §7), nil when there are none.
func (s *Session) Details() json.RawMessage {
	return slices.Clone(s.lifeline.shown.Load().details)
}

// Close waits until a refresh that is under way has been kept. A program that is about to end calls it; the session goes on.
func (s *Session) Close(ctx context.Context) error { return s.keeper.settle(ctx) }

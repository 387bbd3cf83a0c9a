package client

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// A Client gets tokens and calls APIs with them. It is safe for concurrent use; one for a process is enough, and shares its
// token among all callers.
type Client struct {
	cfg      Config
	now      func() time.Time
	plain    *http.Transport // shows no certificate
	wardrobe *wardrobe       // nil without a certificate
	nonces   *dpop.NonceJar  // of the authorization server only
	clock    *dpop.Clock
	server   *discovery
	keys     *keyring
	keeper   *keeper
	calls    http.RoundTripper
}

// New makes a Client. It sends nothing yet, and says all that is wrong with cfg at once.
func New(cfg Config) (*Client, error) {
	if err := cfg.faults(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{
		cfg:    cfg,
		now:    cfg.Now,
		plain:  newConnections(mtls.ClientConfig(cfg.RootCAs, nil)),
		nonces: dpop.NewNonceJar(),
		clock:  dpop.NewClock(cfg.LearnClock, cfg.Now),
	}
	if cfg.Certificate != nil {
		c.wardrobe = &wardrobe{config: &c.cfg, certificate: cfg.Certificate}
	}
	c.server = &discovery{
		issuer: cfg.Issuer,
		http:   c.plain,
		now:    cfg.Now,
		saw:    func(resp *http.Response) { c.clock.Learn(resp.Request.URL, resp.Header) },
		turn:   make(chan struct{}, 1),
	}
	c.keys = &keyring{http: c.plain, now: cfg.Now, turn: make(chan struct{}, 1)}
	c.keeper = &keeper{fetch: c.fetch, now: cfg.Now}
	calls, err := newTransport(c, c.keeper)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.calls = calls
	return c, nil
}

// Token gives an access token that has not expired. A refusal of the server is a [*Refusal]. The token is bound: sending
// it needs a proof with it, which is what HTTPClient is for.
func (c *Client) Token(ctx context.Context) (*oauth2.Token, error) {
	g, err := c.keeper.get(ctx)
	if err != nil {
		return nil, err
	}
	token := *g.token // the caller's to change
	return &token, nil
}

// TokenSource gives Token in the form that golang.org/x/oauth2 and what builds on it takes. Whoever uses it must send the
// proofs too: the Transport of golang.org/x/oauth2 does not, and gets refused.
func (c *Client) TokenSource(ctx context.Context) oauth2.TokenSource { return &source{c, ctx} }

type source struct {
	of interface {
		Token(context.Context) (*oauth2.Token, error)
	}
	ctx context.Context // an oauth2.TokenSource is asked without one
}

var _ oauth2.TokenSource = (*source)(nil)

func (s *source) Token() (*oauth2.Token, error) { return s.of.Token(s.ctx) }

// HTTPClient gives a client for protected APIs. Each request carries the token and a fresh proof of possession, over TLS
// only. Nonce challenges are answered; a token that the API calls invalid is renewed and the request sent once more when
// its body can be sent again. A redirect to another origin is an error: the token is not for strangers.
func (c *Client) HTTPClient() *http.Client {
	return &http.Client{Transport: c.calls, CheckRedirect: sameOrigin}
}

// Metadata gives what the issuer says of itself.
func (c *Client) Metadata(ctx context.Context) (*Metadata, error) {
	m, err := c.server.metadata(ctx)
	if err != nil {
		return nil, err
	}
	own := *m
	return &own, nil
}

// Explain reads an API's refusal (a status of 400 and above) out of its answer and leaves the body alone. It is nil for
// any other answer.
func (c *Client) Explain(resp *http.Response) *Refusal {
	if resp.StatusCode < 400 {
		return nil
	}
	return explain(resp, c.cfg.Key, c.now())
}

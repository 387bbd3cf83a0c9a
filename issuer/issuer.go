package issuer

import (
	"context"
	"time"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/verifier"
)

// An Issuer serves the endpoints of one authorization server.
type Issuer struct {
	cfg      Config
	urls     urls
	grants   []Grant
	clients  *registry
	lists    *statusLists
	keys     *ownKeys                      // as a verifier sees them
	userInfo map[string]*verifier.Verifier // by URL
	refused  *limiters                     // requests of strangers, by address
	served   *limiters                     // requests of clients, by client
	waiting  *limiters                     // KiB of pushed requests that wait for people, by client
	browser  *browser.Browser              // nil without people who could log in
}

// New makes an Issuer. It reports every fault of the configuration at once and starts nothing; see Run.
func New(cfg Config) (*Issuer, error) {
	cfg.Tokens = cfg.Tokens.withDefaults()
	cfg.Codes = cfg.Codes.withDefaults()
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	i := &Issuer{
		cfg:     cfg,
		urls:    newURLs(cfg.Issuer, cfg.MTLSOrigin),
		clients: newRegistry(cfg.Store),
		refused: newLimiters(cfg.Limits.refusals()),
		served:  newLimiters(cfg.Limits.clients()),
		waiting: newLimiters(cfg.Limits.waiting(cfg.Codes.Request + browser.Patience)),
	}
	i.grants = i.offered()
	i.lists = newStatusLists(cfg, i.urls)
	i.keys = &ownKeys{keyring: cfg.Signing}
	var err error
	if i.userInfo, err = i.newUserInfo(); err != nil {
		return nil, err
	}
	if cfg.People == nil {
		return i, nil
	}
	i.browser, err = browser.New(browser.Config{
		Issuer: cfg.Issuer, Requests: requests{i}, Grants: grantList{i}, People: cfg.People, Sessions: cfg.Sessions, Pages: cfg.Pages,
		Details: cfg.Details, Secrets: cfg.Secrets, Observe: i.observeBrowser, Now: cfg.Now,
	})
	return i, err
}

// observeBrowser tells what became of a request of a person's browser.
func (i *Issuer) observeBrowser(ctx context.Context, b browser.Event) {
	if i.cfg.Observe == nil {
		return
	}
	i.cfg.Observe(ctx, Event{
		Endpoint: b.Endpoint, Status: b.Status, Code: b.Code, Reason: b.Reason, ClientID: b.ClientID, Err: b.Err,
		Person: Person{Did: b.Done, Request: b.RequestID, Subject: b.Subject, Reference: b.Reference}, Timing: Timing{Duration: b.Duration},
	})
}

// Run keeps the signing keys on their schedule until the context ends. A Tick that fails is told to Observe: the keys at hand
// stay good, and the next Tick tries again.
func (i *Issuer) Run(ctx context.Context) error {
	return every(ctx, tickEvery, func() {
		if err := i.cfg.Signing.Tick(ctx); err != nil && ctx.Err() == nil && i.cfg.Observe != nil {
			i.cfg.Observe(ctx, Event{Endpoint: "keys", Err: err})
		}
	})
}

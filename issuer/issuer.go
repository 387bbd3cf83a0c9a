package issuer

import (
	"context"
	"time"
)

// An Issuer serves the endpoints of one authorization server.
type Issuer struct {
	cfg     Config
	urls    urls
	grants  []Grant
	clients *registry
	lists   *statusLists
	refused *limiters // requests of strangers, by address
	served  *limiters // requests of clients, by client
}

// New makes an Issuer. It reports every fault of the configuration at once and starts nothing; see Run.
func New(cfg Config) (*Issuer, error) {
	cfg.Tokens = cfg.Tokens.withDefaults()
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
		grants:  grants(),
		clients: newRegistry(cfg.Store),
		refused: newLimiters(cfg.Limits.refusals()),
		served:  newLimiters(cfg.Limits.clients()),
	}
	i.lists = newStatusLists(cfg, i.urls)
	return i, nil
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

package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// RemoteKeysConfig says where an issuer publishes its keys. Issuer or URL is required.
type RemoteKeysConfig struct {
	// Issuer is the issuer's identifier. Its metadata document tells where the keys are, and must be of the same issuer and name an
	// address under the same origin (RFC 8414 §3).
	Issuer string
	// URL is the address of the key set when the metadata is not to be asked.
	URL string
	// HTTP is the client to fetch with, for its roots and proxy. Nil means a plain one. Redirects out of the origin are never followed.
	HTTP *http.Client

	// MaxAge is how old the key set gets before it is fetched again. It bounds how long a withdrawn key is still trusted. 0 means
	// 5 minutes.
	MaxAge time.Duration
	// MaxStale is how old it may get while the issuer cannot be reached; after that requests are answered with 503. 0 means 1 hour.
	MaxStale time.Duration
	// MinInterval is the least time between two fetches, however many unknown key ids are asked for. 0 means 10 seconds. An issuer
	// that publishes a key before it signs with it never makes anybody wait for it.
	MinInterval time.Duration

	// Observe, when set, is told how each fetch ended. Tokens are verified with what is known until MaxStale, so this is where an
	// operator learns early that the issuer cannot be reached.
	Observe func(error)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// RemoteKeys is the KeySource of an issuer that publishes a JWK Set. It fetches when a request needs it; [RemoteKeys.Run] fetches
// ahead, so that no request has to wait.
type RemoteKeys struct {
	config   RemoteKeysConfig
	site     site
	document document[keySet]
}

var _ KeySource = (*RemoteKeys)(nil)

// NewRemoteKeys makes a RemoteKeys. It fetches nothing yet.
func NewRemoteKeys(c RemoteKeysConfig) (*RemoteKeys, error) {
	setDefault(&c.MaxAge, 5*time.Minute)
	setDefault(&c.MaxStale, time.Hour)
	setDefault(&c.MinInterval, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := c.faults(); err != nil {
		return nil, err
	}
	k := &RemoteKeys{config: c, site: newSite(c.HTTP)}
	k.document = document[keySet]{
		fetch:    k.fetch,
		maxAge:   c.MaxAge,
		maxStale: c.MaxStale,
		interval: c.MinInterval,
		observe:  c.Observe,
		now:      c.Now,
	}
	return k, nil
}

func setDefault[T time.Duration | int](d *T, value T) {
	if *d == 0 {
		*d = value
	}
}

func (c *RemoteKeysConfig) faults() error {
	var faults []error
	if (c.Issuer == "") == (c.URL == "") {
		faults = append(faults, errors.New("verifier: set Issuer or URL, and not both"))
	}
	for _, address := range []string{c.Issuer, c.URL} {
		if address != "" {
			faults = append(faults, checkAddress(address))
		}
	}
	if c.MaxAge < 0 || c.MinInterval < 0 || c.MaxStale < c.MaxAge {
		faults = append(faults, errors.New("verifier: MaxAge and MinInterval must not be negative, nor MaxStale less than MaxAge"))
	}
	return errors.Join(faults...)
}

// checkAddress accepts an https URL without user information, query or fragment.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("verifier: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("verifier: %q must be an https URL without user information, query and fragment", address)
	}
	return nil
}

// Keys implements [KeySource]. An unknown key id makes it look for a newer set, at most once in MinInterval for all of them together.
func (k *RemoteKeys) Keys(ctx context.Context, keyID string) ([]*Key, error) {
	if set, ok := k.document.fresh(); ok && len(set[keyID]) > 0 {
		return set[keyID], nil
	}
	set, err := k.document.renew(ctx)
	if err != nil {
		return nil, fmt.Errorf("verifier: keys of %s: %w", k.config.Issuer+k.config.URL, err)
	}
	return set[keyID], nil
}

// Run keeps the key set fresh until ctx ends, and returns nil then.
func (k *RemoteKeys) Run(ctx context.Context) error {
	return every(ctx, k.config.MaxAge/2, func() { _ = k.document.refresh(ctx) }) // Observe is told of failures
}

// every calls work now and then at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, work func()) error {
	ticker := time.NewTicker(max(interval, time.Millisecond)) // half of a MaxAge of a nanosecond is no interval
	defer ticker.Stop()
	for {
		work()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// fetch finds and reads the key set.
func (k *RemoteKeys) fetch(ctx context.Context) (keySet, error) {
	address := k.config.URL
	if address == "" {
		var err error
		if address, err = k.site.discover(ctx, k.config.Issuer); err != nil {
			return nil, err
		}
	}
	data, err := k.site.read(ctx, address, "application/jwk-set+json, application/json")
	if err != nil {
		return nil, err
	}
	return parseKeySet(data)
}

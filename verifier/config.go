package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// Config says whose tokens are accepted, for what, and how possession is proved. It is not modified after [New].
type Config struct {
	// Issuer is the exact iss of the tokens accepted. Required.
	Issuer string
	// Audience is what the aud of a token must contain, exactly. Required.
	Audience string
	// Origin is what callers see in front of the request path: https://api.example.com, or with a path prefix that a proxy
	// strips https://gw.example.com/pay. The Host header, SNI and forwarding headers are never read. Required.
	Origin string

	// Keys tells which keys the issuer signs with, see [NewRemoteKeys] and [StaticKeys]. Required.
	Keys KeySource
	// Revocation tells whether a token was revoked, see [NewStatusLists]. Required; [InsecureNoRevocation] is the way to have none.
	Revocation Revocation

	// DPoP checks proofs. Nil refuses every token that is bound to a DPoP key.
	DPoP *dpop.Checker
	// Replays remembers the proofs that were accepted. Required with DPoP. Verifiers of one audience share it.
	Replays dpop.Replays
	// Certificates tells which client certificate came with a request. Nil refuses every token that is bound to one. One of
	// DPoP and Certificates is required.
	Certificates mtls.Source

	TokenRules

	// Observe, when set, is told of every verdict, after it was reached. It must not block.
	Observe func(context.Context, Event)
	// Recorder, when set, keeps verdicts as evidence, see package verifierlog.
	Recorder Recorder
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// TokenRules is what is asked of a token beyond its issuer and audience.
type TokenRules struct {
	// Algorithms are the signature algorithms accepted in tokens. Nil means dpop.Algorithms().
	Algorithms []dpop.Algorithm
	// Opaque, when set, tells what tokens stand for that are no JWT, see NewIntrospection. Nil refuses them.
	Opaque OpaqueTokens
	// Log, when set, lets only tokens through whose issuance is on the record, see audit.NewDemand.
	Log BindingLog
	// CacheSize bounds how many verified tokens are remembered, so that the next request with one of them costs no signature
	// check. 0 means 4096, negative means none.
	CacheSize int
}

// A Verifier verifies requests. It is safe for concurrent use. Make one with [New].
type Verifier struct {
	config   Config
	resource string // the identifier in the metadata document (RFC 9728 §1.2)
	cache    *cache[token]
}

// New makes a Verifier. It reports every fault of the configuration at once.
func New(c Config) (*Verifier, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Algorithms == nil {
		c.Algorithms = dpop.Algorithms()
	}
	if c.CacheSize == 0 {
		c.CacheSize = 4096
	}
	if err := c.faults(); err != nil {
		return nil, err
	}
	c.Algorithms = slices.Clone(c.Algorithms)
	return &Verifier{config: c, resource: resource(c), cache: newCache[token](c.CacheSize)}, nil
}

// faults joins everything that is wrong with c.
func (c *Config) faults() error {
	var faults []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("verifier: "+format, args...))
		}
	}
	fault(c.Issuer == "", "Issuer is missing: write the iss of the tokens to accept")
	fault(c.Audience == "", "Audience is missing: write what aud must contain")
	if err := checkOrigin(c.Origin); err != nil {
		fault(true, "Origin %q: %w", c.Origin, err)
	}
	fault(c.Keys == nil, "Keys is missing: use NewRemoteKeys")
	fault(c.Revocation == nil, "Revocation is missing: use NewStatusLists, or InsecureNoRevocation to accept revoked tokens until they expire")
	fault(c.DPoP == nil && c.Certificates == nil, "neither DPoP nor Certificates is set: no token could be accepted")
	fault(c.DPoP != nil && c.Replays == nil, "Replays is missing: without it a proof could be used twice")
	fault(len(c.Algorithms) == 0, "Algorithms is empty: no token could be accepted")
	for _, alg := range c.Algorithms {
		fault(!slices.Contains(dpop.Algorithms(), alg), "algorithm %q is not one of %v", alg, dpop.Algorithms())
	}
	return errors.Join(faults...)
}

// checkOrigin accepts an https URL of scheme, host and a path that does not end in a slash.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return err
	case u.Scheme != "https" || u.Host == "":
		return errors.New("write https:// and the host that callers use")
	case u.User != nil || strings.ContainsAny(origin, "?#"):
		return errors.New("leave out user information, query and fragment")
	case strings.HasSuffix(origin, "/"):
		return errors.New("leave out the slash at the end")
	}
	if u.Path == "" {
		return nil
	}
	return checkPath(u.EscapedPath())
}

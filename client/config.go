package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// Config says who the client is and how it proves it. Tokens are bound to Key when there is one, otherwise to
// Certificate; one of the two is required, because a token that anybody can use is not asked for (FAPI 2.0 §5.3.3.1 (1)).
type Config struct {
	// Issuer is the identifier of the authorization server, an https URL from configuration that can be trusted. Nothing
	// else about the server is configured: its endpoints come from its metadata (FAPI 2.0 §5.3.3.1 (9)).
	Issuer   string
	ClientID string

	// Key signs the DPoP proofs. With it, a token of any type but DPoP is discarded.
	Key *dpop.Key
	// Assertion authenticates the client (private_key_jwt). Nil means that Certificate does.
	Assertion *AssertionKey
	// Certificate gives the client certificate; [certs.Reloader.GetClientCertificate] fits. It is asked once for each token,
	// not for each handshake: a token and the connections that carry it must hold the same certificate, also while
	// certificates are being renewed (RFC 8705 §6.3).
	Certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

	Scope    tenon.Scope // empty: what the server gives by default
	Resource []string    // the APIs that the token is for (RFC 8707 §2); empty: the server's default

	RootCAs *x509.CertPool // nil: the system's
	// LearnClock is the largest difference from a server's Date header that is followed when proofs and assertions are
	// dated; zero follows none. A server that can set this clock can have proofs dated ahead, so keep it to minutes.
	LearnClock time.Duration

	// Observe is told of every request to the authorization server. It may be called from several goroutines, also in the background.
	Observe func(context.Context, Event)
	Now     func() time.Time // nil: time.Now
}

// An Event is one thing asked of the authorization server, with its retries: a token, a login to prepare, a revocation. It
// holds no secret.
type Event struct {
	Endpoint string        // empty when discovery failed before it was known
	Code     tenon.Code    // why the server refused; empty otherwise
	Tries    int           // requests sent to the endpoint
	Duration time.Duration // all of them, and discovery
	Err      error         // nil: the answer was good
}

// maxLearn bounds LearnClock. A day covers a wrong time zone; more is a broken clock, which the machine should mend.
const maxLearn = 24 * time.Hour

// faults says all that is wrong with the configuration at once.
func (cfg *Config) faults() error {
	var errs []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("client: "+format, args...))
		}
	}
	issuer, err := parseHTTPS(cfg.Issuer)
	fault(err != nil, "Issuer: %w", err)
	fault(err == nil && issuer.RawQuery != "", "Issuer: an issuer identifier has no query (RFC 8414 §2)")
	fault(cfg.ClientID == "", "ClientID is empty")
	fault(cfg.Key == nil && cfg.Certificate == nil,
		"neither Key nor Certificate: a token must be bound to one of them (FAPI 2.0 §5.3.3.1 (1))")
	fault(cfg.Assertion == nil && cfg.Certificate == nil,
		"neither Assertion nor Certificate: the client must authenticate with one of them (FAPI 2.0 §5.3.3.1 (2))")
	if cfg.Assertion != nil {
		err := cfg.Assertion.check(cfg.Key)
		fault(err != nil, "Assertion: %w", err)
	}
	_, err = tenon.ParseScope(cfg.Scope.String())
	fault(err != nil || slices.Contains(cfg.Scope, ""), "Scope %q is not a list of scope tokens", []string(cfg.Scope))
	for _, r := range cfg.Resource {
		u, err := url.Parse(r)
		fault(err != nil || !u.IsAbs() || u.Fragment != "",
			"Resource %q is not an absolute URI without a fragment (RFC 8707 §2)", r)
	}
	fault(cfg.LearnClock < 0 || cfg.LearnClock > maxLearn, "LearnClock %v is not between 0 and %v", cfg.LearnClock, maxLearn)
	return errors.Join(errs...)
}

// parseHTTPS reads the address of something that is only ever called over TLS (FAPI 2.0 §5.2.1 (1)).
func parseHTTPS(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, errors.New("is empty")
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "https":
		return nil, fmt.Errorf("%q is not an https URL", u.Redacted()) // FAPI 2.0 §5.2.1 (1)
	case u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("%q names no host", u.Redacted())
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%q has user information or a fragment", u.Redacted())
	}
	return u, nil
}

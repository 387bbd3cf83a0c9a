package issuer

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store"
)

// A Profile is the set of rules that clients and tokens must keep.
type Profile int

const (
	FAPI2  Profile = iota // FAPI 2.0 Security Profile: every token is bound to a key
	OAuth2                // a client's registration may ask for bearer tokens
)

// String gives the name used in configuration files.
func (p Profile) String() string {
	switch p {
	case FAPI2:
		return "fapi2"
	case OAuth2:
		return "oauth2"
	}
	return fmt.Sprintf("Profile(%d)", int(p))
}

// Config is all that an Issuer needs. It is not changed after New.
type Config struct {
	// Issuer is the issuer identifier: an https URL without query, fragment or trailing slash (RFC 8414 §2).
	Issuer  string
	Profile Profile
	Store   store.Store // required
	Log     BindingLog  // its Book is required
	Signing *Keyring    // required
	// DPoP checks proofs. nil: no DPoP, and a request that carries a proof is refused. One of DPoP and Certificates is required.
	DPoP *dpop.Checker
	MutualTLS
	Login
	Tokens TokenPolicy
	Limits Limits
	// Observe is called once for each request, after the answer; nil: nobody is told.
	Observe func(context.Context, Event)
	Now     func() time.Time // nil: time.Now
}

// MutualTLS is what the issuer knows of certificates.
type MutualTLS struct {
	// MTLSOrigin is where MTLSHandler is reached, like https://mtls.as.example.com; "" publishes no aliases (RFC 8705 §5).
	MTLSOrigin string
	// Certificates finds the certificate of a request. nil: no mutual TLS.
	Certificates mtls.Source
	// ClientCAs are the authorities of tls_client_auth, a dedicated set (RFC 8705 §7.4). nil: the method is not offered.
	ClientCAs *x509.CertPool
}

// Login is what the issuer needs so that people can authorize clients. Without People there is no authorization endpoint, and
// neither codes nor refresh tokens; then the other fields have no use.
type Login struct {
	People   *people.Directory
	Sessions *people.Sessions // required with People
	Pages    *ui.Pages        // required with People
	Details  *rar.Registry    // the types of authorization_details; nil: none
	// Secrets are keys of at least 32 bytes, the newest first: forms and cookies are sealed with them. Required with People.
	Secrets func() [][]byte
	Codes   CodePolicy
	Scopes  []string // published as scopes_supported, beside openid; what a client may ask for is in its registration
}

// validate reports what is missing. That there is nobody who could log in is no fault.
func (l Login) validate() error {
	if l.People == nil {
		return nil
	}
	var faults []error
	if l.Sessions == nil || l.Pages == nil || l.Secrets == nil {
		faults = append(faults, errors.New("issuer: People need Sessions, Pages and Secrets"))
	}
	for _, token := range l.Scopes {
		if scope, err := tenon.ParseScope(token); err != nil || len(scope) != 1 {
			faults = append(faults, fmt.Errorf("issuer: %q in Scopes is not one scope", token))
		}
	}
	return errors.Join(faults...)
}

// CodePolicy is how long things between a person's consent and a token live.
type CodePolicy struct {
	Request time.Duration // a pushed request: 0 means 90 s; less than 10 min (FAPI 2.0 §5.3.2.2 (12))
	Code    time.Duration // an authorization code: 0 means 60 s, which is the most (FAPI 2.0 §5.3.2.1 (11))
	Grant   time.Duration // a grant with a refresh token, from its last use: 0 means 90 days
	Grace   time.Duration // profile oauth2: for how long the same key gets the successor of a rotated refresh token again; 0 means 60 s
	Opaque  []string      // resources whose tokens are opaque unless the client's registration says otherwise
}

// withDefaults fills in what was left zero.
func (p CodePolicy) withDefaults() CodePolicy {
	for _, field := range []struct {
		of    *time.Duration
		value time.Duration
	}{
		{&p.Request, 90 * time.Second},
		{&p.Code, time.Minute},
		{&p.Grant, 90 * 24 * time.Hour},
		{&p.Grace, time.Minute},
	} {
		if *field.of == 0 {
			*field.of = field.value
		}
	}
	return p
}

func (p CodePolicy) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("issuer: "+format, args...)) }
	if p.Request < 5*time.Second || p.Request >= 10*time.Minute {
		fault("a pushed request lives for %v: use 5s to less than 10m", p.Request) // FAPI 2.0 §5.3.2.2 (12)
	}
	if p.Code < time.Second || p.Code > time.Minute {
		fault("a code lives for %v: use 1s to 60s", p.Code) // FAPI 2.0 §5.3.2.1 (11)
	}
	if p.Grant < time.Hour {
		fault("a grant lives for %v: use at least 1h", p.Grant)
	}
	if p.Grace < 0 || p.Grace > 10*time.Minute {
		fault("a rotated refresh token may be repeated for %v: use at most 10m", p.Grace)
	}
	return errors.Join(faults...)
}

// TokenPolicy is how long tokens live and how soon a revocation is seen.
type TokenPolicy struct {
	Lifetime  time.Duration // of an access token: 0 means 5 min; at most 1 h
	StatusTTL time.Duration // the longest a revocation takes to reach a verifier: 0 means 10 s; 2 s to 1 h
}

// withDefaults fills in what was left zero.
func (p TokenPolicy) withDefaults() TokenPolicy {
	if p.Lifetime == 0 {
		p.Lifetime = 5 * time.Minute
	}
	if p.StatusTTL == 0 {
		p.StatusTTL = 10 * time.Second
	}
	return p
}

func (p TokenPolicy) validate() error {
	var faults []error
	if p.Lifetime < time.Second || p.Lifetime > time.Hour {
		faults = append(faults, fmt.Errorf("issuer: token lifetime is %v: use 1s to 1h", p.Lifetime))
	}
	if p.StatusTTL < 2*time.Second || p.StatusTTL > time.Hour {
		faults = append(faults, fmt.Errorf("issuer: status list ttl is %v: use 2s to 1h", p.StatusTTL))
	}
	return errors.Join(faults...)
}

// validate reports every fault of a Config whose defaults are filled in.
func (c *Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("issuer: "+format, args...)) }
	if err := checkIssuer(c.Issuer); err != nil {
		fault("%w", err)
	}
	if err := checkOrigin(c.MTLSOrigin); c.MTLSOrigin != "" && err != nil {
		fault("%w", err)
	}
	if c.Profile != FAPI2 && c.Profile != OAuth2 {
		fault("unknown profile %v", c.Profile)
	}
	if c.Store == nil {
		fault("a Store is required")
	}
	if c.Log.Book == nil {
		fault("a Book for Log is required: no token is issued without a record")
	}
	if c.DPoP == nil && c.Certificates == nil {
		fault("neither DPoP nor Certificates is given: tokens could be bound to nothing")
	}
	if c.Certificates == nil && (c.ClientCAs != nil || c.MTLSOrigin != "") {
		fault("ClientCAs and MTLSOrigin have no use without Certificates")
	}
	if c.Signing == nil {
		fault("a Keyring for Signing is required")
	} else if keep := c.Signing.cfg.KeepAfter; keep < c.Tokens.Lifetime+commitMargin {
		fault("the keyring keeps a retired key for %v, and tokens live for %v: use at least %v", keep, c.Tokens.Lifetime, c.Tokens.Lifetime+commitMargin)
	}
	return errors.Join(append(faults, c.Login.validate(), c.Tokens.validate(), c.Codes.validate(), c.Limits.validate())...)
}

// checkIssuer holds an issuer identifier to RFC 8414 §2. A trailing slash is refused because clients compare the text.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Opaque != "":
		return fmt.Errorf("the issuer %q is not an https URL", issuer)
	case strings.ContainsAny(issuer, "?#"):
		return fmt.Errorf("the issuer %q has a query or a fragment", issuer) // RFC 8414 §2
	case strings.HasSuffix(issuer, "/"):
		return fmt.Errorf("the issuer %q ends in a slash: leave it out", issuer)
	case u.Path != "" && (u.EscapedPath() != u.Path || u.JoinPath().Path != u.Path || strings.ContainsAny(u.Path, "{}")):
		return fmt.Errorf("the path of the issuer %q has escapes, empty or dot segments, or braces", issuer)
	}
	return nil
}

// checkOrigin holds the origin of the certificate listener to scheme and host.
func checkOrigin(origin string) error {
	if err := checkIssuer(origin); err != nil {
		return fmt.Errorf("MTLSOrigin: %w", err)
	}
	if u, err := url.Parse(origin); err != nil || u.Path != "" {
		return fmt.Errorf("MTLSOrigin %q has a path: the issuer's is added", origin)
	}
	return nil
}

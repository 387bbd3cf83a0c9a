package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// Config is all that a Browser needs. It is not changed after New.
type Config struct {
	Issuer   string // the issuer identifier, an https URL: forms come from its origin, and its path is before ours
	Requests Requests
	Grants   Grants
	People   *people.Directory
	Sessions *people.Sessions
	Pages    *ui.Pages
	Details  *rar.Registry // nil: no authorization details can be asked for
	// Scopes has words for scopes that ui has none for: scope, then language ("en", "de"), then the line of the consent.
	Scopes map[string]map[string]string
	// Secrets are keys of at least 32 bytes, the newest first: forms are sealed with the newest, and all are accepted.
	Secrets func() [][]byte
	// Address is where a request comes from, for counting failures. nil: the peer's address, which is wrong behind a proxy.
	Address func(*http.Request) string
	Observe func(context.Context, Event) // called once for each request, after the answer; nil: nobody is told
	Now     func() time.Time             // nil: time.Now
}

// Browser serves the endpoints. It holds no state of any person and may be used by many requests at once.
type Browser struct {
	Config
	base  string // path of the issuer, "" or "/t1"
	guard *http.CrossOriginProtection
}

// New reports every fault of a Config at once.
func New(c Config) (*Browser, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Address == nil {
		c.Address = peer
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	guard := http.NewCrossOriginProtection()
	return &Browser{Config: c, base: issuer.Path, guard: guard}, guard.AddTrustedOrigin("https://" + issuer.Host)
}

func (c Config) validate() error {
	var faults []error
	if u, err := url.Parse(c.Issuer); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(c.Issuer, "/") {
		faults = append(faults, fmt.Errorf("browser: the issuer %q is not an https URL without query, fragment and slash at the end", c.Issuer))
	}
	for _, need := range []struct {
		name  string
		there bool
	}{
		{"Requests", c.Requests != nil},
		{"Grants", c.Grants != nil},
		{"People", c.People != nil},
		{"Sessions", c.Sessions != nil},
		{"Pages", c.Pages != nil},
		{"Secrets", c.Secrets != nil},
	} {
		if !need.there {
			faults = append(faults, fmt.Errorf("browser: %s is required", need.name))
		}
	}
	return errors.Join(faults...)
}

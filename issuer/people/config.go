package people

import (
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// Config is what a [Directory] is made of.
type Config struct {
	// Store remembers people. Required.
	Store store.Store
	// Issuer is the issuer's https URL. Its host is what passkeys are bound to, and its scheme, host and port the only
	// origin at which they work. Required. At a host that is an IP address there are no passkeys: see [Directory.HasPasskeys].
	Issuer string
	// Name is the operator's name, shown by authenticators. Empty means the host of Issuer.
	Name string
	// Secrets gives the keys for what browsers keep for us, of at least 32 bytes each, newest first. The first makes, all
	// open. Required.
	Secrets func() [][]byte
	// Cost is what one password costs. Zero means the default.
	Cost Cost
	// InsecureCost allows a Cost below the default, which makes stolen hashes cheap to try passwords on. For tests.
	InsecureCost bool
	// Table is how many names, addresses and devices with failures are told apart, each. Zero means 16384.
	Table int
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
}

// Cost is what hashing one password costs, and how many are hashed at once. The zero value of each field means its default.
type Cost struct {
	Memory   uint32 // KiB: 0 means 19456; at most 1 GiB
	Passes   uint32 // 0 means 2
	Lanes    uint8  // 0 means 1
	Parallel int    // for strangers; half as many more, at least 1, for known devices: 0 means the number of CPUs
	Waiting  int    // how many may wait for their turn before others are told to come back: 0 means 4096
}

// defaultCost is the lesser of the usual recommendations for argon2id: about 20 ms on a server of today.
func defaultCost() Cost {
	return Cost{Memory: 19456, Passes: 2, Lanes: 1, Parallel: runtime.GOMAXPROCS(0), Waiting: 4096}
}

func (c Cost) withDefaults() Cost {
	d := defaultCost()
	if c.Memory == 0 {
		c.Memory = d.Memory
	}
	if c.Passes == 0 {
		c.Passes = d.Passes
	}
	if c.Lanes == 0 {
		c.Lanes = d.Lanes
	}
	if c.Parallel == 0 {
		c.Parallel = d.Parallel
	}
	if c.Waiting == 0 {
		c.Waiting = d.Waiting
	}
	return c
}

func (c Cost) validate(insecure bool) error {
	d := defaultCost()
	switch {
	case c.Parallel < 0 || c.Waiting < 0:
		return errors.New("people: Cost.Parallel and Cost.Waiting must not be negative")
	case c.Memory > maxMemory || c.Passes > maxPasses || c.Memory < 8*uint32(c.Lanes): // RFC 9106 §3.1
		return fmt.Errorf("people: argon2id cannot or should not run with %d KiB, %d passes, %d lanes", c.Memory, c.Passes, c.Lanes)
	case !insecure && uint64(c.Memory)*uint64(c.Passes) < uint64(d.Memory)*uint64(d.Passes):
		return fmt.Errorf("people: %d KiB and %d passes are less than %d KiB and %d passes; InsecureCost allows that",
			c.Memory, c.Passes, d.Memory, d.Passes)
	}
	return nil
}

// origin reads the issuer's URL and gives scheme, host and port of it.
func (c Config) origin() (*url.URL, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("people: Issuer %q is not an https URL without query and fragment", c.Issuer)
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil // as browsers write it: its hash is what passkeys sign
}

func (c Config) validate() error {
	var faults []error
	if c.Store == nil {
		faults = append(faults, errors.New("people: Store is missing"))
	}
	if c.Secrets == nil {
		faults = append(faults, errors.New("people: Secrets is missing"))
	} else if _, err := deriveKeys(c.Secrets, "check"); err != nil {
		faults = append(faults, err)
	}
	if c.Table < 0 {
		faults = append(faults, errors.New("people: Table must not be negative"))
	}
	_, err := c.origin()
	return errors.Join(append(faults, err, c.Cost.validate(c.InsecureCost))...)
}

package dpop

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
)

// Config says which proofs a [Checker] accepts.
type Config struct {
	Algorithms []Algorithm      // what may sign a proof; required, never empty
	MaxAge     time.Duration    // how old a proof may be; 0 means 60 s, at most 5 minutes
	MaxAhead   time.Duration    // how far in the future iat may be; 0 means 10 s, at most 60 s
	Nonces     *Nonces          // nil means that nonces are neither asked for nor looked at
	Now        func() time.Time // nil means time.Now
}

const (
	defaultMaxAge   = 60 * time.Second
	longestMaxAge   = 5 * time.Minute
	defaultMaxAhead = 10 * time.Second // FAPI 2.0 §5.3.2.1 (13): 10 s ahead must be accepted
	longestMaxAhead = 60 * time.Second // FAPI 2.0 §5.3.2.1 (13): more than 60 s ahead must be refused
)

// A Checker checks proofs. It keeps no state about them: nothing a refused request does is remembered.
type Checker struct {
	algorithms []Algorithm
	window     window
	nonces     *Nonces
	now        func() time.Time
	headers    headerCache
}

// NewChecker checks the configuration.
func NewChecker(c Config) (*Checker, error) {
	var faults []error
	if len(c.Algorithms) == 0 {
		faults = append(faults, errors.New("dpop: a checker needs the algorithms it allows"))
	}
	for _, alg := range c.Algorithms {
		if !alg.known() {
			faults = append(faults, fmt.Errorf("dpop: the algorithm %q is none of %v", alg, Algorithms()))
		}
	}
	if c.MaxAge < 0 || c.MaxAge > longestMaxAge {
		faults = append(faults, fmt.Errorf("dpop: MaxAge is %s, it must be at most %s", c.MaxAge, longestMaxAge))
	}
	if c.MaxAhead < 0 || c.MaxAhead > longestMaxAhead {
		faults = append(faults, fmt.Errorf("dpop: MaxAhead is %s, it must be at most %s", c.MaxAhead, longestMaxAhead))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	checker := &Checker{algorithms: slices.Clone(c.Algorithms), nonces: c.Nonces, now: c.Now}
	checker.window = window{age: orDefault(c.MaxAge, defaultMaxAge), ahead: orDefault(c.MaxAhead, defaultMaxAhead)}
	if c.Now == nil {
		checker.now = time.Now
	}
	return checker, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Nonces returns the nonces of the configuration, nil when there are none.
func (c *Checker) Nonces() *Nonces { return c.nonces }

// Algorithms returns the algorithms of the configuration, for metadata and challenges (RFC 9449 §5.1, §7.1).
func (c *Checker) Algorithms() []Algorithm { return slices.Clone(c.algorithms) }

// Window returns for how long after it was accepted a proof could be accepted again, if nothing remembered it.
func (c *Checker) Window() time.Duration { return c.window.age + c.window.ahead }

// A Request is what a proof is checked against.
type Request struct {
	Method      string   // as it came
	URL         string   // the public URL of the request, absolute; its query is ignored. Never built from the Host header
	Proofs      []string // every value of the DPoP header field
	AccessToken string   // the token beside the proof; empty at the authorization server
	Thumbprint  string   // cnf.jkt of that token; required with AccessToken, empty without
}

// Check runs the twelve checks of RFC 9449 §4.3. The order is cheap before dear, and what the signature covers after the
// signature. A refusal is a *tenon.Error; what it tells the sender does not repeat what we expected as ath, jkt or htu,
// that is in its cause. Any other error is a fault of the caller. The [Proof] is nil on every error.
func (c *Checker) Check(r Request) (*Proof, error) {
	if (r.AccessToken == "") != (r.Thumbprint == "") {
		return nil, errors.New("dpop: an access token and the thumbprint it is bound to are given together or not at all")
	}
	field, err := oneField(r.Proofs) // RFC 9449 §4.3 (1)
	if err != nil {
		return nil, err
	}
	parts, err := cut(field) // RFC 9449 §4.3 (2)
	if err != nil {
		return nil, err
	}
	head, known := c.headers.get(parts.header)
	if head == nil {
		if head, err = parseHeader(parts.header, c.algorithms); err != nil { // RFC 9449 §4.3 (3), (4), (5), (7)
			return nil, err
		}
	}
	claims, err := parseClaims(parts.payload) // RFC 9449 §4.3 (2), (3)
	if err != nil {
		return nil, err
	}
	if err := head.verify(parts.signed, parts.signature); err != nil { // RFC 9449 §4.3 (6)
		return nil, err
	}
	if !known {
		c.headers.keep(parts.header, head)
	}
	if claims.htm != r.Method {
		return nil, refuse("htm", "htm is %s, the request is %s", claims.htm, r.Method) // RFC 9449 §4.3 (8)
	}
	if !SameTarget(claims.htu, r.URL) { // RFC 9449 §4.3 (9)
		return nil, refuse("htu", "htu is not the URL of the request").Because(fmt.Errorf("htu is %q, the request is for %q", claims.htu, r.URL))
	}
	if err := bound(head, claims, r); err != nil { // RFC 9449 §4.3 (12)
		return nil, err
	}
	now := c.now()
	until, err := c.window.admit(claims, now) // RFC 9449 §4.3 (11)
	if err != nil {
		return nil, err
	}
	next, err := c.checkNonce(head.thumbprint, claims.nonce) // RFC 9449 §4.3 (10)
	if err != nil {
		return nil, err
	}
	iat := time.Unix(claims.iat, 0)
	return &Proof{header: head, jti: claims.jti, iat: iat, offset: iat.Sub(now), until: until, nextNonce: next}, nil
}

// bound ties the proof to the access token: by hash to the one presented, by key to its confirmation.
func bound(head *header, c *claims, r Request) error {
	if r.AccessToken == "" {
		return nil
	}
	if c.ath == nil {
		return refuse("ath", "the proof has no ath: it must hash the access token it is sent with") // RFC 9449 §4.3 (12)
	}
	if want := AccessTokenHash(r.AccessToken); *c.ath != want {
		return refuse("ath", "ath is not the hash of the access token").Because(fmt.Errorf("ath is %q, the hash is %s", *c.ath, want)) // RFC 9449 §4.3 (12)
	}
	if head.thumbprint != r.Thumbprint {
		return tenon.Refuse(tenon.InvalidToken, "jkt", "proof key %s is not the key the token is bound to", head.thumbprint).
			Because(fmt.Errorf("the token is bound to %s", r.Thumbprint)) // RFC 9449 §4.3 (12)
	}
	return nil
}

// checkNonce judges the nonce claim, nil when absent, and returns a newer nonce to hand out if there should be one.
func (c *Checker) checkNonce(thumbprint string, nonce *string) (next string, err error) {
	if c.nonces == nil {
		return "", nil
	}
	if nonce == nil {
		if c.nonces.demands(thumbprint) {
			return "", c.demandNonce(thumbprint, "the proof has no nonce: repeat the request with the one in DPoP-Nonce") // RFC 9449 §4.3 (10), §11.3
		}
		if c.nonces.policy == NoNonce {
			return "", nil
		}
		return c.offerNonce(thumbprint), nil
	}
	switch c.nonces.Check(*nonce) {
	case Fresh:
		return "", nil
	case Aging:
		return c.offerNonce(thumbprint), nil
	default:
		return "", c.demandNonce(thumbprint, "the nonce is not a recent one: repeat the request with the one in DPoP-Nonce") // RFC 9449 §8, §9
	}
}

func (c *Checker) offerNonce(thumbprint string) string {
	c.nonces.Offered(thumbprint)
	return c.nonces.Mint()
}

func (c *Checker) demandNonce(thumbprint, description string) error {
	c.nonces.Offered(thumbprint)
	return tenon.Refuse(tenon.UseDPoPNonce, "nonce", "%s", description)
}

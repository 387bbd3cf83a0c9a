package verifier

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tenon-auth/tenon"
)

// IntrospectionConfig says whom to ask about tokens. Endpoint and Credential are required.
type IntrospectionConfig struct {
	// Endpoint is the introspection endpoint of the issuer, an https URL; with a certificate, its mTLS alias.
	Endpoint string
	// Credential authenticates this resource server to the issuer.
	Credential Credential
	// HTTP is the client to ask with, for its roots, its proxy and its certificate. Nil means a plain one. Redirects are never
	// followed: a token goes to the endpoint and nowhere else.
	HTTP *http.Client

	// MaxAge is the delay to state to operators: how long an answer is believed, and so how long after its revocation a token may still
	// be accepted. No answer is believed beyond the token's exp. 0 means 10 seconds, at most 5 minutes.
	MaxAge time.Duration
	// Capacity bounds how many answers are kept. 0 means 4096.
	Capacity int
	// Calls bounds how many questions are under way at a time; more wait. 0 means 32.
	Calls int

	// Observe, when set, is told how each question ended: nil when it was answered, whatever the answer was.
	Observe func(error)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Introspection asks the issuer about tokens (RFC 7662). It is a source for opaque tokens, and a Revocation for JWTs; one Introspection can
// be both. What cannot be known is answered with 503.
type Introspection struct {
	config  IntrospectionConfig
	client  *http.Client
	calls   chan struct{} // holds one element for each question under way
	flights singleflight.Group
	alive   *cache[answer]
	dead    *cache[answer] // apart, so that a flood of rubbish does not push out what is good
}

// An answer is what the issuer said about a token. It is never changed.
type answer struct {
	claims *tenon.Claims // nil when the token is not active
	asked  time.Time     // when the question was put: the answer was true then or later
	until  time.Time     // when it must be asked again
}

var (
	_ OpaqueTokens = (*Introspection)(nil)
	_ Revocation   = (*Introspection)(nil)
)

// maxIntrospectionAge bounds MaxAge: who wants answers to live longer wants no revocation.
const maxIntrospectionAge = 5 * time.Minute

// NewIntrospection makes an Introspection. It asks nothing yet.
func NewIntrospection(c IntrospectionConfig) (*Introspection, error) {
	setDefault(&c.MaxAge, 10*time.Second)
	setDefault(&c.Capacity, 4096)
	setDefault(&c.Calls, 32)
	if c.Now == nil {
		c.Now = time.Now
	}
	faults := []error{checkAddress(c.Endpoint)}
	if c.Credential == nil {
		faults = append(faults, errors.New("verifier: Credential is missing: an issuer answers resource servers only")) // RFC 7662 §2.1
	}
	if c.MaxAge < 0 || c.MaxAge > maxIntrospectionAge {
		faults = append(faults, fmt.Errorf("verifier: MaxAge is %v: use at most %v", c.MaxAge, maxIntrospectionAge))
	}
	if c.Capacity < 0 || c.Calls < 0 {
		faults = append(faults, errors.New("verifier: Capacity or Calls is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &Introspection{
		config: c, client: withoutRedirects(c.HTTP), calls: make(chan struct{}, c.Calls),
		alive: newCache[answer](c.Capacity), dead: newCache[answer](c.Capacity / 4),
	}, nil
}

// Claims implements [OpaqueTokens].
func (i *Introspection) Claims(ctx context.Context, token string) (*tenon.Claims, error) {
	a, err := i.answer(ctx, token)
	if err != nil {
		return nil, err
	}
	if a.claims == nil {
		return nil, refuseToken("inactive", "the token is not active: it is unknown, has expired, was revoked, or is for another API")
	}
	return a.claims, nil
}

// Revoked implements [Revocation]. A token that the issuer does not know to be active is as good as revoked. An answer about another
// token is no answer.
func (i *Introspection) Revoked(ctx context.Context, presented string, claims *tenon.Claims) (bool, error) {
	a, err := i.answer(ctx, presented)
	if err != nil {
		return false, err
	}
	if a.claims != nil && a.claims.ID != claims.ID {
		return false, errors.New("verifier: introspection: the answer is about another token")
	}
	return a.claims == nil, nil
}

// answer gives what the issuer says about the token, no older than MaxAge. However many requests come with the token, one question is
// under way at a time.
func (i *Introspection) answer(ctx context.Context, token string) (*answer, error) {
	digest := sha256.Sum256([]byte(token))
	for _, kept := range []*cache[answer]{i.alive, i.dead} {
		if a := kept.get(digest); a != nil && a.holds(i.config.Now()) {
			return a, nil
		}
	}
	// Who waits must not fail because the one who happened to be first went away.
	flight := i.flights.DoChan(string(digest[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		return i.fetch(ctx, token, digest)
	})
	select {
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*answer), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// holds reports whether the answer is to be believed. A clock that stepped back makes it too old, not young for ever.
func (a *answer) holds(now time.Time) bool { return !now.Before(a.asked) && now.Before(a.until) }

// fetch asks the issuer when it is this question's turn, and keeps the answer.
func (i *Introspection) fetch(ctx context.Context, token string, digest [sha256.Size]byte) (*answer, error) {
	select {
	case i.calls <- struct{}{}:
		defer func() { <-i.calls }()
	case <-ctx.Done():
		return nil, fmt.Errorf("verifier: introspection: %d questions are under way: %w", i.config.Calls, ctx.Err())
	}
	asked := i.config.Now()
	claims, err := i.ask(ctx, token)
	if err != nil {
		err = fmt.Errorf("verifier: introspection: %v", err) // %v: if a refusal is inside, it is not of the token
	}
	if i.config.Observe != nil {
		i.config.Observe(err)
	}
	if err != nil {
		return nil, err
	}
	a := &answer{claims: claims, asked: asked, until: asked.Add(i.config.MaxAge)}
	if claims == nil {
		i.alive.drop(digest)
		i.dead.put(digest, a)
		return a, nil
	}
	if claims.Expires.Before(a.until) {
		a.until = claims.Expires // RFC 7662 §4
	}
	i.alive.put(digest, a)
	return a, nil
}

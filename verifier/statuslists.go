package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenon-auth/tenon"
)

// StatusListsConfig says whose status lists are believed. Issuer and Keys are required.
type StatusListsConfig struct {
	// Issuer is the issuer of the tokens. Only lists under its origin are fetched.
	Issuer string
	// Keys tells which keys sign the lists: those of the issuer.
	Keys KeySource
	// HTTP is the client to fetch with. Nil means a plain one. Redirects out of the origin are never followed.
	HTTP *http.Client

	// MaxAge is the delay to state to operators: a token that the issuer has marked as revoked is refused after it at the latest. A list
	// that says a shorter ttl is fetched more often. 0 means 10 seconds.
	MaxAge time.Duration

	// Observe, when set, is told how each fetch ended.
	Observe func(error)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// StatusLists is the Revocation of token status lists (Token Status List §8). A request whose list cannot be known within MaxAge is
// answered with 503. It fetches when a request needs it; [StatusLists.Run] fetches ahead, so that no request has to wait.
type StatusLists struct {
	config StatusListsConfig
	origin string // scheme, host and a slash: what the URI of a list begins with
	site   site

	mu    sync.Mutex // owns lists and the lastUsed of each
	lists map[string]*heldList
}

// A heldList is a list with the time of its last use.
type heldList struct {
	document[*statusList]
	lastUsed time.Time
}

var _ Revocation = (*StatusLists)(nil)

// NewStatusLists makes a StatusLists. It fetches nothing yet.
func NewStatusLists(c StatusListsConfig) (*StatusLists, error) {
	setDefault(&c.MaxAge, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	faults := []error{checkAddress(c.Issuer)}
	if c.Keys == nil {
		faults = append(faults, errors.New("verifier: Keys is missing: a status list is signed"))
	}
	if c.MaxAge < 0 {
		faults = append(faults, errors.New("verifier: MaxAge is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	origin, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, err
	}
	return &StatusLists{config: c, origin: origin.Scheme + "://" + origin.Host + "/", site: newSite(c.HTTP), lists: map[string]*heldList{}}, nil
}

// Revoked implements [Revocation]. Every status but VALID counts as revoked. A token that has no place in a list, or one that does not
// exist, is refused: nobody could revoke it.
func (s *StatusLists) Revoked(ctx context.Context, _ string, claims *tenon.Claims) (bool, error) {
	if claims.Status == nil {
		return false, refuseToken("revoked", "the token has no status, so nobody could revoke it")
	}
	if !strings.HasPrefix(claims.Status.URI, s.origin) {
		return false, refuseToken("revoked", "the token's status list is not the issuer's")
	}
	list, err := s.list(ctx, claims.Status.URI)
	if err != nil {
		return false, fmt.Errorf("verifier: status list %s: %w", claims.Status.URI, err)
	}
	status, ok := list.status(claims.Status.Index)
	if !ok {
		return false, refuseToken("revoked", "the token's index is not in its status list") // Token Status List §8.3
	}
	return status != 0, nil // Token Status List §7.1: 0 is VALID
}

// list gives the list at uri, no older than MaxAge and its own ttl, and not expired.
func (s *StatusLists) list(ctx context.Context, uri string) (*statusList, error) {
	held := s.held(uri)
	list, err := held.get(ctx)
	if err != nil {
		return nil, err
	}
	if kept := held.kept.Load(); list.ttl > 0 && kept.age(s.config.Now()) > list.ttl {
		if list, err = held.renew(ctx); err != nil {
			return nil, err
		}
	}
	if now := s.config.Now(); !list.expires.IsZero() && !now.Before(list.expires) {
		return nil, fmt.Errorf("it expired at %s", list.expires.UTC().Format(time.RFC3339)) // Token Status List §8.3
	}
	return list, nil
}

// maxLists bounds how many lists are held. The least recently used one makes room.
const maxLists = 256

func (s *StatusLists) held(uri string) *heldList {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.lists[uri]
	if held == nil {
		s.makeRoom()
		held = s.newList(uri)
		s.lists[uri] = held
	}
	held.lastUsed = s.config.Now()
	return held
}

func (s *StatusLists) newList(uri string) *heldList {
	return &heldList{document: document[*statusList]{
		fetch:    func(ctx context.Context) (*statusList, error) { return s.fetch(ctx, uri) },
		maxAge:   s.config.MaxAge,
		maxStale: s.config.MaxAge, // fail closed: the delay stated is kept
		interval: min(time.Second, s.config.MaxAge/4),
		observe:  s.config.Observe,
		now:      s.config.Now,
	}}
}

// makeRoom drops the least recently used list when there is no room for another. The caller holds mu.
func (s *StatusLists) makeRoom() {
	if len(s.lists) < maxLists {
		return
	}
	oldest := ""
	for uri, held := range s.lists {
		if oldest == "" || held.lastUsed.Before(s.lists[oldest].lastUsed) {
			oldest = uri
		}
	}
	delete(s.lists, oldest)
}

// fetch reads and verifies the list at uri (Token Status List §8.3). Nothing that is wrong with it is the fault of a request, so no
// error here is a refusal.
func (s *StatusLists) fetch(ctx context.Context, uri string) (*statusList, error) {
	data, err := s.site.read(ctx, uri, "application/statuslist+jwt")
	if err != nil {
		return nil, err
	}
	j, err := parseJWS(string(data))
	if err != nil {
		return nil, err
	}
	if !j.isType("statuslist+jwt") {
		return nil, fmt.Errorf("its typ is %q", j.typ) // Token Status List §5.1
	}
	list, err := parseStatusList(j.payload)
	if err != nil {
		return nil, err
	}
	if list.subject != uri || list.issuer != "" && list.issuer != s.config.Issuer {
		return nil, fmt.Errorf("it is the list %q of issuer %q", list.subject, list.issuer) // Token Status List §5.1, §8.3
	}
	if list.issued.After(s.config.Now().Add(maxAhead)) {
		return nil, errors.New("its iat is in the future")
	}
	// The alg must be that of a key, and so is one of those that may be used (RFC 8725 §3.1).
	if _, err := verifySignature(ctx, s.config.Keys, j); err != nil {
		return nil, fmt.Errorf("its signature: %v", err) // %v: inside is a refusal, and this is none
	}
	return list, nil
}

// idle is how long an unused list is kept fresh.
const idle = time.Hour

// Run keeps the lists that tokens refer to fresh until ctx ends, and returns nil then.
func (s *StatusLists) Run(ctx context.Context) error {
	return every(ctx, s.config.MaxAge/2, func() {
		for _, held := range s.used() {
			_ = held.refresh(ctx) // Observe is told of failures
		}
	})
}

// used gives the lists in use and forgets the others.
func (s *StatusLists) used() []*heldList {
	s.mu.Lock()
	defer s.mu.Unlock()
	var used []*heldList
	for uri, held := range s.lists {
		if s.config.Now().Sub(held.lastUsed) > idle {
			delete(s.lists, uri)
			continue
		}
		used = append(used, held)
	}
	return used
}

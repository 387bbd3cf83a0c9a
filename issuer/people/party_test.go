package people_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

const (
	issuerURL = "https://id.example:8443/bank"
	origin    = "https://id.example:8443"
	secret    = "a long sentence about mortises"
)

// A party is a directory with a clock and a store that a test can step into.
type party struct {
	*people.Directory
	t        testing.TB
	clock    *clock
	store    *hookedStore
	sessions *people.Sessions
	secrets  [][]byte
}

func newParty(t testing.TB, edit ...func(*people.Config)) *party {
	t.Helper()
	p := &party{t: t, clock: &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, secrets: [][]byte{key(1)}}
	engine, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "people.db"), Now: p.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	p.store = &hookedStore{Store: engine}
	c := people.Config{
		Store: p.store, Issuer: issuerURL, Name: "Bank", Secrets: func() [][]byte { return p.secrets },
		Cost: peopletest.Cost(), InsecureCost: true, Now: p.clock.Now,
	}
	for _, e := range edit {
		e(&c)
	}
	p.Directory, err = people.New(c)
	must(t, err)
	p.sessions, err = people.NewSessions(people.SessionConfig{Store: p.store, Now: p.clock.Now})
	must(t, err)
	return p
}

// join adds a person with a password.
func (p *party) join(username string) people.Person {
	p.t.Helper()
	person, err := p.Add(p.t.Context(), people.Person{Username: username, Profile: people.Profile{Name: "Someone"}})
	must(p.t, err)
	must(p.t, p.SetPassword(p.t.Context(), person.Subject, secret))
	return person
}

// try sends a password from an address.
func (p *party) try(username, password, address string) error {
	_, err := p.CheckPassword(p.t.Context(), people.Attempt{Username: username, Password: password, Address: address})
	return err
}

// passkey gives a person a passkey in a new authenticator.
func (p *party) passkey(person people.Person, edit ...func(*peopletest.Authenticator)) (*peopletest.Authenticator, people.Passkey) {
	p.t.Helper()
	a := peopletest.New(origin)
	for _, e := range edit {
		e(a)
	}
	ceremony, err := p.BeginPasskey(p.t.Context(), person.Subject)
	must(p.t, err)
	response, err := a.Register(ceremony.Options)
	must(p.t, err)
	made, err := p.FinishPasskey(p.t.Context(), person.Subject, ceremony.State, response, "phone")
	must(p.t, err)
	return a, made
}

// present logs in with what an authenticator answers.
func (p *party) present(a *peopletest.Authenticator) (people.Person, []people.Method, error) {
	p.t.Helper()
	ceremony, err := p.BeginPasskeyLogin(p.t.Context())
	must(p.t, err)
	response, err := a.Login(ceremony.Options)
	must(p.t, err)
	return p.FinishPasskeyLogin(p.t.Context(), ceremony.State, response)
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A hookedStore counts, and fails when told to.
type hookedStore struct {
	store.Store
	gets, commits atomic.Int64
	failGet       atomic.Pointer[error]
	failCommit    atomic.Pointer[error]
	before        func() // a commit, once; set while nothing runs
	between       func() // finding the key of a session and reading the session, once; the same
}

func (s *hookedStore) Get(ctx context.Context, k store.Key) (store.Record, error) {
	s.gets.Add(1)
	if err := s.failGet.Load(); err != nil {
		return store.Record{}, *err
	}
	if s.between != nil && k.Kind == "sessions" {
		step := s.between
		s.between = nil
		step()
	}
	return s.Store.Get(ctx, k)
}

func (s *hookedStore) Scan(ctx context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	if err := s.failGet.Load(); err != nil {
		return nil, *err
	}
	return s.Store.Scan(ctx, prefix, after, n)
}

func (s *hookedStore) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	s.commits.Add(1)
	if s.before != nil {
		step := s.before
		s.before = nil
		step()
	}
	if err := s.failCommit.Load(); err != nil {
		return store.Receipt{}, *err
	}
	return s.Store.Commit(ctx, c)
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused asserts that somebody did not prove who they are, for the reason, and that the text does not say which.
func refused(t testing.TB, err error, reason string) {
	t.Helper()
	var r *people.Refusal
	if !errors.As(err, &r) || !errors.Is(err, people.ErrWrong) {
		t.Fatalf("got %v, want a refusal because of %q", err, reason)
	}
	if r.Reason != reason {
		t.Errorf("refused because of %q, want %q (%v)", r.Reason, reason, r.Cause())
	}
	if err.Error() != people.ErrWrong.Error() {
		t.Errorf("the refusal says %q", err)
	}
}

// held asserts that somebody must wait, and tells for how long.
func held(t testing.TB, err error) time.Duration {
	t.Helper()
	var h *people.Throttled
	if !errors.As(err, &h) {
		t.Fatalf("got %v, want a pause", err)
	}
	if h.Wait < time.Second {
		t.Errorf("a pause of %s", h.Wait)
	}
	return h.Wait
}

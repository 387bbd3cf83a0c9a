package browser_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store"
)

const (
	origin   = "https://as.example"
	base     = "/t1"
	password = "Maple-Quarry-62-Tulip"
)

// A clock stands still until a test moves it on.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
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

// A stage is a Browser with real people and pages, and a protocol side that the test plays.
type stage struct {
	t        *testing.T
	clock    *clock
	drawer   *drawer
	people   *people.Directory
	sessions *people.Sessions
	details  *rar.Registry
	secrets  [][]byte
	requests *requests
	grants   *grants
	routes   map[string]http.Handler

	mu     sync.Mutex
	events []browser.Event // guarded by mu
}

// What is the same for every stage, and takes a while to read.
var (
	pages    = sync.OnceValues(func() (*ui.Pages, error) { return ui.New(ui.Config{Name: "Bank", Base: base}) })
	registry = sync.OnceValues(func() (*rar.Registry, error) { return rar.NewRegistry(rar.Builtin()...) })
)

func newStage(t *testing.T) *stage { return newStageWith(t, func(*browser.Config) {}) }

func newStageWith(t *testing.T, edit func(*browser.Config)) *stage {
	t.Helper()
	s := &stage{t: t, clock: &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, secrets: [][]byte{[]byte(strings.Repeat("k", 32))}}
	s.drawer = &drawer{now: s.clock.Now, records: map[store.Key]store.Record{}}
	secrets := func() [][]byte { return s.secrets }
	s.people = must(people.New(people.Config{
		Store: s.drawer, Issuer: origin + base, Name: "Bank", Secrets: secrets, Cost: peopletest.Cost(), InsecureCost: true, Now: s.clock.Now,
	}))(t)
	s.sessions = must(people.NewSessions(people.SessionConfig{Store: s.drawer, Idle: 24 * time.Hour, Lifetime: 48 * time.Hour, Now: s.clock.Now}))(t)
	s.details = must(registry())(t)
	s.requests, s.grants = &requests{stage: s, known: map[string]*browser.Request{}}, &grants{}
	config := browser.Config{
		Issuer: origin + base, Requests: s.requests, Grants: s.grants, People: s.people, Sessions: s.sessions,
		Pages: must(pages())(t), Details: s.details, Secrets: secrets, Now: s.clock.Now,
		Scopes:  map[string]map[string]string{"accounts": {"en": "See your accounts", "de": "Ihre Konten sehen"}},
		Observe: s.observe,
	}
	edit(&config)
	s.routes = must(browser.New(config))(t).Routes()
	return s
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *stage) observe(_ context.Context, e browser.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// last is the newest event.
func (s *stage) last() browser.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 {
		s.t.Fatal("there was no event")
	}
	return s.events[len(s.events)-1]
}

// person adds somebody with the password.
func (s *stage) person(username string) people.Person {
	s.t.Helper()
	p := must(s.people.Add(s.t.Context(), people.Person{Username: username, Profile: people.Profile{Name: "Ms " + username, Email: username + "@mail.example"}}))(s.t)
	if err := s.people.SetPassword(s.t.Context(), p.Subject, password); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// codes turns one-time codes on, and gives the secret and the recovery codes.
func (s *stage) codes(p people.Person) (secret string, recovery []string) {
	s.t.Helper()
	e := must(s.people.BeginTOTP(s.t.Context(), p.Subject))(s.t)
	recovery = must(s.people.ConfirmTOTP(s.t.Context(), p.Subject, e.Secret, s.code(e.Secret)))(s.t)
	s.clock.advance(time.Minute) // the code is spent
	return e.Secret, recovery
}

func (s *stage) code(secret string) string {
	return must(peopletest.Code(secret, s.clock.Now()))(s.t)
}

// passkey gives somebody a passkey.
func (s *stage) passkey(p people.Person, synced bool) *peopletest.Authenticator {
	s.t.Helper()
	a := peopletest.New(origin)
	a.Synced = synced
	c := must(s.people.BeginPasskey(s.t.Context(), p.Subject))(s.t)
	answer := must(a.Register(c.Options))(s.t)
	must(s.people.FinishPasskey(s.t.Context(), p.Subject, c.State, answer, "My key"))(s.t)
	return a
}

// requests is the protocol side.
type requests struct {
	stage    *stage
	fault    error   // of the server
	panic    string  // what to panic with
	redirect *string // the answer, if it is to be odd

	mu       sync.Mutex
	known    map[string]*browser.Request // by URI; guarded by mu
	answered []answered                  // guarded by mu
}

// answered is what became of a request.
type answered struct {
	ID       string
	Approval *browser.Approval
	Refusal  *tenon.Error
}

var _ browser.Requests = (*requests)(nil)

// push makes a request of the shop's.
func (s *stage) push(edit func(*browser.Request)) *browser.Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	n := len(s.requests.known) + 1
	r := &browser.Request{
		ID: fmt.Sprintf("r%d", n), URI: fmt.Sprintf("urn:ietf:params:oauth:request_uri:%d", n), Scope: tenon.Scope{"openid", "accounts"},
		Client:  browser.ClientInfo{ID: "shop", Name: "The Shop", RedirectOrigin: "https://shop.example"},
		Created: s.clock.Now(), Expires: s.clock.Now().Add(90 * time.Second), Lasts: 90 * 24 * time.Hour,
	}
	if edit != nil {
		edit(r)
	}
	s.requests.known[r.URI] = r
	return r
}

func (q *requests) Open(_ context.Context, clientID, requestURI string) (*browser.Request, error) {
	if q.panic != "" {
		panic(q.panic)
	}
	if q.fault != nil {
		return nil, q.fault
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.known[requestURI]
	if r == nil || r.Client.ID != clientID || r.Stored == "spent" {
		return nil, tenon.Refuse(tenon.InvalidRequestURI, "unknown", "this request_uri is not known")
	}
	c := *r
	return &c, nil
}

func (q *requests) Approve(_ context.Context, r *browser.Request, a browser.Approval) (string, error) {
	return q.answer(r, answered{ID: r.ID, Approval: &a}, url.Values{"code": {"c-" + r.ID}})
}

func (q *requests) Refuse(_ context.Context, r *browser.Request, why *tenon.Error) (string, error) {
	return q.answer(r, answered{ID: r.ID, Refusal: why}, url.Values{"error": {string(why.Code)}})
}

func (q *requests) answer(r *browser.Request, a answered, query url.Values) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known[r.URI].Stored == "spent" {
		return "", tenon.Refuse(tenon.InvalidRequestURI, "spent", "this request was completed elsewhere")
	}
	q.known[r.URI].Stored = "spent"
	q.answered = append(q.answered, a)
	if q.redirect != nil {
		return *q.redirect, nil
	}
	query.Set("iss", origin+base)
	return "https://shop.example/cb?" + query.Encode(), nil
}

// outcome is what became of the only request that was completed.
func (s *stage) outcome() answered {
	s.t.Helper()
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	if len(s.requests.answered) != 1 {
		s.t.Fatalf("%d requests were completed, want 1", len(s.requests.answered))
	}
	return s.requests.answered[0]
}

func (s *stage) untouched() {
	s.t.Helper()
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	if len(s.requests.answered) != 0 {
		s.t.Errorf("a request was completed: %+v", s.requests.answered)
	}
}

// grants are what people have allowed.
type grants struct {
	mu  sync.Mutex
	all map[string][]browser.Grant // by subject; guarded by mu
}

var _ browser.Grants = (*grants)(nil)

func (g *grants) add(subject string, grant browser.Grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[string][]browser.Grant{}
	}
	g.all[subject] = append(g.all[subject], grant)
}

func (g *grants) Of(_ context.Context, subject string) ([]browser.Grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]browser.Grant(nil), g.all[subject]...), nil
}

func (g *grants) End(_ context.Context, subject, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, grant := range g.all[subject] {
		if grant.ID == id {
			g.all[subject] = append(g.all[subject][:i:i], g.all[subject][i+1:]...)
			return nil
		}
	}
	return store.ErrNotFound
}

package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store"
)

const redirectURI = "https://app.example.com/callback"

// A flow is a server where people can log in, one of them, and what the person answers.
type flow struct {
	*server
	people   *people.Directory
	person   people.Person
	approval browser.Approval
	first    string // name of a grant that a test wants to find again
}

func newFlow(t *testing.T, s setup) *flow {
	t.Helper()
	f := &flow{}
	edit := s.edit
	s.edit = func(c *issuer.Config) {
		if edit != nil {
			edit(c)
		}
		f.people = openPeople(t, c)
		if s.last != nil {
			s.last(c)
		}
	}
	f.server = newServer(t, s)
	var err error
	f.person, err = f.people.Add(t.Context(), people.Person{Username: "alice", Profile: people.Profile{Name: "Alice", Email: "alice@example.com"}})
	must(t, err)
	f.approval = browser.Approval{
		Subject: f.person.Subject, SessionID: "session-1", AuthTime: f.clock.Now().Add(-time.Minute), ACR: "urn:tenon:acr:mfa", AMR: []string{"pwd", "otp", "mfa"},
	}
	return f
}

// openPeople gives a configuration what it needs for people.
func openPeople(t testing.TB, c *issuer.Config) *people.Directory {
	t.Helper()
	secrets := func() [][]byte { return [][]byte{[]byte(strings.Repeat("s", 32))} }
	directory, err := people.New(people.Config{Store: c.Store, Issuer: c.Issuer, Secrets: secrets, Now: c.Now})
	must(t, err)
	sessions, err := people.NewSessions(people.SessionConfig{Store: c.Store, Now: c.Now})
	must(t, err)
	u, err := url.Parse(c.Issuer)
	must(t, err)
	pages, err := ui.New(ui.Config{Name: "Test", Base: u.Path})
	must(t, err)
	details, err := rar.NewRegistry(rar.Builtin()...)
	must(t, err)
	c.People, c.Sessions, c.Pages, c.Details, c.Secrets = directory, sessions, pages, details, secrets
	return directory
}

// app registers a client that people authorize.
func (f *flow) app(id string, edit func(*party)) *party {
	f.t.Helper()
	return f.register(id, func(p *party) {
		p.record.GrantTypes = []string{issuer.AuthorizationCode, issuer.RefreshToken}
		p.record.Scope = tenon.Scope{"openid", "accounts", "payments"}
		p.record.RedirectURIs = []string{redirectURI}
		p.record.DetailTypes = []string{"payment_initiation", "account_information"}
		if edit != nil {
			edit(p)
		}
	})
}

// public turns a client into one that cannot keep a secret.
func public(p *party) {
	p.key = nil
	p.record.AuthMethod, p.record.Algorithm, p.record.DPoPBound = issuer.NoAuth, "", true
}

// A given is a code, and what its client keeps for it.
type given struct{ code, verifier string }

// challenged makes a verifier and its challenge.
func challenged() (verifier, challenge string) {
	verifier = fmt.Sprintf("%043d", serial.Add(1))
	digest := sha256.Sum256([]byte(verifier))
	return verifier, base64.RawURLEncoding.EncodeToString(digest[:])
}

// push sends an authorization request. extra replaces parameters.
func (f *flow) push(p *party, m message, extra url.Values) (requestURI, verifier string) {
	f.t.Helper()
	verifier, challenge := challenged()
	form := url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"scope": {"openid accounts payments"}, "state": {"s"},
	}
	maps.Copy(form, extra)
	m.form, m.target = form, f.url+"/par"
	if m.alias {
		m.target = f.alias.URL + f.path + "/par"
	}
	got := p.send(m)
	if got.status != http.StatusCreated {
		f.t.Fatalf("pushing was answered %d %s: %v", got.status, got.raw, got.event.Err)
	}
	return got.body.RequestURI, verifier
}

// code goes as far as the code: without a proof when the request is pushed, so that it is bound to no key yet.
func (f *flow) code(p *party, extra url.Values) given {
	f.t.Helper()
	m := message{proof: part{Omit: true}, alias: p.leaf != nil}
	uri, verifier := f.push(p, m, extra)
	return given{f.approve(p, uri), verifier}
}

func (f *flow) approve(p *party, requestURI string) string {
	f.t.Helper()
	answer, err := f.issuer.ApproveAll(f.t.Context(), p.record.ID, requestURI, f.approval)
	must(f.t, err)
	return answer.Get("code")
}

// redemption is the request that redeems a code, before anything about it is changed.
func (g given) redemption() message {
	return message{form: url.Values{
		"grant_type": {"authorization_code"}, "code": {g.code}, "redirect_uri": {redirectURI}, "code_verifier": {g.verifier},
	}}
}

// refreshing is the request that uses a refresh token.
func refreshing(token string) message {
	return message{form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}}
}

// with changes parameters of a message.
func (m message) with(change url.Values) message {
	m.form = maps.Clone(m.form)
	maps.Copy(m.form, change)
	return m
}

// redeem gets the tokens of a new grant.
func (f *flow) redeem(p *party, extra url.Values) reply {
	f.t.Helper()
	return f.ok(p, f.code(p, extra).redemption())
}

// ok sends a request that must succeed.
func (f *flow) ok(p *party, m message) reply {
	f.t.Helper()
	m.alias = m.alias || p.leaf != nil
	got := p.send(m)
	if got.status != http.StatusOK {
		f.t.Fatalf("a good request was answered %d %s: %v", got.status, got.raw, got.event.Err)
	}
	return got
}

// revoked reports whether the status list says that a token is revoked, now.
func (f *flow) revoked(token accessToken) bool {
	f.t.Helper()
	f.clock.advance(20 * time.Second) // past what this server keeps of a list
	index := token.claims.Status.Index
	return f.statusList(0).bytes[index/8]>>(index%8)&1 == 1
}

// idToken opens an ID token and gives its claims.
func (f *flow) idToken(compact string) map[string]any {
	f.t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		f.t.Fatalf("not a JWT: %q", compact)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(f.t, err)
	var claims map[string]any
	mustJSON(f.t, payload, &claims)
	return claims
}

// stored counts the live records of a kind.
func (f *flow) stored(kind store.Kind) int {
	f.t.Helper()
	records, err := f.store.Scan(f.t.Context(), store.Key{Kind: kind}, "", 100_000)
	must(f.t, err)
	return len(records)
}

func payment(amount string) string {
	text, err := json.Marshal([]map[string]any{{
		"type": "payment_initiation", "actions": []string{"initiate"}, "instructedAmount": map[string]string{"currency": "EUR", "amount": amount},
		"creditorName": "Merchant", "creditorAccount": map[string]string{"iban": "DE02100100109307118603"},
	}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

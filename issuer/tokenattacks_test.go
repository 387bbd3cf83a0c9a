package issuer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
)

// A grantAttack is an attack on a code or a refresh token: a good request with one change, and what has become of the grant.
// In its form, @code, @verifier and @refresh stand for what the client was given, and with -other for what another client was
// given; @details and @more for authorization details as granted, and more; @userinfo for the endpoint.
type grantAttack struct {
	attack
	Grant string // "code" or "refresh"
	Prior string // what happens before, see prior
	After string // "" means that the good request still works, "ended" that the grant is no more
}

// grantChecks are the reasons that these grants refuse with.
var grantChecks = []string{
	"code", "redirect_uri", "code_verifier", "dpop_jkt", "reuse", "expired", "scope", "audience", "narrow", "malformed", "type", "schema",
	"refresh_token", "ended", "unbound", "key", "person", "grant_type", "form", "replay", "nonce", "no_credential", "no_proof", "disabled",
	"signature", "method", "size",
}

// TestGrantAttacks sends every entry over TLS. Each has a grant of its own; what the attack was aimed at is tried afterwards.
func TestGrantAttacks(t *testing.T) {
	stages := perServer(t, newGrantStage)
	attackSet[grantAttack]{
		files: "testdata/attacks/grant/*.json", least: 100, checks: grantChecks,
		named: func(a grantAttack) (id, check string) { return a.ID, a.Expect.Check },
		stage: func(a grantAttack) func(*testing.T) {
			s := stages(a.Server)
			return func(t *testing.T) { s.run(t, a) }
		},
	}.run(t)
}

// A grantStage is a server with a person, and clients that the person authorizes.
type grantStage struct {
	*flow
	parties map[string]*party
	leaf    *certs.Leaf
	nonce   string // of a server that wants one
}

func newGrantStage(t *testing.T, kind string) *grantStage {
	t.Helper()
	var s setup
	switch kind {
	case "":
	case "require":
		s = withNonces(dpop.RequireNonce)
	case "oauth2":
		s.profile = issuer.OAuth2
	case "no details":
		s.last = func(c *issuer.Config) { c.Details = nil }
	default:
		t.Fatalf("no server %q", kind)
	}
	f := &grantStage{flow: newFlow(t, s), parties: map[string]*party{}}
	leaf, err := certs.SelfSigned("holder", 400*24*time.Hour)
	must(t, err)
	f.leaf = leaf
	add := func(id string, edit func(*party)) { f.parties[id] = f.app(id, edit) }
	add("app", nil)
	add("other", nil)
	add("holder", func(p *party) { p.leaf = leaf })
	add("bound", func(p *party) { p.record.DPoPBound = true })
	add("once", func(p *party) { p.record.GrantTypes = []string{issuer.AuthorizationCode} })
	if s.profile == issuer.OAuth2 {
		add("spa", public)
		add("bearer", func(p *party) { p.record.Bearer = true })
	}
	if s.with {
		f.nonce = f.parties["app"].send(message{}).header.Get("DPoP-Nonce")
	}
	return f
}

// A scene is what an attack has to work with.
type scene struct {
	client  *party
	code    given
	refresh string
	good    message           // what the client itself would send
	words   *strings.Replacer // of the form
}

// set prepares a scene: a grant of the client and one of the other.
func (f *grantStage) set(a grantAttack) *scene {
	f.t.Helper()
	s := &scene{client: f.parties[a.Client]}
	if s.client == nil {
		f.t.Fatalf("no client %q", a.Client)
	}
	asked := url.Values{"scope": {"openid accounts"}, "resource": {resource}}
	if a.Server != "no details" {
		asked.Set("authorization_details", payment("12.50"))
	}
	if a.Prior == "bound to a key" {
		thumbprint, err := dpop.Thumbprint(s.client.proofs.Public())
		must(f.t, err)
		asked.Set("dpop_jkt", thumbprint)
	}
	s.code = f.code(s.client, asked)
	foreign := f.parties["other"]
	theirs := f.code(foreign, nil)
	theirRefresh := f.ok(foreign, f.nonced(f.code(foreign, nil).redemption())).body.Refresh
	s.good = f.nonced(s.code.redemption())
	if a.Grant == "refresh" {
		s.refresh = f.ok(s.client, s.good).body.Refresh
		s.good = f.nonced(refreshing(s.refresh))
	}
	s.words = strings.NewReplacer(
		"@code-other", theirs.code, "@verifier-other", theirs.verifier, "@refresh-other", theirRefresh,
		"@code", s.code.code, "@verifier", s.code.verifier, "@refresh", s.refresh,
		"@details", payment("12.50"), "@more", payment("12.51"), "@userinfo", f.url+"/userinfo",
	)
	return s
}

func (f *grantStage) nonced(m message) message {
	m.nonce = f.nonce
	return m
}

// prior does what comes before the attack, and gives how to undo it.
func (f *grantStage) prior(a grantAttack, s *scene) (undo func()) {
	f.t.Helper()
	p := s.client
	undo = func() {}
	update := func(change func(*issuer.Client)) func() {
		was := p.record
		change(&p.record)
		must(f.t, second(f.admin.UpdateClient(f.t.Context(), p.record)))
		return func() {
			p.record = was
			must(f.t, second(f.admin.UpdateClient(f.t.Context(), was)))
		}
	}
	switch a.Prior {
	case "", "bound to a key":
	case "used":
		f.ok(p, s.good)
	case "used twice":
		f.ok(p, refreshing(f.ok(p, s.good).body.Refresh))
	case "used a while ago":
		f.ok(p, s.good)
		f.clock.advance(2 * time.Minute)
	case "59 s later":
		f.clock.advance(59 * time.Second)
	case "61 s later":
		f.clock.advance(61 * time.Second)
	case "91 days later":
		f.clock.advance(91 * 24 * time.Hour)
	case "another key":
		own := p.proofs
		p.proofs = ecKey(f.t)
		undo = func() { p.proofs = own }
	case "used, another key":
		f.ok(p, s.good)
		p.proofs = ecKey(f.t)
	case "ended by the person":
		must(f.t, second(f.admin.Revoke(f.t.Context(), issuer.Revocation{Person: f.person.Subject})))
	case "person disabled":
		f.person.Disabled = true
		must(f.t, second(f.people.Update(f.t.Context(), f.person)))
		undo = func() {
			f.person.Disabled = false
			must(f.t, second(f.people.Update(f.t.Context(), f.person)))
		}
	case "client disabled":
		undo = update(func(c *issuer.Client) { c.Disabled = true })
	case "no such grant any more":
		undo = update(func(c *issuer.Client) {
			c.GrantTypes = []string{issuer.ClientCredentials}
			c.RedirectURIs, c.DetailTypes = nil, nil
		})
	case "scope taken away":
		undo = update(func(c *issuer.Client) { c.Scope, c.DetailTypes = tenon.Scope{"else"}, nil })
	case "resource taken away":
		undo = update(func(c *issuer.Client) {
			c.Resources, c.Scope = []string{"https://other.example.com"}, tenon.Scope{"accounts"}
		})
	default:
		f.t.Fatalf("nothing known that happens before: %q", a.Prior)
	}
	return undo
}

// run sends one entry.
func (f *grantStage) run(t *testing.T, a grantAttack) {
	f.server.t = t
	s := f.set(a)
	undo := f.prior(a, s)
	got := s.client.send(f.changed(a, s))
	e := a.Expect
	if e.Accept {
		e.Status = http.StatusOK
	}
	if got.status != e.Status || got.body.Code != e.Error || got.event.Reason != e.Check {
		t.Errorf("%s\nanswered %d %s (%s)\nwant %d %s (%s); cause: %v", a.About, got.status, got.raw, got.event.Reason, e.Status, e.Error, e.Check, got.event.Err)
	}
	if !e.Accept {
		checkRefusal(t, got)
		if got.body.Refresh != "" || got.body.IDToken != "" {
			t.Error("the refusal carries a token")
		}
	}
	for name, want := range e.Header {
		if value := got.header.Get(name); value == "" || want != "*" && value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	undo()
	f.afterwards(a, s)
}

// afterwards looks at what has become of the grant.
func (f *grantStage) afterwards(a grantAttack, s *scene) {
	f.t.Helper()
	if a.Expect.Accept && a.After == "" && (a.Grant == "code" || a.Server == "oauth2") {
		return // it was spent, as it should be
	}
	m := s.good
	m.alias = m.alias || s.client.leaf != nil
	switch got := s.client.send(m); {
	case a.After == "" && got.status != http.StatusOK:
		f.t.Errorf("afterwards the good request was answered %d %s", got.status, got.raw)
	case a.After == "ended" && (got.status != http.StatusBadRequest || got.body.Code != tenon.InvalidGrant):
		f.t.Errorf("afterwards the grant lives on: %d %s", got.status, got.raw)
	}
}

// changed applies an entry to the good request.
func (f *grantStage) changed(a grantAttack, s *scene) message {
	f.t.Helper()
	m := s.good.with(nil)
	x := a.Sent
	for name, values := range x.Form {
		m.form[name] = nil
		for _, value := range values {
			m.form[name] = append(m.form[name], s.client.filled(s.words.Replace(value)))
		}
	}
	m.assertion, m.proof, m.proofFields, m.method, m.header = x.Assertion, x.Proof, x.ProofFields, x.Method, http.Header(x.Header)
	m.alias = x.Alias || s.client.leaf != nil
	m.body = s.client.filled(s.words.Replace(x.Body))
	if x.Nonce == "none" {
		m.nonce = ""
	} else if x.Nonce != "" {
		m.nonce = x.Nonce
	}
	switch x.Before {
	case "same proof":
		m.proofFields = []string{s.client.proof(f.url+"/token", m)}
	case "same assertion":
		m.assertion.Raw = s.client.assertion(part{})
	default:
		return m
	}
	first := f.nonced(f.code(s.client, nil).redemption())
	first.proofFields, first.assertion = m.proofFields, m.assertion
	f.ok(s.client, first)
	return m
}

package issuer_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
)

// parChecks are the reasons that a pushed request can be refused with beside those of tokenChecks.
var parChecks = []string{
	"request_uri", "request", "response_type", "response_mode", "grant_type", "redirect_uri", "state", "id_nonce", "code_challenge",
	"code_challenge_method", "dpop_jkt", "scope", "audience", "locations", "prompt", "max_age", "claims", "acr_values", "login_hint",
	"ui_locales", "id_token_hint", "sub", "method", "size", "form", "replay", "disabled", "no_credential",
}

// TestPushedAttacks pushes every entry over TLS, between two good requests of the same client.
func TestPushedAttacks(t *testing.T) {
	fixtures := perServer(t, newPushFixture)
	attackSet[attack]{
		files: "testdata/attacks/par/*.json", least: 170, checks: parChecks, named: attack.named,
		stage: func(a attack) func(*testing.T) {
			f := fixtures(a.Server)
			return func(t *testing.T) { f.push(t, a) }
		},
	}.run(t)
}

// A pushFixture is a server where people can log in, with clients of every kind.
type pushFixture struct {
	*flow
	parties map[string]*party
	leaves  map[string]*certs.Leaf
	nonce   string // of a server that wants one
	noDPoP  bool
}

func newPushFixture(t *testing.T, kind string) *pushFixture {
	t.Helper()
	var s setup
	switch kind {
	case "":
	case "require":
		s = withNonces(dpop.RequireNonce)
	case "oauth2":
		s.profile = issuer.OAuth2
	case "no dpop", "no details":
	default:
		t.Fatalf("no server %q", kind)
	}
	f := &pushFixture{flow: &flow{}, parties: map[string]*party{}, noDPoP: kind == "no dpop"}
	s.edit = func(c *issuer.Config) {
		f.people = openPeople(t, c)
		switch kind {
		case "no dpop":
			c.DPoP = nil
		case "no details":
			c.Details = nil
		}
	}
	f.server = newServer(t, s)
	old := &fixture{server: f.server, certificates: map[string]*certs.Leaf{}}
	old.makeCertificates()
	f.leaves = old.certificates
	f.makeParties(old, s.profile)
	if s.with {
		f.nonce = f.parties["jwt"].send(f.pushing(message{})).header.Get("DPoP-Nonce")
	}
	return f
}

func (f *pushFixture) makeParties(old *fixture, profile issuer.Profile) {
	add := func(id string, edit func(*party)) { f.parties[id] = f.app(id, edit) }
	add("jwt", func(p *party) {
		p.record.RedirectURIs = append(p.record.RedirectURIs, "https://app.example.com/second?tenant=1")
	})
	add("other", func(p *party) { p.record.RedirectURIs = []string{"https://other.example.com/callback"} })
	add("one", func(p *party) { p.record.DetailTypes = nil })
	add("native", func(p *party) {
		p.record.RedirectURIs = []string{redirectURI, "http://127.0.0.1/cb", "http://[::1]:9/cb"}
	})
	add("machine", func(p *party) {
		p.record.GrantTypes, p.record.RedirectURIs, p.record.DetailTypes = []string{issuer.ClientCredentials}, nil, nil
	})
	add("scopeless", func(p *party) { p.record.Scope = nil })
	add("pairwise", func(p *party) { p.record.SubjectType = issuer.PairwiseSubjects })
	add("disabled", func(p *party) { p.record.Disabled = true })
	add("tls", func(p *party) { p.useTLS("tls", old) })
	if profile == issuer.OAuth2 {
		add("public", public)
	}
}

// pushing makes of a message a good pushed request that the message changes.
func (f *pushFixture) pushing(m message) message {
	form := url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "scope": {"openid accounts payments"}, "state": {"s"},
	}
	maps.Copy(form, m.form)
	m.form, m.target = form, f.url+"/par"
	if m.alias {
		m.target = f.alias.URL + f.path + "/par"
	}
	return m
}

// push sends one entry.
func (f *pushFixture) push(t *testing.T, a attack) {
	f.t = t
	p := f.parties[a.Client]
	if p == nil {
		t.Fatalf("no client %q", a.Client)
	}
	f.control(p)
	m := f.entry(p, a)
	before := f.stored("requests")
	got := p.send(m)
	e := a.Expect
	if e.Accept {
		e.Status = http.StatusCreated
	}
	if got.status != e.Status || got.body.Code != e.Error || got.event.Reason != e.Check || got.event.Endpoint != "par" {
		t.Errorf("%s\nanswered %d %.300s (%s)\nwant %d %s (%s); cause: %v", a.About, got.status, got.raw, got.event.Reason, e.Status, e.Error, e.Check, got.event.Err)
	}
	if e.Accept {
		checkPushed(t, got)
	} else {
		checkRefusal(t, got)
		if got.body.RequestURI != "" || f.stored("requests") != before {
			t.Error("the refused request is kept")
		}
	}
	for name, want := range e.Header {
		if value := got.header.Get(name); value == "" || want != "*" && value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	f.control(p)
}

var requestURIs = regexp.MustCompile(`^\{"request_uri":"urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{43}","expires_in":90\}$`) // 256 bits

// checkPushed holds an answer to RFC 9126 §2.2.
func checkPushed(t *testing.T, got reply) {
	t.Helper()
	if !requestURIs.MatchString(got.raw) {
		t.Errorf("the answer is %s", got.raw)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
}

// control pushes a good request, when the client can.
func (f *pushFixture) control(p *party) {
	f.t.Helper()
	m := message{nonce: f.nonce, alias: p.leaf != nil, proof: part{Omit: f.noDPoP}}
	switch p.record.ID {
	case "disabled", "machine":
		return
	case "scopeless":
		m.form = url.Values{"scope": nil, "authorization_details": {payment("1.00")}}
	case "other":
		m.form = url.Values{"redirect_uri": {"https://other.example.com/callback"}}
	}
	if got := p.send(f.pushing(m)); got.status != http.StatusCreated {
		f.t.Fatalf("a good request was answered %d %s: %v", got.status, got.raw, got.event.Err)
	}
}

// entry makes the request of an entry.
func (f *pushFixture) entry(p *party, a attack) message {
	s := a.Sent
	m := message{
		alias: s.Alias, form: url.Values{}, assertion: s.Assertion, proof: s.Proof, proofFields: s.ProofFields, method: s.Method,
		header: http.Header(s.Header), body: s.Body, nonce: f.nonce,
	}
	for name, values := range s.Form {
		m.form[name] = nil
		for _, value := range values {
			m.form[name] = append(m.form[name], f.filled(p, value))
		}
	}
	switch s.Nonce {
	case "":
	case "none":
		m.nonce = ""
	default:
		m.nonce = s.Nonce
	}
	if m.noLeaf = s.Certificate == "none"; s.Certificate != "" {
		m.leaf = f.leaves[s.Certificate]
	}
	m = f.pushing(m)
	if s.Query != "" {
		m.target += "?" + s.Query
	}
	f.before(p, s.Before, &m)
	for n, field := range m.proofFields { // "@proof" is a good one
		m.proofFields[n] = strings.ReplaceAll(field, "@proof", p.proof(m.target, message{nonce: m.nonce}))
	}
	return m
}

// before sends a good request first that uses up the proof or the assertion of the entry.
func (f *pushFixture) before(p *party, what string, m *message) {
	first := f.pushing(message{nonce: f.nonce})
	switch what {
	case "":
		return
	case "same proof":
		m.proofFields = []string{p.proof(m.target, first)}
		first.proofFields = m.proofFields
	case "same assertion":
		m.assertion.Raw = p.assertion(part{})
		first.assertion.Raw = m.assertion.Raw
	default:
		f.t.Fatalf("nothing known before: %q", what)
	}
	if got := p.send(first); got.status != http.StatusCreated {
		f.t.Fatalf("the first of two was answered %d %s", got.status, got.raw)
	}
}

var lengths = regexp.MustCompile(`@x(\d+)`)

// filled replaces the placeholders of a form: those of every entry, keys, payments, and @x7 for seven letters.
func (f *pushFixture) filled(p *party, text string) string {
	thumbprint := func(key any) string {
		jkt, err := dpop.Thumbprint(key)
		must(f.t, err)
		return jkt
	}
	text = lengths.ReplaceAllStringFunc(text, func(s string) string {
		n, err := strconv.Atoi(s[2:])
		must(f.t, err)
		return strings.Repeat("x", n)
	})
	if at, ok := strings.CutPrefix(text, "@payment-at:"); ok {
		return strings.Replace(payment("1.00"), `{`, `{"locations":["`+at+`"],`, 1)
	}
	if member, ok := strings.CutPrefix(text, "@payment-with:"); ok {
		return strings.Replace(payment("1.00"), `{`, `{"`+member+`":1,`, 1)
	}
	return p.filled(strings.NewReplacer("@jkt", thumbprint(p.proofs.Public()), "@other-jkt", thumbprint(ecKey(f.t).Public()), "@payment", payment("1.00")).Replace(text))
}

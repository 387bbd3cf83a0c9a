package issuer_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store"
)

// An attack is one entry of testdata/attacks: a good request with one change, and what must become of it.
type attack struct {
	ID     string
	About  string // what is sent, and where that has happened or which clause forbids it
	Server string // "" is fapi2 without nonces; "require", "offer" (nonces), "oauth2", "no dpop", "no certificates"
	Client string // see parties
	Sent   struct {
		Alias       bool                // to the certificate listener
		Form        map[string][]string // replaces parameters
		Body        string              // replaces the form
		Assertion   part
		Proof       part
		ProofFields []string
		Certificate string // see certificates
		Method      string
		Header      map[string][]string
		Query       string
		Nonce       string // "current", or text
		Before      string // "same proof", "same assertion": a good request with it comes first
	}
	Expect struct {
		Accept bool
		Status int
		Error  tenon.Code
		Check  string
		Header map[string]string // "*" is anything
		Type   string            // token_type
		Bound  []string          // members of cnf
	}
}

// TestAttacks sends every entry over TLS, between two good requests of the same client.
func TestAttacks(t *testing.T) {
	fixtures := perServer(t, newFixture)
	attackSet[attack]{
		files: "testdata/attacks/*.json", least: 60, checks: tokenChecks, named: attack.named,
		stage: func(a attack) func(*testing.T) {
			f := fixtures(a.Server)
			return func(t *testing.T) { f.run(t, a) }
		},
	}.run(t)
}

func (a attack) named() (id, check string) { return a.ID, a.Expect.Check }

// tokenChecks are the reasons that this endpoint can refuse with and that a sender can cause.
var tokenChecks = []string{
	"alg", "assertion_type", "audience", "certificate", "client_id", "disabled", "expired", "form", "grant_type", "headers", "htm", "htu",
	"iat", "jti", "jwk_private", "malformed", "method", "nbf", "no_credential", "no_proof", "nonce", "replay", "scope", "signature", "size",
	"subject", "two_methods", "typ", "unbound", "unknown_client",
}

// A fixture is a server with clients of every kind.
type fixture struct {
	*server
	parties      map[string]*party
	certificates map[string]*certs.Leaf
	nonce        string // of a server that wants one
}

func newFixture(t *testing.T, kind string) *fixture {
	var s setup
	switch kind {
	case "":
	case "require":
		s = withNonces(dpop.RequireNonce)
	case "offer":
		s = withNonces(dpop.OfferNonce)
	case "oauth2":
		s.profile = issuer.OAuth2
	case "no dpop":
		s.edit = func(c *issuer.Config) { c.DPoP = nil }
	case "no certificates":
		s.edit = func(c *issuer.Config) { c.Certificates, c.ClientCAs, c.MTLSOrigin = nil, nil, "" }
	default:
		t.Fatalf("no server %q", kind)
	}
	f := &fixture{server: newServer(t, s), parties: map[string]*party{}, certificates: map[string]*certs.Leaf{}}
	f.makeCertificates()
	f.makeParties(s.profile)
	if s.with {
		f.nonce = f.parties["jwt"].send(message{}).header.Get("DPoP-Nonce")
	}
	return f
}

func (f *fixture) makeCertificates() {
	foreign, err := certs.NewCA(certs.CAConfig{Name: "somebody else's"})
	must(f.t, err)
	issue := func(name string, ca *certs.CA, s certs.ClientSubject, lifetime time.Duration) {
		leaf, err := ca.Client(s, lifetime)
		must(f.t, err)
		f.certificates[name] = leaf
	}
	tls := certs.ClientSubject{CommonName: "tls", Organization: "Test"}
	issue("tls", f.ca, tls, 0)
	issue("same subject, other CA", foreign, tls, 0)
	issue("other subject", f.ca, certs.ClientSubject{CommonName: "tls2", Organization: "Test"}, 0)
	issue("dns", f.ca, certs.ClientSubject{CommonName: "dns", DNS: "client.example.com"}, 0)
	for _, name := range []string{"self", "not registered"} {
		leaf, err := certs.SelfSigned("self", 0)
		must(f.t, err)
		f.certificates[name] = leaf
	}
	server, err := f.ca.Server([]string{"tls"}, 0)
	must(f.t, err)
	f.certificates["server's"] = server
	f.caShift = -48 * time.Hour
	issue("expired", f.ca, tls, 24*time.Hour)
	f.caShift = 0
}

func (f *fixture) makeParties(profile issuer.Profile) {
	add := func(name string, edit func(*party)) { f.parties[name] = f.register(name, edit) }
	add("jwt", nil)
	add("other", nil)
	add("ps256", func(p *party) { p.key, p.record.Algorithm = rsaKey(), "PS256" })
	add("eddsa", func(p *party) { p.key, p.record.Algorithm = edKey(f.t), "EdDSA" })
	add("ed25519", func(p *party) { p.key, p.record.Algorithm = edKey(f.t), "Ed25519" })
	add("two-keys", func(p *party) { p.record.JWKS, p.kid = publicSet(ecKey(f.t), p.key), "k1" })
	add("dpop-bound", func(p *party) { p.record.DPoPBound, p.leaf = true, f.certificates["self"] })
	add("cert-bound", func(p *party) { p.record.CertificateBound, p.leaf = true, f.certificates["self"] })
	add("both-bound", func(p *party) {
		p.record.DPoPBound, p.record.CertificateBound, p.leaf = true, true, f.certificates["self"]
	})
	add("holder", func(p *party) { p.leaf = f.certificates["self"] })
	add("disabled", func(p *party) { p.record.Disabled = true })
	add("tls", func(p *party) { p.useTLS("tls", f) })
	add("tls-dns", func(p *party) {
		p.useTLS("dns", f)
		p.record.Subject = mtls.Subject{DNS: "client.example.com"}
	})
	add("self", func(p *party) {
		p.useTLS("self", f)
		p.record.AuthMethod, p.record.Subject = issuer.SelfSignedTLSAuth, mtls.Subject{}
		p.record.JWKS = publicSet(p.leaf.Key)
		p.record.JWKS.Keys[0].Certificates = append(p.record.JWKS.Keys[0].Certificates, p.leaf.Certificate)
	})
	if profile == issuer.OAuth2 {
		add("bearer", func(p *party) { p.record.Bearer = true })
	}
	// Registered by hand, as by a newer version: there is only one grant to be registered for.
	f.parties["no-grant"] = f.register("no-grant", nil)
	change := store.Change{}
	clients := store.Collection[issuer.Client]{Kind: "clients"}
	item, err := clients.Get(f.t.Context(), f.store, "no-grant")
	must(f.t, err)
	item.Value.GrantTypes = []string{"authorization_code"}
	must(f.t, clients.Replace(&change, item))
	_, err = f.store.Commit(f.t.Context(), &change)
	must(f.t, err)
}

// useTLS makes a client authenticate with a certificate.
func (p *party) useTLS(certificate string, f *fixture) {
	p.leaf, p.key = f.certificates[certificate], nil
	p.record.AuthMethod, p.record.Algorithm = issuer.TLSClientAuth, ""
	p.record.Subject = mtls.Subject{DN: "CN=tls,O=Test"}
}

// run sends one entry.
func (f *fixture) run(t *testing.T, a attack) {
	f.server.t = t
	p := f.parties[a.Client]
	if p == nil {
		t.Fatalf("no client %q", a.Client)
	}
	f.control(p)
	m := f.message(p, a)
	got := p.send(m)
	e := a.Expect
	if e.Accept {
		e.Status = http.StatusOK
	}
	if got.status != e.Status || got.body.Code != e.Error || got.event.Reason != e.Check || got.event.Status != e.Status {
		t.Errorf("%s\nanswered %d %s (%s)\nwant %d %s (%s); cause: %v", a.About, got.status, got.raw, got.event.Reason, e.Status, e.Error, e.Check, got.event.Err)
	}
	if !e.Accept {
		checkRefusal(t, got)
	} else if got.status == http.StatusOK {
		f.checkToken(t, a, got)
	}
	for name, want := range e.Header {
		if value := got.header.Get(name); value == "" || want != "*" && value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	f.control(p)
}

func (f *fixture) checkToken(t *testing.T, a attack, got reply) {
	token := f.open(got.body.AccessToken)
	if a.Expect.Type != "" && got.body.TokenType != a.Expect.Type {
		t.Errorf("token_type %s, want %s", got.body.TokenType, a.Expect.Type)
	}
	var bound []string
	if token.claims.Confirmation.JKT != "" {
		bound = append(bound, "jkt")
	}
	if token.claims.Confirmation.X5T != "" {
		bound = append(bound, "x5t#S256")
	}
	if a.Expect.Bound != nil && !slices.Equal(bound, a.Expect.Bound) {
		t.Errorf("bound to %v, want %v", bound, a.Expect.Bound)
	}
}

// control sends the request that the entry changes, which must be accepted, when this server can accept the client at all.
func (f *fixture) control(p *party) {
	if p.record.ID == "disabled" || p.record.ID == "no-grant" {
		return
	}
	p.accepted(f.good(p))
}

// good is the request of a client that does everything right at this server.
func (f *fixture) good(p *party) message {
	m := message{alias: p.leaf != nil, nonce: f.nonce}
	m.proof.Omit = f.issuerHasNoDPoP()
	return m
}

func (f *fixture) issuerHasNoDPoP() bool {
	var d map[string]any
	f.getJSON(f.url+"/.well-known/oauth-authorization-server", &d)
	return d["dpop_signing_alg_values_supported"] == nil
}

func (f *fixture) message(p *party, a attack) message {
	s := a.Sent
	m := message{
		alias: s.Alias, form: url.Values{}, assertion: s.Assertion, proof: s.Proof, proofFields: s.ProofFields, method: s.Method,
		header: http.Header(s.Header), body: p.filled(s.Body), nonce: f.nonce,
	}
	for name, values := range s.Form {
		for _, value := range values {
			m.form[name] = append(m.form[name], p.filled(value))
		}
		if len(values) == 0 {
			m.form[name] = nil
		}
	}
	if s.Nonce != "" {
		m.nonce = s.Nonce
	}
	if s.Query != "" {
		m.target = f.url + "/token?" + s.Query
	}
	if s.Certificate == "none" {
		m.noLeaf = true
	} else if s.Certificate != "" {
		m.leaf = f.certificates[s.Certificate]
	}
	if s.Before != "" {
		f.before(p, s.Before, &m)
	}
	for n, field := range m.proofFields { // "@proof" is a good one
		m.proofFields[n] = strings.ReplaceAll(field, "@proof", p.proof(f.endpoint(m), message{nonce: m.nonce}))
	}
	return m
}

func (f *fixture) endpoint(m message) string {
	if m.alias {
		return f.alias.URL + "/token"
	}
	return f.url + "/token"
}

// before sends a good request first that uses up the proof or the assertion of the entry.
func (f *fixture) before(p *party, what string, m *message) {
	first := f.good(p)
	switch what {
	case "same proof":
		m.proofFields = []string{p.proof(f.endpoint(*m), first)}
		first.proofFields = m.proofFields
	case "same assertion":
		m.assertion.Raw = p.assertion(part{})
		first.assertion.Raw = m.assertion.Raw
	default:
		f.t.Fatalf("nothing known before: %q", what)
	}
	p.accepted(first)
}

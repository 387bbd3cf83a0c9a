package verifier_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

const (
	testIssuer = "https://as.example.com"
	testOrigin = "https://api.example.com"
)

// A stage is what one attack is played on: two verifiers that share a memory, and a clock.
type stage struct {
	t         *testing.T
	config    attackConfig
	nonces    *dpop.Nonces // nil when none are configured
	replays   dpop.Replays
	verifiers [2]*verifier.Verifier
	sent      []presentation // by the steps so far
	answers   map[string]string

	mu    sync.Mutex // owns what is below
	clock time.Time
	event verifier.Event // the last one
}

func newStage(t *testing.T, config attackConfig) *stage {
	t.Helper()
	s := &stage{t: t, config: config, clock: base, answers: map[string]string{}}
	s.nonces = s.newNonces("the key of this service ........")
	s.start()
	return s
}

// now is the clock of everything on the stage.
func (s *stage) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *stage) setClock(to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = to
}

func (s *stage) observe(_ context.Context, e verifier.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.event = e
}

func (s *stage) lastEvent() verifier.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.event
}

// start makes the verifiers with an empty memory.
func (s *stage) start() {
	s.t.Helper()
	switch s.config.Replays {
	case "down":
		s.replays = brokenReplays{errors.New("no answer")}
	case "full":
		s.replays = brokenReplays{dpop.ErrFull}
	default:
		s.replays = must(dpop.NewMemory(dpop.MemoryConfig{Capacity: 1000, Now: s.now}))
	}
	for i := range s.verifiers {
		v, err := verifier.New(s.verifierConfig())
		if err != nil {
			s.t.Fatal(err)
		}
		s.verifiers[i] = v
	}
}

func (s *stage) verifierConfig() verifier.Config {
	checker := must(dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: s.nonces, Now: s.now}))
	c := verifier.Config{
		Issuer: testIssuer, Audience: testOrigin, Origin: or(s.config.Origin, testOrigin),
		Keys: s.keys(), Revocation: fakeRevocation(s.config.Revocation),
		DPoP: checker, Replays: s.replays, Certificates: mtls.TLS{},
		Observe: s.observe, Now: s.now,
	}
	if s.config.DPoP == "off" {
		c.DPoP, c.Replays = nil, nil
	}
	if s.config.Certs == "off" {
		c.Certificates = nil
	}
	if s.config.Opaque != "" {
		c.Opaque = must(verifier.NewIntrospection(verifier.IntrospectionConfig{
			Endpoint: testIssuer + "/introspect", Credential: verifier.ClientID("api"), HTTP: &http.Client{Transport: oracle{s}}, Now: s.now,
		}))
	}
	if s.config.Algorithms != "" {
		c.Algorithms = []dpop.Algorithm{dpop.Algorithm(s.config.Algorithms)}
	}
	return c
}

// restart is what a crash leaves of a verifier with a memory that does not outlive it: nothing, and so the nonces are fenced.
func (s *stage) restart() {
	s.t.Helper()
	s.nonces = s.newNonces("the key of this service ........")
	if s.nonces != nil {
		s.nonces.Fence(time.Minute + 10*time.Second)
	}
	s.start()
}

func (s *stage) newNonces(secret string) *dpop.Nonces {
	policies := map[string]dpop.NoncePolicy{"require": dpop.RequireNonce, "offer": dpop.OfferNonce, "none": dpop.NoNonce}
	if s.config.Nonces == "" {
		return nil
	}
	key := sha256.Sum256([]byte(secret))
	return must(dpop.NewNonces(dpop.NonceConfig{
		Keys: func() [][]byte { return [][]byte{key[:]} }, Realm: testOrigin, Policy: policies[s.config.Nonces], Now: s.now,
	}))
}

// brokenReplays is a memory that cannot answer.
type brokenReplays struct{ err error }

func (r brokenReplays) Use(context.Context, [32]byte, time.Time) (bool, error) { return false, r.err }

// oracle is the issuer's introspection endpoint.
type oracle struct{ *stage }

func (o oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	answer, known := o.answers[r.PostForm.Get("token")]
	switch {
	case o.config.Opaque == "down":
		return nil, errors.New("no answer")
	case o.config.Opaque == "gullible" && !known:
		f := o.forger(presentation{})
		answer = `{"active": true, ` + f.text(goodToken().Claims, nil, "")[1:]
	case !known:
		answer = `{"active": false}`
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: header, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// fakeRevocation says that every token is "revoked", or that it cannot know because it is "down".
type fakeRevocation string

func (f fakeRevocation) Revoked(context.Context, string, *tenon.Claims) (bool, error) {
	if f == "down" {
		return false, errors.New("no answer")
	}
	return f == "revoked", nil
}

// brokenKeys is a key source that cannot answer.
type brokenKeys struct{}

func (brokenKeys) Keys(context.Context, string) ([]*verifier.Key, error) {
	return nil, errors.New("no answer")
}

// keys are those the issuer publishes: one for each algorithm, and two more under a key id that all three share.
func (s *stage) keys() verifier.KeySource {
	if s.config.Keys == "down" {
		return brokenKeys{}
	}
	var set jose.JSONWebKeySet
	for _, name := range []string{"issuer", "issuer-rsa", "issuer-ed25519"} {
		for _, id := range []string{name, "shared"} {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: forgedKeys()[name].Public(), KeyID: id, Use: "sig"})
		}
	}
	set.Keys = append(set.Keys, jose.JSONWebKey{Key: forgedKeys()["nameless"].Public()}) // without a key id
	if s.config.Keys != "withdrawn" {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: forgedKeys()["withdrawn"].Public(), KeyID: "withdrawn", Use: "sig"})
	}
	return must(verifier.StaticKeys(set))
}

// A presentation is a request as it goes over the wire.
type presentation struct {
	method, target, host, sni string
	token, proof              string
	lines                     [][2]string
	certificate, body         string
}

// present makes the request of a step.
func (s *stage) present(r attackRequest) (presentation, error) {
	p := presentation{
		method: or(r.Method, "POST"), target: or(r.Target, "/payments"), host: or(r.Host, "api.example.com"), sni: or(r.SNI, "example.com"),
		certificate: r.Certificate,
	}
	f := s.forger(p)
	if r.Again > len(s.sent) {
		return p, fmt.Errorf("step %d has not been played", r.Again)
	}
	if r.Again > 0 {
		p.token, p.proof = s.sent[r.Again-1].token, s.sent[r.Again-1].proof
	} else {
		p.token = f.token(r.Token)
		p.proof = f.proof(r.Proof, p.token)
	}
	f.vars["token"], f.vars["proof"] = p.token, p.proof
	f.vars["other proof"] = f.proof(&forgery{Claims: members(`{"jti": "another one"}`)}, p.token)
	lines := r.Lines
	if lines == nil {
		lines = defaultLines(r)
	}
	p.target, p.body = f.expand(p.target), f.expand(r.Body)
	for _, line := range append(lines, r.Add...) {
		p.lines = append(p.lines, [2]string{line[0], f.expand(line[1])})
	}
	return p, nil
}

// defaultLines are the header lines of the good request, without what is to be left out.
func defaultLines(r attackRequest) [][2]string {
	var lines [][2]string
	if r.Token == nil || !r.Token.Omit {
		lines = append(lines, [2]string{"Authorization", or(r.Scheme, "DPoP") + " {token}"})
	}
	if r.Proof == nil || !r.Proof.Omit {
		lines = append(lines, [2]string{"DPoP", "{proof}"})
	}
	return lines
}

// forger makes a forger for this moment.
func (s *stage) forger(p presentation) *forger {
	path, _, _ := strings.Cut(p.target, "?")
	f := &forger{now: s.now(), answers: s.answers, vars: map[string]string{
		"htm": p.method, "htu": or(s.config.Origin, testOrigin) + path, "jti": rand.Text(), "path": path,
	}}
	if s.nonces != nil {
		f.vars["nonce"] = s.nonces.Mint()
		f.vars["foreign nonce"] = s.newNonces("the key of another service .....").Mint()
		s.setClock(f.now.Add(-time.Hour))
		f.vars["old nonce"] = s.nonces.Mint()
		s.setClock(f.now)
	}
	return f
}

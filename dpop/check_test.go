package dpop_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

func TestRequestsWithoutOneProof(t *testing.T) {
	c := newChecker(t, nil)
	good := newForge(dpop.ES256).request(t)
	for _, tt := range []struct {
		name, want string
		proofs     []string
	}{
		{"one", "accept", good.Proofs},
		{"none", bad + "no_proof", nil},
		{"two different (1)", bad + "headers", []string{good.Proofs[0], newForge(dpop.Ed25519).proof(t)}},
		{"the same twice (1)", bad + "headers", []string{good.Proofs[0], good.Proofs[0]}},
		{"a good and an empty one (1)", bad + "headers", []string{good.Proofs[0], ""}},
		{"one, again", "accept", good.Proofs},
	} {
		r := good
		r.Proofs = tt.proofs
		if _, err := c.Check(r); reason(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// A caller that forgets the confirmation, or the token, must not get a proof that looks bound.
func TestTokenAndThumbprintGoTogether(t *testing.T) {
	c := newChecker(t, nil)
	for _, change := range []func(*dpop.Request){
		func(r *dpop.Request) { r.Thumbprint = "" },
		func(r *dpop.Request) { r.AccessToken = "" },
	} {
		r := newForge(dpop.ES256).request(t)
		change(&r)
		if p, err := c.Check(r); p != nil || reason(err) != "fault" {
			t.Errorf("proof %v, error %v", p, err)
		}
	}
}

// What the sender is told never holds what we expected: a thief could learn from it.
func TestRefusalsDoNotEchoWhatWasExpected(t *testing.T) {
	c := newChecker(t, nil)
	good := newForge(dpop.ES256).request(t)
	for _, tt := range []struct {
		name, want, secret string
		change             func(*dpop.Request)
	}{
		{"ath", bad + "ath", dpop.AccessTokenHash("another token"), func(r *dpop.Request) { r.AccessToken = "another token" }},
		{"jkt", "invalid_token jkt", "expected-thumbprint", func(r *dpop.Request) { r.Thumbprint = "expected-thumbprint" }},
		{"htu", bad + "htu", "internal.example", func(r *dpop.Request) { r.URL = "https://internal.example/payments" }},
	} {
		r := good
		tt.change(&r)
		_, err := c.Check(r)
		if reason(err) != tt.want {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if d := description(err); strings.Contains(d, tt.secret) || d == "" {
			t.Errorf("%s: the description is %q", tt.name, d)
		}
		if !strings.Contains(err.Error(), tt.secret) {
			t.Errorf("%s: the log would not say what was expected: %v", tt.name, err)
		}
	}
}

func TestDescriptionOfALateProofHelps(t *testing.T) {
	c := newChecker(t, nil)
	f := newForge(dpop.ES256)
	swap(t, &f.claims, `"iat":1795341600`, `"iat":1795341506`)
	_, err := c.Check(f.request(t))
	if want := "proof iat is 94 s behind server time 2026-11-22T10:00:00Z; accepted window 60 s"; description(err) != want {
		t.Errorf("%q", description(err))
	}
}

func TestProofCarriesItsResults(t *testing.T) {
	c := newChecker(t, nil)
	f := newForge(dpop.EdDSA)
	swap(t, &f.claims, `"iat":1795341600`, `"iat":1795341607`)
	p, err := c.Check(f.request(t))
	if err != nil {
		t.Fatal(err)
	}
	iat := someTime.Add(7 * time.Second)
	if p.JTI() != "-BwC3ESc6acc2lTc" || p.Algorithm() != dpop.EdDSA || p.Thumbprint() != f.thumbprint || !p.IssuedAt().Equal(iat) ||
		p.Offset() != 7*time.Second || !p.Until().Equal(iat.Add(time.Minute)) || p.NextNonce() != "" {
		t.Errorf("%+v", p)
	}
}

func TestReplayKeysDiffer(t *testing.T) {
	c := newChecker(t, nil)
	key := func(realm, jti string, alg dpop.Algorithm) [32]byte {
		f := newForge(alg)
		swap(t, &f.claims, "-BwC3ESc6acc2lTc", jti)
		p, err := c.Check(f.request(t))
		if err != nil {
			t.Fatal(err)
		}
		return p.ReplayKey(realm)
	}
	base := key("r", "j", dpop.ES256)
	if key("r", "j", dpop.ES256) != base {
		t.Fatal("two keys for one proof")
	}
	one, other := testKeys()[dpop.ES256].Thumbprint(), testKeys()[dpop.Ed25519].Thumbprint()
	if key("r", other+"j", dpop.ES256) == key("r"+one, "j", dpop.Ed25519) {
		t.Error("realm and thumbprint run into each other")
	}
	for name, other := range map[string][32]byte{
		"another realm":            key("s", "j", dpop.ES256),
		"another jti":              key("r", "k", dpop.ES256),
		"the same jti, other key":  key("r", "j", dpop.Ed25519),
		"no realm":                 key("", "j", dpop.ES256),
		"realm that grows the jti": key("r\x00", "j", dpop.ES256),
	} {
		if other == base {
			t.Errorf("%s: the same replay key", name)
		}
	}
}

// The algorithms of the configuration rule, also when the header is in the cache.
func TestOnlyConfiguredAlgorithms(t *testing.T) {
	for _, only := range dpop.Algorithms() {
		c, err := dpop.NewChecker(dpop.Config{Algorithms: []dpop.Algorithm{only}, Now: fixed(someTime)})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for _, alg := range dpop.Algorithms() {
				want := bad + "alg"
				if alg == only {
					want = "accept"
				}
				if _, err := c.Check(newForge(alg).request(t)); reason(err) != want {
					t.Errorf("%s where only %s is allowed: %v", alg, only, err)
				}
			}
		}
	}
}

// Many keys: the header cache turns over, and every verdict stays its own.
func TestHeaderCacheTurnsOver(t *testing.T) {
	c := newChecker(t, nil)
	for i := range 1100 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := dpop.NewKey(private, dpop.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		f := newForge(dpop.Ed25519)
		f.signer, f.thumbprint = private, key.Thumbprint()
		f.header = `{"typ":"dpop+jwt","alg":"Ed25519","jwk":` + string(key.JWK()) + "}"
		for range 2 {
			if p, err := c.Check(f.request(t)); err != nil || p.Thumbprint() != key.Thumbprint() {
				t.Fatalf("key %d: %v", i, err)
			}
		}
		if n := c.CachedHeaders(); n > dpop.MaxCachedHeaders || n == 0 {
			t.Fatalf("%d headers are kept after %d keys", n, i+1)
		}
		if i%20 != 0 {
			continue
		}
		f.signer = testKeys()[dpop.Ed25519].Signer()
		if _, err := c.Check(f.request(t)); reason(err) != bad+"signature" {
			t.Fatalf("key %d with a signature by another: %v", i, err)
		}
	}
}

func TestLongHeadersAreNotKept(t *testing.T) {
	c := newChecker(t, nil)
	f := newForge(dpop.ES256)
	swap(t, &f.header, `{"typ"`, `{"x":"`+strings.Repeat("x", 2000)+`","typ"`)
	if _, err := c.Check(f.request(t)); err != nil || c.CachedHeaders() != 0 {
		t.Errorf("%v, %d headers are kept", err, c.CachedHeaders())
	}
}

func TestNewCheckerReportsEveryFault(t *testing.T) {
	_, err := dpop.NewChecker(dpop.Config{Algorithms: []dpop.Algorithm{"RS256"}, MaxAge: time.Hour, MaxAhead: time.Hour})
	for _, want := range []string{"RS256", "MaxAge", "MaxAhead"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word about %s in %v", want, err)
		}
	}
	for name, c := range map[string]dpop.Config{
		"no algorithm":      {},
		"negative MaxAge":   {Algorithms: dpop.Algorithms(), MaxAge: -1},
		"negative MaxAhead": {Algorithms: dpop.Algorithms(), MaxAhead: -1},
	} {
		if _, err := dpop.NewChecker(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c, err := dpop.NewChecker(dpop.Config{Algorithms: []dpop.Algorithm{dpop.ES256}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Window() != 70*time.Second || len(c.Algorithms()) != 1 || c.Nonces() != nil {
		t.Errorf("window %s, algorithms %v", c.Window(), c.Algorithms())
	}
}

package dpop_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

func nonceKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func newNonces(t testing.TB, policy dpop.NoncePolicy, now func() time.Time) *dpop.Nonces {
	t.Helper()
	n, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return [][]byte{nonceKey(1)} }, Realm: "test", Policy: policy, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A clock that tests move by hand.
type handClock struct{ t time.Time }

func (c *handClock) now() time.Time          { return c.t }
func (c *handClock) advance(d time.Duration) { c.t = c.t.Add(d) }

func TestNonceAges(t *testing.T) {
	clock := &handClock{someTime}
	n := newNonces(t, dpop.RequireNonce, clock.now)
	nonce := n.Mint()
	for _, tt := range []struct {
		after time.Duration
		want  dpop.NonceState
	}{
		{0, dpop.Fresh},
		{150 * time.Second, dpop.Fresh},
		{150*time.Second + time.Millisecond, dpop.Aging},
		{5 * time.Minute, dpop.Aging},
		{5*time.Minute + time.Millisecond, dpop.Stale},
		{24 * time.Hour, dpop.Stale},
		{-10 * time.Second, dpop.Fresh}, // made by a replica whose clock is ahead
		{-10*time.Second - time.Millisecond, dpop.Stale},
	} {
		clock.t = someTime.Add(tt.after)
		if got := n.Check(nonce); got != tt.want {
			t.Errorf("after %s: %v, want %v", tt.after, got, tt.want)
		}
	}
}

func TestNonceSyntax(t *testing.T) {
	n := newNonces(t, dpop.RequireNonce, fixed(someTime))
	jar, u := dpop.NewNonceJar(), mustURL(t, someURL)
	for range 100 {
		nonce := n.Mint()
		if jar.Put(u, nonce); jar.Get(u) != nonce { // RFC 9449 §8.1
			t.Fatalf("%q is no nonce for a client", nonce)
		}
	}
	for _, nonce := range []string{"eyJ7S_zG.eyJH0-Z.HX4w-7v", "eyJ7S_zG.eyJbYu3.xQmBj-1"} { // RFC 9449 §8.2
		if jar.Put(u, nonce); jar.Get(u) != nonce {
			t.Errorf("%q was not kept", nonce)
		}
	}
	kept := jar.Get(u)
	for _, nonce := range []string{"", "a b", `a"b`, `a\b`, "café", "a\r\nX-Evil: 1", "a\x7f", strings.Repeat("x", 513), strings.Repeat("x", 1<<20)} {
		if jar.Put(u, nonce); jar.Get(u) != kept {
			t.Errorf("%.20q was kept", nonce)
		}
	}
}

func TestNonceForged(t *testing.T) {
	n := newNonces(t, dpop.RequireNonce, fixed(someTime))
	good := n.Mint()
	other := newNonces(t, dpop.RequireNonce, fixed(someTime))
	if n.Check(other.Mint()) != dpop.Fresh {
		t.Fatal("a replica with the same key and realm is not believed")
	}
	for i := range good {
		for _, c := range []byte("Az0-_\n= ") {
			if bad := good[:i] + string(c) + good[i+1:]; bad != good && n.Check(bad) != dpop.Stale {
				t.Errorf("accepted with byte %d changed to %q", i, c)
			}
		}
	}
	for name, nonce := range map[string]string{
		"empty":            "",
		"truncated":        good[:len(good)-4],
		"extended":         good + "AAAA",
		"twice":            good + good,
		"line end":         good + "\n",
		"padded":           good + "=",
		"another alphabet": strings.Repeat("+", len(good)),
		"zeros":            strings.Repeat("A", len(good)),
		"one megabyte":     strings.Repeat("A", 1<<20),
	} {
		if n.Check(nonce) != dpop.Stale {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNonceOfAnotherRealmOrKey(t *testing.T) {
	keys := [][]byte{nonceKey(1)}
	n, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return keys }, Realm: "issuer", Now: fixed(someTime)})
	if err != nil {
		t.Fatal(err)
	}
	nonce := n.Mint()
	for _, tt := range []struct {
		name, realm string
		keys        [][]byte
		want        dpop.NonceState
	}{
		{"the same", "issuer", [][]byte{nonceKey(1)}, dpop.Fresh},
		{"another realm", "resource", [][]byte{nonceKey(1)}, dpop.Stale},
		{"another realm of the same length", "ressui", [][]byte{nonceKey(1)}, dpop.Stale},
		{"another key", "issuer", [][]byte{nonceKey(2)}, dpop.Stale},
		{"key rotated once", "issuer", [][]byte{nonceKey(2), nonceKey(1)}, dpop.Aging},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return tt.keys }, Realm: tt.realm, Now: fixed(someTime)})
			if err != nil {
				t.Fatal(err)
			}
			if got := n.Check(nonce); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	keys = nil // the keys went away: nothing is minted, nothing is believed
	if minted := n.Mint(); minted != "" || n.Check(nonce) != dpop.Stale || n.Check(minted) != dpop.Stale {
		t.Errorf("without keys: minted %q", minted)
	}
	if keys = [][]byte{{1, 2, 3}}; n.Mint() != "" {
		t.Error("minted with a key of 3 bytes")
	}
}

// A replay memory that lost its last entries: nothing from before the fence is good, and everybody needs a nonce.
func TestFence(t *testing.T) {
	for _, policy := range []dpop.NoncePolicy{dpop.RequireNonce, dpop.OfferNonce, dpop.NoNonce} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			clock := &handClock{someTime}
			before := newNonces(t, policy, clock.now).Mint() // by the process that died
			n := newNonces(t, policy, clock.now)
			c, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: n, Now: clock.now})
			if err != nil {
				t.Fatal(err)
			}
			check := func(nonce string) string {
				_, err := c.Check(nonceRequest(t, clock.t, nonce))
				return reason(err)
			}
			n.Fence(c.Window())
			for _, after := range []time.Duration{0, c.Window()} {
				clock.t = someTime.Add(after)
				if got := check(""); got != "use_dpop_nonce nonce" {
					t.Errorf("without a nonce after %s: %s", after, got)
				}
				if got := check(before); got != "use_dpop_nonce nonce" {
					t.Errorf("with a nonce from before after %s: %s", after, got)
				}
				if got := check(n.Mint()); got != "accept" {
					t.Errorf("with a new nonce after %s: %s", after, got)
				}
			}
			clock.t = someTime.Add(c.Window() + 2*time.Second)
			if got := check(before); got != "accept" {
				t.Errorf("with a nonce from before, fence down: %s", got)
			}
			without := map[dpop.NoncePolicy]string{dpop.NoNonce: "accept"}[policy]
			if without == "" { // under OfferNonce the key was given a nonce while the fence was up
				without = "use_dpop_nonce nonce"
			}
			if got := check(""); got != without {
				t.Errorf("without a nonce, fence down: %s, want %s", got, without)
			}
		})
	}
}

// nonceRequest is a request to a token endpoint with a proof by the Ed25519 key.
func nonceRequest(t testing.TB, at time.Time, nonce string) dpop.Request {
	t.Helper()
	proof, err := testKeys()[dpop.Ed25519].Proof(dpop.Target{Method: "POST", URL: someURL, Nonce: nonce, Time: at})
	if err != nil {
		t.Fatal(err)
	}
	return dpop.Request{Method: "POST", URL: someURL, Proofs: []string{proof}}
}

func TestOfferedNonceIsDemandedFromThenOn(t *testing.T) { // RFC 9449 §11.3
	clock := &handClock{someTime}
	n := newNonces(t, dpop.OfferNonce, clock.now)
	c, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: n, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Check(nonceRequest(t, clock.t, ""))
	if err != nil || first.NextNonce() == "" {
		t.Fatalf("first proof: %v, no nonce offered", err)
	}
	if _, err := c.Check(nonceRequest(t, clock.t, "")); reason(err) != "use_dpop_nonce nonce" {
		t.Errorf("without the nonce that was given: %v", err)
	}
	second, err := c.Check(nonceRequest(t, clock.t, first.NextNonce()))
	if err != nil || second.NextNonce() != "" {
		t.Errorf("with it: %v, next %q", err, second.NextNonce())
	}
	clock.advance(4 * time.Minute)
	third, err := c.Check(nonceRequest(t, clock.t, first.NextNonce()))
	if err != nil || n.Check(third.NextNonce()) != dpop.Fresh {
		t.Errorf("with an aging one: %v, no fresh one offered", err)
	}
	clock.advance(4 * time.Minute)
	if _, err := c.Check(nonceRequest(t, clock.t, first.NextNonce())); reason(err) != "use_dpop_nonce nonce" {
		t.Errorf("with a stale one: %v", err)
	}
}

func TestOfferedMemoryIsBounded(t *testing.T) {
	n := newNonces(t, dpop.OfferNonce, fixed(someTime))
	c := newChecker(t, n)
	for i := range dpop.MaxOffered - 1 {
		n.Offered(fmt.Sprintf("thumbprint %d", i))
	}
	if _, err := c.Check(nonceRequest(t, someTime, "")); err != nil {
		t.Fatalf("one place left: %v", err)
	}
	// That took the last place: now a stranger is asked for a nonce as well.
	request := newForge(dpop.ES256).request(t)
	if _, err := c.Check(request); reason(err) != "use_dpop_nonce nonce" {
		t.Errorf("full: %v", err)
	}
	if n.Offered("one more"); n.OfferedCount() != dpop.MaxOffered {
		t.Errorf("%d keys are remembered, at most %d should be", n.OfferedCount(), dpop.MaxOffered)
	}
}

func TestNoNoncePolicyStillJudgesTheNonceThatIsThere(t *testing.T) { // RFC 9449 §4.3 (10)
	n := newNonces(t, dpop.NoNonce, fixed(someTime))
	c := newChecker(t, n)
	if p, err := c.Check(nonceRequest(t, someTime, "")); err != nil || p.NextNonce() != "" {
		t.Errorf("none: %v", err)
	}
	if _, err := c.Check(nonceRequest(t, someTime, n.Mint())); err != nil {
		t.Errorf("ours: %v", err)
	}
	if _, err := c.Check(nonceRequest(t, someTime, "eyJ7S_zG.eyJH0-Z.HX4w-7v")); reason(err) != "use_dpop_nonce nonce" {
		t.Errorf("a foreign one: %v", err)
	}
}

func TestNewNoncesReportsEveryFault(t *testing.T) {
	_, err := dpop.NewNonces(dpop.NonceConfig{Lifetime: 2 * time.Hour, Policy: 7})
	for _, want := range []string{"key", "realm", "lifetime", "policy"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word about the %s in %v", want, err)
		}
	}
	if _, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return [][]byte{nonceKey(1), {1}} }, Realm: "r"}); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return [][]byte{nonceKey(1)} }, Realm: "r", Lifetime: -1}); err == nil {
		t.Error("a negative lifetime was taken")
	}
}

func FuzzNonceCheck(f *testing.F) {
	n := newNonces(f, dpop.RequireNonce, fixed(someTime))
	good := n.Mint()
	for _, seed := range []string{"", good, good[:39], good + "=", strings.Repeat("A", 40), "eyJ7S_zG.eyJH0-Z.HX4w-7v"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, nonce string) {
		if state := n.Check(nonce); state != dpop.Stale && nonce != good {
			t.Errorf("%q was not made here and is %v", nonce, state)
		}
	})
}

package dpop_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// For every instant at which a proof is accepted, that instant is not after Until: a memory that keeps it until then never
// forgets what could still be accepted. The instants are drawn around both ends of the window, to the nanosecond.
func TestNothingAcceptedOutlivesUntil(t *testing.T) {
	r := rand.New(rand.NewPCG(9449, 11))
	key := testKeys()[dpop.Ed25519]
	accepted, refused := 0, 0
	for range 100 {
		clock := &handClock{}
		maxAge := time.Duration(1 + r.Int64N(int64(5*time.Minute)))
		maxAhead := time.Duration(1 + r.Int64N(int64(time.Minute)))
		c, err := dpop.NewChecker(dpop.Config{Algorithms: []dpop.Algorithm{dpop.Ed25519}, MaxAge: maxAge, MaxAhead: maxAhead, Now: clock.now})
		if err != nil {
			t.Fatal(err)
		}
		iat := someTime.Add(time.Duration(r.Int64N(int64(time.Hour)))).Truncate(time.Second)
		proof, err := key.Proof(dpop.Target{Method: "GET", URL: someURL, Time: iat})
		if err != nil {
			t.Fatal(err)
		}
		var until time.Time
		var last, first time.Time
		for _, at := range instants(r, iat, maxAge, maxAhead) {
			clock.t = at
			p, err := c.Check(dpop.Request{Method: "GET", URL: someURL, Proofs: []string{proof}})
			if err != nil {
				refused++
				continue
			}
			accepted++
			if until.IsZero() {
				until = p.Until()
			}
			if !p.Until().Equal(until) || at.After(until) {
				t.Fatalf("accepted at %s, until %s, before that until %s", at, p.Until(), until)
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
		if !last.Equal(iat.Add(maxAge)) || !first.Equal(iat.Add(-maxAhead)) {
			t.Fatalf("accepted from %s to %s, want from %s to %s: both ends belong to the window", first, last, iat.Add(-maxAhead), iat.Add(maxAge))
		}
		if last.Sub(first) > c.Window() {
			t.Fatalf("accepted for %s, longer than the window of %s", last.Sub(first), c.Window())
		}
	}
	if accepted < 1000 || refused < 1000 {
		t.Fatalf("%d accepted, %d refused: the instants are badly drawn", accepted, refused)
	}
}

func instants(r *rand.Rand, iat time.Time, maxAge, maxAhead time.Duration) []time.Time {
	var all []time.Time
	for _, end := range []time.Time{iat.Add(maxAge), iat.Add(-maxAhead)} {
		for _, d := range []time.Duration{0, 1, -1, time.Millisecond, -time.Millisecond, time.Second, -time.Second} {
			all = append(all, end.Add(d))
		}
	}
	for range 40 {
		all = append(all, iat.Add(time.Duration(r.Int64N(int64(2*maxAge)))), iat.Add(-time.Duration(r.Int64N(int64(2*maxAhead)))))
	}
	return all
}

// The proof and the memory together: no instant, and no way of the clock, lets one proof pass twice.
func TestNoProofPassesTwice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 50 {
		clock := &handClock{someTime}
		c, err := dpop.NewChecker(dpop.Config{Algorithms: []dpop.Algorithm{dpop.Ed25519}, Now: clock.now})
		if err != nil {
			t.Fatal(err)
		}
		m := newMemory(t, 50, clock.now)
		passed := map[string]int{}
		var proofs []string
		for range 200 {
			clock.advance(time.Duration(r.Int64N(int64(20*time.Second))) - 8*time.Second) // forward on the whole, with steps back
			if r.IntN(3) == 0 || len(proofs) == 0 {
				proofs = append(proofs, makeProof(t, clock.t.Add(time.Duration(r.IntN(15)-5)*time.Second)))
			}
			proof := proofs[max(0, len(proofs)-1-r.IntN(20))]
			p, err := c.Check(dpop.Request{Method: "GET", URL: someURL, Proofs: []string{proof}})
			if err != nil {
				continue
			}
			if first, err := m.Use(t.Context(), p.ReplayKey("r"), p.Until()); first && err == nil {
				passed[proof]++
			}
		}
		for _, n := range passed {
			if n > 1 {
				t.Fatalf("round %d: a proof passed %d times", round, n)
			}
		}
		if len(passed) == 0 {
			t.Fatalf("round %d: nothing passed", round)
		}
	}
}

func makeProof(t *testing.T, at time.Time) string {
	t.Helper()
	proof, err := testKeys()[dpop.Ed25519].Proof(dpop.Target{Method: "GET", URL: someURL, Time: at})
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

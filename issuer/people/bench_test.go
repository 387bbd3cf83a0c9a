package people_test

import (
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/tenon-auth/tenon/issuer/people"
)

// A login costs one hash and next to nothing else. x-raw is its time by that of the hash alone, measured in turns.
func BenchmarkCheckPassword(b *testing.B) {
	p := newParty(b, func(c *people.Config) { c.Cost, c.InsecureCost = people.Cost{}, false })
	p.join("ada")
	for name, password := range map[string]string{"right": secret, "wrong": "wrong"} {
		b.Run(name, func(b *testing.B) {
			p.t = b
			var login, raw time.Duration
			b.ReportAllocs()
			for b.Loop() {
				p.clock.advance(24 * time.Hour) // nobody waits
				start := time.Now()
				_ = p.try("ada", password, "192.0.2.1") // the tests look at the answer
				login += time.Since(start)
				start = time.Now()
				argon2.IDKey([]byte(password), make([]byte, 16), 2, 19456, 1, 32)
				raw += time.Since(start)
			}
			b.ReportMetric(float64(login)/float64(raw), "x-raw")
		})
	}
}

// Each request of a browser finds its session.
func BenchmarkSessionGet(b *testing.B) {
	p := newParty(b)
	cookie, _ := p.enter(p.join("ada"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.sessions.Get(b.Context(), cookie); err != nil {
			b.Fatal(err)
		}
	}
}

// A login with a passkey, with its durable commit.
func BenchmarkPasskeyLogin(b *testing.B) {
	p := newParty(b)
	a, _ := p.passkey(p.join("ada"))
	for b.Loop() {
		if _, _, err := p.present(a); err != nil {
			b.Fatal(err)
		}
	}
}

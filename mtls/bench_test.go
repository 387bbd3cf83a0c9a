package mtls_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// BenchmarkThumbprint reports its ratio to the hash alone, from the fastest of interleaved batches of each.
func BenchmarkThumbprint(b *testing.B) {
	cert := certificateNamed(b, bank()...)
	ours, raw := time.Hour, time.Hour
	for b.Loop() {
		ours = min(ours, batch(func() { mtls.Thumbprint(cert) }))
		raw = min(raw, batch(func() { sha256.Sum256(cert.Raw) }))
	}
	b.ReportMetric(float64(ours)/float64(raw), "x-raw")
}

func batch(f func()) time.Duration {
	start := time.Now()
	for range 20 {
		f()
	}
	return time.Since(start)
}

func BenchmarkDN(b *testing.B) {
	cert := certificateNamed(b, bank()...)
	presented, err := mtls.CertificateDN(cert)
	if err != nil {
		b.Fatal(err)
	}
	subject := mtls.Subject{DN: presented.String()}
	registered := parse(b, subject.DN)
	b.Run("match", func(b *testing.B) { // from text and DER, as for one token request
		b.ReportAllocs()
		for b.Loop() {
			if err := subject.Match(cert); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("equal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !registered.EqualEitherWay(presented) {
				b.Fatal("not equal")
			}
		}
	})
}

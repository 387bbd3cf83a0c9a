package dpop_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// BenchmarkCheck measures a check of a proof with an access token, key seen before, and how it compares with the bare
// verification of its signature. The two take turns, so that a noisy machine hits both, and medians are compared, so that
// an interruption of one of them does not count.
func BenchmarkCheck(b *testing.B) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.PS256, dpop.Ed25519} {
		b.Run(string(alg), func(b *testing.B) {
			c := newChecker(b, nil)
			request := newForge(alg).request(b)
			raw := rawVerifier(b, alg, request.Proofs[0])
			var checks, raws []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := c.Check(request); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				if !raw() {
					b.Fatal("the raw verification fails")
				}
				checks, raws = append(checks, between.Sub(start)), append(raws, time.Since(between))
			}
			check, verification := median(checks), median(raws)
			b.ReportMetric(check, "ns/check")
			b.ReportMetric(check-verification, "ns-more")
			b.ReportMetric(check/verification, "x-raw")
		})
	}
}

// median is in nanoseconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Nanoseconds())
}

// rawVerifier does what no checker can avoid: one call of the standard library on a parsed key and signature.
func rawVerifier(b *testing.B, alg dpop.Algorithm, proof string) func() bool {
	last := strings.LastIndexByte(proof, '.')
	sig, err := b64.DecodeString(proof[last+1:])
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte(proof[:last]))
	switch k := testKeys()[alg].Signer().Public().(type) {
	case *ecdsa.PublicKey:
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
		if err != nil {
			b.Fatal(err)
		}
		return func() bool { return ecdsa.VerifyASN1(k, digest[:], der) }
	case *rsa.PublicKey:
		options := &rsa.PSSOptions{SaltLength: 32}
		return func() bool { return rsa.VerifyPSS(k, crypto.SHA256, digest[:], sig, options) == nil }
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(k, []byte(proof[:last]), sig) }
	}
	b.Fatal("no such key")
	return nil
}

func BenchmarkProof(b *testing.B) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.PS256, dpop.Ed25519} {
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := testKeys()[alg].Proof(dpop.Target{Method: "POST", URL: someURL, AccessToken: someToken}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNonce(b *testing.B) {
	n := newNonces(b, dpop.RequireNonce, time.Now)
	nonce := n.Mint()
	b.ReportAllocs()
	for b.Loop() {
		if n.Check(nonce) == dpop.Stale {
			nonce = n.Mint()
		}
	}
}

func BenchmarkSameTarget(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if !dpop.SameTarget("https://api.example.com:443/payments/%7Eme?x=1", "https://API.example.com/payments/~me") {
			b.Fatal("not the same")
		}
	}
}

// BenchmarkMemory measures one use of the replay memory at a steady number of live proofs: as many expire as are added.
func BenchmarkMemory(b *testing.B) {
	for _, live := range []int{10_000, 100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(live), func(b *testing.B) {
			if live > 1_000_000 && testing.Short() {
				b.Skip("10 million live proofs are left out under -short")
			}
			benchmarkMemory(b, live)
		})
	}
}

func benchmarkMemory(b *testing.B, live int) {
	const window = 70 // seconds
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	now, used := int64(1_800_000_000), 0
	m, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: live * 2, Now: func() time.Time { return time.Unix(now, 0) }})
	if err != nil {
		b.Fatal(err)
	}
	perSecond := live / window
	use := func() {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(used))
		if first, err := m.Use(context.Background(), sha256.Sum256(n[:]), time.Unix(now+window, 0)); !first || err != nil {
			b.Fatal(first, err)
		}
		if used++; used%perSecond == 0 {
			now++
		}
	}
	for range live * 2 { // past the first expiry, into the steady state
		use()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for b.Loop() {
		use()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(live), "heap-bytes/proof")
	b.ReportMetric(float64(m.Bytes())/float64(live), "bytes/proof")
}

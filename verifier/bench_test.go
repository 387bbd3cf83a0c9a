package verifier_test

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// A bench has a verifier on the real clock, and fresh requests for it.
type bench struct {
	config   verifier.Config
	key      *dpop.Key
	token    string
	requests []verifier.Request
}

// benchRequests is how many proofs are made in advance. When they are used up, the verifier gets an empty memory.
const benchRequests = 1000

func newBench(b *testing.B, alg dpop.Algorithm, requests int) *bench {
	b.Helper()
	key := must(dpop.GenerateKey(alg))
	f := &forger{now: time.Now(), vars: map[string]string{}}
	token := f.token(&forgery{Claims: members(`{"cnf": {"jkt": "` + key.Thumbprint() + `"}}`)})
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: forgedKeys()["issuer"].Public(), KeyID: "issuer"}}}
	bench := &bench{key: key, token: token, config: verifier.Config{
		Issuer: testIssuer, Audience: testOrigin, Origin: testOrigin,
		Keys: must(verifier.StaticKeys(set)), Revocation: verifier.InsecureNoRevocation{},
		DPoP:    must(dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})),
		Replays: must(dpop.NewMemory(dpop.MemoryConfig{Capacity: max(requests, benchRequests)})),
	}}
	for range requests {
		proof := must(key.Proof(dpop.Target{Method: "POST", URL: testOrigin + "/payments", AccessToken: token}))
		bench.requests = append(bench.requests, verifier.Request{
			Method: "POST", Target: "/payments", Authorization: []string{"DPoP " + token}, Proofs: []string{proof},
		})
	}
	return bench
}

// verifier makes one with an empty memory.
func (n *bench) verifier() *verifier.Verifier {
	n.config.Replays = must(dpop.NewMemory(dpop.MemoryConfig{Capacity: benchRequests}))
	return must(verifier.New(n.config))
}

// raw gives the bare signature check that a proof by the key cannot do without.
func (n *bench) raw() func() bool {
	input := []byte(n.requests[0].Proofs[0])
	digest := sha256.Sum256(input)
	signer := n.key.Signer()
	switch public := signer.Public().(type) {
	case *ecdsa.PublicKey:
		signature := must(signer.Sign(rand.Reader, digest[:], crypto.SHA256))
		return func() bool { return ecdsa.VerifyASN1(public, digest[:], signature) }
	case *rsa.PublicKey:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		signature := must(signer.Sign(rand.Reader, digest[:], options))
		return func() bool { return rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, options) == nil }
	case ed25519.PublicKey:
		signature := must(signer.Sign(rand.Reader, input, crypto.Hash(0)))
		return func() bool { return ed25519.Verify(public, input, signature) }
	}
	panic("no such key")
}

// BenchmarkVerify measures a whole verdict, replay memory included, against the bare signature check of the same algorithm: one after
// the other, so that a noisy machine hits both. cached: the token was seen before; uncached: it never was.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.PS256, dpop.Ed25519} {
		b.Run(fmt.Sprintf("%s/cached", alg), func(b *testing.B) {
			newBench(b, alg, benchRequests).measure(b)
		})
		b.Run(fmt.Sprintf("%s/uncached", alg), func(b *testing.B) {
			n := newBench(b, alg, benchRequests)
			n.config.CacheSize = -1
			n.measure(b)
		})
	}
}

// measure reports medians: a core that is taken away in the middle of one of the two would else decide the ratio.
func (n *bench) measure(b *testing.B) {
	raw := n.raw()
	verifying, bare := make([]time.Duration, b.N), make([]time.Duration, b.N)
	var v *verifier.Verifier
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		next := i % (benchRequests - 1)
		if next == 0 {
			v = n.verifier()
			if _, err := v.Verify(b.Context(), n.requests[benchRequests-1]); err != nil { // the token is known from here on
				b.Fatal(err)
			}
		}
		start := time.Now()
		ok := raw()
		middle := time.Now()
		_, err := v.Verify(b.Context(), n.requests[next])
		end := time.Now()
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
		bare[i], verifying[i] = middle.Sub(start), end.Sub(middle)
	}
	b.StopTimer()
	b.ReportMetric(float64(median(verifying))/float64(median(bare)), "x-raw")
	b.ReportMetric(float64(median(verifying)), "ns/verify")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkMiddleware measures an API over TLS with 64 callers: open, and behind the middleware with its memory in this process.
func BenchmarkMiddleware(b *testing.B) {
	for _, name := range []string{"open", "memory"} {
		b.Run(name, func(b *testing.B) {
			n := newBench(b, dpop.ES256, b.N)
			handler := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			if name == "memory" {
				handler = must(verifier.New(n.config)).Middleware(handler)
			}
			server := httptest.NewUnstartedServer(handler)
			server.TLS = mtls.ServerConfig(mtls.ServerOptions{})
			server.StartTLS()
			defer server.Close()
			n.call(b, server)
		})
	}
}

// call sends every request once, from 64 callers that each have a connection.
func (n *bench) call(b *testing.B, server *httptest.Server) {
	config := server.Client().Transport.(*http.Transport).TLSClientConfig
	took := make([]time.Duration, len(n.requests))
	var next atomic.Int64
	var ready, all sync.WaitGroup
	start := make(chan struct{})
	for range 64 {
		ready.Add(1)
		all.Go(func() {
			conn, err := tls.Dial("tcp", server.Listener.Addr().String(), config)
			ready.Done()
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			<-start
			for i := next.Add(1) - 1; i < int64(len(n.requests)); i = next.Add(1) - 1 {
				began := time.Now()
				if err := callOver(conn, answers, n.requests[i]); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	ready.Wait()
	b.ResetTimer()
	close(start)
	all.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "requests/s")
}

// callOver sends one request and reads its answer.
func callOver(conn io.Writer, answers *bufio.Reader, r verifier.Request) error {
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: %s\r\nDPoP: %s\r\nContent-Length: 0\r\n\r\n",
		r.Method, r.Target, r.Authorization[0], r.Proofs[0]); err != nil {
		return err
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s", response.Status)
	}
	return response.Body.Close()
}

package issuer_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store/bolt"
)

const (
	callers = 64
	chunk   = 512 // requests between two measurements of the raw operation
)

// BenchmarkToken measures the whole endpoint with HTTP over loopback and a durable commit. x-raw is the CPU time of the server,
// in the kernel too, against two verifications and one signature of ES256 measured in between. The caller is another process,
// so that what it takes to make requests and read answers does not count.
func BenchmarkToken(b *testing.B) {
	if os.Getenv(callerVariable) != "" {
		call(b)
		return
	}
	b.Run("private_key_jwt+dpop", func(b *testing.B) {
		f := newBenchServer(b)
		child := f.startCaller(b)
		var endpoint, raw cost
		b.ResetTimer()
		for done := 0; done < b.N; done += chunk {
			n := min(chunk, b.N-done)
			b.StopTimer()
			child.prepare(b, n)
			b.StartTimer()
			endpoint.measure(n, func() { child.send(b) })
			b.StopTimer()
			raw.measure(max(1, n/4), func() { f.rawOperations(b, max(1, n/4)) })
			b.StartTimer()
		}
		b.ReportMetric(endpoint.each()/raw.each(), "x-raw")
		b.ReportMetric(endpoint.each(), "cpu-ns/op")
		b.ReportMetric(raw.each(), "raw-ns")
	})
}

// cost is CPU time of this process, user and system.
type cost struct {
	spent time.Duration
	n     int
}

func (c *cost) measure(n int, do func()) {
	before := cpuTime()
	do()
	c.spent += cpuTime() - before
	c.n += n
}

func (c *cost) each() float64 { return float64(c.spent) / float64(c.n) }

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type benchServer struct {
	address    string
	key, proof *ecdsa.PrivateKey // of the client
}

func newBenchServer(b *testing.B) *benchServer {
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "s.db")})
	must(b, err)
	b.Cleanup(func() { db.Close() })
	keyring, err := issuer.OpenKeyring(b.Context(), issuer.KeyringConfig{Store: db, Signers: issuer.KeyFiles(filepath.Join(b.TempDir(), "k"))})
	must(b, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	must(b, err)
	i, err := issuer.New(issuer.Config{
		Issuer: "https://as.example.com", Store: db, Signing: keyring, DPoP: checker, Limits: issuer.Limits{ClientPerSecond: -1},
	})
	must(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	server := &http.Server{Handler: i.Handler()}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	f := &benchServer{address: listener.Addr().String(), key: ecKey(b), proof: ecKey(b)}
	_, err = (&issuer.Admin{Store: db}).AddClient(b.Context(), issuer.Client{
		ID: "bench", AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
		Scope: tenon.Scope{"accounts"}, Resources: []string{resource}, JWKS: publicSet(f.key),
	})
	must(b, err)
	return f
}

// rawOperations are the two verifications and the signature that cannot be saved.
func (f *benchServer) rawOperations(b *testing.B, n int) {
	digest := sha256.Sum256([]byte("raw"))
	signature, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:])
	must(b, err)
	for range n {
		if !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], signature) || !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], signature) {
			b.Fatal("the raw signature does not verify")
		}
		if _, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

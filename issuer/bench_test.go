package issuer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
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
		f := newBenchServer(b, withLog)
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

// BenchmarkTokenLog tells what the binding log costs: x-bare is the CPU time of a token whose entry is written and published
// against one without, two servers measured in turn. What came in is published at the end of every turn, within it: tiles,
// openings, checkpoint, and the removal of what is published from the store.
func BenchmarkTokenLog(b *testing.B) {
	if os.Getenv(callerVariable) != "" {
		call(b)
		return
	}
	full, bare := newBenchServer(b, withLog), newBenchServer(b, withoutLog)
	fullCaller, bareCaller := full.startCaller(b), bare.startCaller(b)
	var with, without cost
	b.ResetTimer()
	for done := 0; done < b.N; done += chunk {
		n := min(chunk, b.N-done)
		b.StopTimer()
		fullCaller.prepare(b, n)
		bareCaller.prepare(b, n)
		b.StartTimer()
		with.measure(n, func() {
			fullCaller.send(b)
			must(b, full.publish(b.Context()))
		})
		without.measure(n, func() { bareCaller.send(b) })
	}
	b.ReportMetric(with.each()/without.each(), "x-bare")
	b.ReportMetric(with.each(), "cpu-ns/op")
}

// withLog opens the log as a server has it.
func withLog(b *testing.B, db store.Store) (issuer.Recorder, func(context.Context) error) {
	book := newBook(b, db, nil)
	dir := b.TempDir()
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), book.Origin())
	must(b, err)
	publisher, err := audit.OpenPublisher(b.Context(), audit.PublisherConfig{Book: book, Dir: filepath.Join(dir, "log"), Signer: signer})
	must(b, err)
	b.Cleanup(func() { must(b, publisher.Close()) })
	return book, publisher.Publish
}

func withoutLog(*testing.B, store.Store) (issuer.Recorder, func(context.Context) error) {
	return noLog{}, nil
}

// noLog records nothing.
type noLog struct{}

func (noLog) Add(context.Context, *store.Change, audit.Entry) error { return nil }
func (noLog) Origin() string                                        { return "as.example.com/log" }

// numbered gives tokens their numbers where there is no log to do it.
type numbered struct {
	store.Store
	next atomic.Uint64
}

func (n *numbered) Commit(ctx context.Context, ch *store.Change) (store.Receipt, error) {
	first := n.next.Add(1)
	for i := range ch.Inserts {
		if ch.Inserts[i].Key.ID == "" {
			ch.Inserts[i].Key.ID = store.LeafID(first)
		}
	}
	receipt, err := n.Store.Commit(ctx, ch)
	receipt.First = first
	return receipt, err
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
	publish    func(context.Context) error
	key, proof *ecdsa.PrivateKey // of the client
}

func newBenchServer(b *testing.B, open func(*testing.B, store.Store) (issuer.Recorder, func(context.Context) error)) *benchServer {
	file, err := bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "s.db")})
	must(b, err)
	b.Cleanup(func() { file.Close() })
	book, publish := open(b, file)
	var db store.Store = file
	if publish == nil {
		db = &numbered{Store: file}
	}
	keyring, err := issuer.OpenKeyring(b.Context(), issuer.KeyringConfig{Store: db, Log: book, Signers: issuer.KeyFiles(filepath.Join(b.TempDir(), "k"))})
	must(b, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	must(b, err)
	i, err := issuer.New(issuer.Config{
		Issuer: "https://as.example.com", Store: db, Log: issuer.BindingLog{Book: book}, Signing: keyring, DPoP: checker, Limits: issuer.Limits{ClientPerSecond: -1},
	})
	must(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	server := &http.Server{Handler: i.Handler()}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	f := &benchServer{address: listener.Addr().String(), publish: publish, key: ecKey(b), proof: ecKey(b)}
	_, err = (&issuer.Admin{Store: db, Log: book}).AddClient(b.Context(), issuer.Client{
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
		for range 2 {
			if !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], signature) {
				b.Fatal("the raw signature does not verify")
			}
		}
		if _, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

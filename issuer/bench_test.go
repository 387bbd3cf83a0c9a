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
	"slices"
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
	chunk   = 512  // requests between two measurements of the raw operation
	turn    = 1024 // tokens between two publications: what a busy server gives in a second, which is how often it publishes
)

// BenchmarkToken measures the whole endpoint with HTTP over loopback and a durable commit. x-raw is the CPU time of the server,
// in the kernel too, against two verifications and one signature of ES256 measured in between. The caller is another process,
// so that what it takes to make requests and read answers does not count.
func BenchmarkToken(b *testing.B) {
	if os.Getenv(callerVariable) != "" {
		call(b)
		return
	}
	b.Run("private_key_jwt+dpop", func(b *testing.B) { newBenchServer(b, withLog, nil).measure(b, tokenCost) })
}

// measure has the caller call, and reports what that costs against the raw operations measured in between.
func (f *benchServer) measure(b *testing.B, unavoidable rawCost) {
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
		raw.measure(max(1, n/4), func() { f.rawOperations(b, max(1, n/4), unavoidable) })
		b.StartTimer()
	}
	report(b, endpoint, raw)
}

// BenchmarkTokenLog tells what the binding log costs: x-bare is the CPU time of a token whose entry is written and published
// against one without, two servers measured in turn, now the one first, now the other. It is the median of the turns: what else
// the machine does meanwhile hits some of them. What came in is published at the end of every turn, within it: tiles, openings,
// checkpoint, and the removal of what is published from the store.
func BenchmarkTokenLog(b *testing.B) {
	if os.Getenv(callerVariable) != "" {
		call(b)
		return
	}
	full, bare := newBenchServer(b, withLog, nil), newBenchServer(b, withoutLog, nil)
	fullCaller, bareCaller := full.startCaller(b), bare.startCaller(b)
	var with, without, publishing cost
	var ratios []float64
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		b.StopTimer()
		fullCaller.prepare(b, n)
		bareCaller.prepare(b, n)
		b.StartTimer()
		turns := []func() time.Duration{
			func() time.Duration {
				return with.measure(n, func() {
					fullCaller.send(b)
					publishing.measure(n, func() { must(b, full.publish(b.Context())) })
				})
			},
			func() time.Duration { return without.measure(n, func() { bareCaller.send(b) }) },
		}
		first := done / turn % 2
		var took [2]time.Duration
		took[first] = turns[first]()
		took[1-first] = turns[1-first]()
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(with.each(), "cpu-ns/op")
	b.ReportMetric(publishing.each(), "publish-ns")
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

func (c *cost) measure(n int, do func()) time.Duration {
	before := cpuTime()
	do()
	took := cpuTime() - before
	c.spent += took
	c.n += n
	return took
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
	issuer     *issuer.Issuer
	address    string
	what       string // the caller asks for: "" for tokens, "introspect", "userinfo"
	token      string // that it presents
	publish    func(context.Context) error
	key, proof *ecdsa.PrivateKey // of the client
}

// newBenchServer starts a server. edit, if any, changes its configuration.
func newBenchServer(b *testing.B, open func(*testing.B, store.Store) (issuer.Recorder, func(context.Context) error), edit func(*issuer.Config)) *benchServer {
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
	cfg := issuer.Config{
		Issuer: "https://as.example.com", Store: db, Log: issuer.BindingLog{Book: book}, Signing: keyring, DPoP: checker, Limits: issuer.Limits{ClientPerSecond: -1},
	}
	if edit != nil {
		edit(&cfg)
	}
	i, err := issuer.New(cfg)
	must(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	server := &http.Server{Handler: i.Handler()}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	f := &benchServer{issuer: i, address: listener.Addr().String(), publish: publish, key: ecKey(b), proof: ecKey(b)}
	f.register(b, &issuer.Admin{Store: db, Log: book})
	return f
}

// register makes the clients, who all have the same key.
func (f *benchServer) register(b *testing.B, admin *issuer.Admin) {
	for id, edit := range map[string]func(*issuer.Client){
		"bench":        func(*issuer.Client) {},
		"bench-opaque": func(c *issuer.Client) { c.TokenFormat = issuer.OpaqueFormat },
		"bench-api": func(c *issuer.Client) {
			c.GrantTypes, c.Scope, c.Resources, c.Serves = nil, nil, nil, []string{resource}
		},
		"bench-app": func(c *issuer.Client) {
			c.GrantTypes, c.Scope, c.RedirectURIs = []string{issuer.AuthorizationCode}, tenon.Scope{"openid", "email"}, []string{redirectURI}
		},
	} {
		c := issuer.Client{
			ID: id, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
			Scope: tenon.Scope{"accounts"}, Resources: []string{resource}, JWKS: publicSet(f.key),
		}
		edit(&c)
		_, err := admin.AddClient(b.Context(), c)
		must(b, err)
	}
}

// A rawCost is the signature operations that a request cannot do without.
type rawCost struct{ verifications, signatures int }

// tokenCost: the assertion and the proof are verified, and the token is signed.
var tokenCost = rawCost{2, 1}

// rawOperations does nothing but what cannot be saved, n times.
func (f *benchServer) rawOperations(b *testing.B, n int, each rawCost) {
	digest := sha256.Sum256([]byte("raw"))
	signature, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:])
	must(b, err)
	for range n {
		for range each.verifications {
			if !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], signature) {
				b.Fatal("the raw signature does not verify")
			}
		}
		for range each.signatures {
			if _, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

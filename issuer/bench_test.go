package issuer_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
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
	chunk   = 1024 // requests between two measurements of the raw operation
)

// BenchmarkToken measures the whole endpoint with HTTP over loopback and a durable commit. x-raw is its CPU time, that of the
// caller's writing and reading included, against two verifications and one signature of ES256 measured in between.
func BenchmarkToken(b *testing.B) {
	b.Run("private_key_jwt+dpop", func(b *testing.B) {
		f := newBenchServer(b)
		var endpoint, raw cost
		b.ResetTimer()
		for done := 0; done < b.N; done += chunk {
			n := min(chunk, b.N-done)
			b.StopTimer()
			requests := f.requests(b, n)
			b.StartTimer()
			endpoint.measure(n, func() { f.send(b, requests) })
			b.StopTimer()
			raw.measure(max(1, n/8), func() { f.rawOperations(b, max(1, n/8)) })
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
	party       *party
	key         *dpop.Key
	address     string
	connections []net.Conn
	readers     []*bufio.Reader
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
	f := &benchServer{address: listener.Addr().String(), party: &party{key: ecKey(b), proofs: ecKey(b), record: issuer.Client{
		ID: "bench", AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
		Scope: tenon.Scope{"accounts"}, Resources: []string{resource},
	}}}
	f.party.record.JWKS = publicSet(f.party.key)
	_, err = (&issuer.Admin{Store: db}).AddClient(b.Context(), f.party.record)
	must(b, err)
	f.key, err = dpop.NewKey(f.party.proofs, dpop.ES256)
	must(b, err)
	for range callers {
		c, err := net.Dial("tcp", f.address)
		must(b, err)
		b.Cleanup(func() { c.Close() })
		f.connections, f.readers = append(f.connections, c), append(f.readers, bufio.NewReader(c))
	}
	return f
}

// requests makes requests as they go over the wire, so that making them is not measured.
func (f *benchServer) requests(b *testing.B, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		id := strconv.FormatInt(serial.Add(1), 10)
		now := time.Now()
		assertion := sign(b, f.party.key, "ES256", text{
			`{"alg":"ES256","typ":"client-authentication+jwt","kid":"k0"}`,
			`{"iss":"bench","sub":"bench","aud":"https://as.example.com","exp":` + strconv.FormatInt(now.Unix()+200, 10) + `,"jti":"assertion-` + id + `"}`,
		})
		proof, err := f.key.Proof(dpop.Target{Method: "POST", URL: "https://as.example.com/token"})
		must(b, err)
		body := "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" + assertion
		all[i] = []byte("POST /token HTTP/1.1\r\nHost: as.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nDPoP: " + proof +
			"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
	}
	return all
}

// send shares the requests among the callers, each on its own connection.
func (f *benchServer) send(b *testing.B, requests [][]byte) {
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for n := c; n < len(requests); n += callers {
				if err := roundTrip(f.connections[c], f.readers[c], requests[n]); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// roundTrip is an HTTP client that costs next to nothing.
func roundTrip(c net.Conn, r *bufio.Reader, request []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return &net.ParseError{Type: "status", Text: string(line)}
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			_, err := io.CopyN(io.Discard, r, int64(length))
			return err
		}
	}
}

// rawOperations are the two verifications and the signature that cannot be saved.
func (f *benchServer) rawOperations(b *testing.B, n int) {
	key := f.party.key.(*ecdsa.PrivateKey)
	digest := sha256.Sum256([]byte("raw"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	must(b, err)
	for range n {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) || !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
			b.Fatal("the raw signature does not verify")
		}
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

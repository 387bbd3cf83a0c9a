package issuer_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// callerVariable tells a process that it is the caller of a benchmark in its parent. Orders come through its standard input,
// answers go through the file behind it.
const (
	callerVariable = "TENON_BENCH_CALLER"
	answerFile     = 3
)

// An order is what the caller is told. The first says whom to call and what for, the others come in pairs: make so many requests,
// send them.
type order struct {
	Address     string
	What, Token string // see benchServer
	Key, Proof  []byte // PKCS #8
	Make        int    // zero: send what was made
}

// A caller is the child process.
type caller struct {
	orders  *gob.Encoder
	answers *gob.Decoder
}

func (f *benchServer) startCaller(b *testing.B) *caller {
	read, write, err := os.Pipe()
	must(b, err)
	b.Cleanup(func() { read.Close() })
	child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkToken$", "-test.benchtime=1x")
	child.Env = append(os.Environ(), callerVariable+"=1")
	child.ExtraFiles = []*os.File{write}
	child.Stderr = os.Stderr
	orders, err := child.StdinPipe()
	must(b, err)
	must(b, child.Start())
	must(b, write.Close())
	b.Cleanup(func() {
		orders.Close()
		child.Wait()
	})
	c := &caller{gob.NewEncoder(orders), gob.NewDecoder(read)}
	key, err := x509.MarshalPKCS8PrivateKey(f.key)
	must(b, err)
	proof, err := x509.MarshalPKCS8PrivateKey(f.proof)
	must(b, err)
	c.do(b, order{Address: f.address, What: f.what, Token: f.token, Key: key, Proof: proof})
	return c
}

func (c *caller) prepare(b *testing.B, n int) { c.do(b, order{Make: n}) }
func (c *caller) send(b *testing.B)           { c.do(b, order{}) }

func (c *caller) do(b *testing.B, o order) {
	b.Helper()
	must(b, c.orders.Encode(o))
	var answer string
	must(b, c.answers.Decode(&answer))
	if answer != "done" {
		b.Fatalf("the caller says %s", answer)
	}
}

// call is the child process. It ends when nobody gives orders any more.
func call(b *testing.B) {
	orders, answers := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.NewFile(answerFile, "answers"))
	var first order
	must(b, orders.Decode(&first))
	w := newWire(b, first)
	must(b, answers.Encode("done"))
	for {
		var next order
		if err := orders.Decode(&next); err == io.EOF {
			return
		} else {
			must(b, err)
		}
		answer := "done"
		if next.Make > 0 {
			w.make(b, next.Make)
		} else if err := w.send(); err != nil {
			answer = err.Error()
		}
		must(b, answers.Encode(answer))
	}
}

// A wire sends requests that were made before.
type wire struct {
	what, token string
	key         *ecdsa.PrivateKey
	proofs      *dpop.Key
	connections []net.Conn
	readers     []*bufio.Reader
	requests    [][]byte // as they go over the wire
}

func newWire(b *testing.B, o order) *wire {
	key, err := x509.ParsePKCS8PrivateKey(o.Key)
	must(b, err)
	proof, err := x509.ParsePKCS8PrivateKey(o.Proof)
	must(b, err)
	w := &wire{what: o.What, token: o.Token, key: key.(*ecdsa.PrivateKey)}
	w.proofs, err = dpop.NewKey(proof.(*ecdsa.PrivateKey), dpop.ES256)
	must(b, err)
	for range callers {
		c, err := net.Dial("tcp", o.Address)
		must(b, err)
		b.Cleanup(func() { c.Close() })
		w.connections, w.readers = append(w.connections, c), append(w.readers, bufio.NewReader(c))
	}
	return w
}

func (w *wire) make(b *testing.B, n int) {
	w.requests = make([][]byte, n)
	for i := range w.requests {
		switch w.what {
		case "introspect":
			w.requests[i] = post("/introspect", "", assertionForm(b, w.key, "bench-api")+"&token="+w.token)
		case "userinfo":
			w.requests[i] = []byte("GET /userinfo HTTP/1.1\r\nHost: as.example.com\r\nAuthorization: DPoP " + w.token + "\r\nDPoP: " + w.proof(b, "GET", "/userinfo") + "\r\n\r\n")
		default:
			w.requests[i] = post("/token", w.proof(b, "POST", "/token"), "grant_type=client_credentials&"+assertionForm(b, w.key, "bench"))
		}
	}
}

func (w *wire) proof(b *testing.B, method, path string) string {
	proof, err := w.proofs.Proof(dpop.Target{Method: method, URL: "https://as.example.com" + path, AccessToken: w.token})
	must(b, err)
	return proof
}

// assertionForm authenticates a client.
func assertionForm(b *testing.B, key *ecdsa.PrivateKey, clientID string) string {
	assertion := sign(b, key, "ES256", text{
		`{"alg":"ES256","typ":"client-authentication+jwt","kid":"k0"}`,
		`{"iss":"` + clientID + `","sub":"` + clientID + `","aud":"https://as.example.com","exp":` + strconv.FormatInt(time.Now().Unix()+200, 10) +
			`,"jti":"assertion-` + strconv.FormatInt(serial.Add(1), 10) + `"}`,
	})
	return "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" + assertion
}

// post is a request as it goes over the wire.
func post(path, proof, form string) []byte {
	if proof != "" {
		proof = "DPoP: " + proof + "\r\n"
	}
	return []byte("POST " + path + " HTTP/1.1\r\nHost: as.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n" + proof +
		"Content-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form)
}

// send shares the requests among the connections.
func (w *wire) send() error {
	faults := make([]error, callers)
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			for n := c; n < len(w.requests) && faults[c] == nil; n += callers {
				faults[c] = roundTrip(w.connections[c], w.readers[c], w.requests[n])
			}
		})
	}
	group.Wait()
	return errors.Join(faults...)
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

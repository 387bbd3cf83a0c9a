package verifier_test

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// A verdict is what became of one request.
type verdict struct {
	accepted bool
	status   int    // 0 in the core, which knows no HTTP
	error    string // the code told to the caller, "" when none is
	check    string
}

// A front is a way to ask a verifier.
type front func(s *stage, number int, p presentation) verdict

// core asks Verify itself.
func core(s *stage, number int, p presentation) verdict {
	r := verifier.Request{Method: p.method, Target: p.target}
	for _, line := range p.lines {
		switch strings.ToLower(line[0]) {
		case "authorization":
			r.Authorization = append(r.Authorization, line[1])
		case "dpop":
			r.Proofs = append(r.Proofs, line[1])
		}
	}
	if p.certificate != "" {
		r.Certificate = certificates()[p.certificate].Leaf
	}
	access, err := s.verifiers[number].Verify(s.t.Context(), r)
	if (access == nil) != (err != nil) {
		s.t.Errorf("access %v together with error %v", access, err) // CVE-2024-51744: never both, never neither
	}
	if err == nil {
		return verdict{accepted: true}
	}
	refusal, ok := errors.AsType[*tenon.Error](err)
	if !ok {
		s.t.Fatalf("not a refusal: %v", err)
	}
	if errors.Is(err, verifier.ErrNoCredentials) {
		return verdict{check: refusal.Reason}
	}
	return verdict{error: string(refusal.Code), check: refusal.Reason}
}

// overTLS starts the middleware on a loopback address and gives a front that sends raw bytes to it.
func overTLS(t *testing.T) front {
	t.Helper()
	var current atomic.Pointer[verifier.Verifier] // stages are played one after another
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		current.Load().Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := verifier.FromContext(r.Context()); !ok {
				t.Error("the handler was reached without an Access")
			}
			w.Header().Set("Reached", "yes")
		})).ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = nil
	server.TLS = mtls.ServerConfig(mtls.ServerOptions{ClientCertificates: true})
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return func(s *stage, number int, p presentation) verdict {
		current.Store(s.verifiers[number])
		config := &tls.Config{RootCAs: pool, ServerName: p.sni, MinVersion: tls.VersionTLS12}
		if p.certificate != "" {
			c := certificates()[p.certificate]
			config.Certificates = []tls.Certificate{{Certificate: [][]byte{c.Leaf.Raw}, PrivateKey: c.key}}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &config.Certificates[0], nil }
		}
		response, body, err := p.send(server.Listener.Addr().String(), config)
		if err != nil {
			t.Errorf("send: %v", err)
			return verdict{}
		}
		checkAnswer(t, s, p, answer{response, body})
		return readVerdict(s, response, body)
	}
}

// send writes the request as bytes, without a library that would put them right.
func (p presentation) send(address string, config *tls.Config) (*http.Response, string, error) {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", p.method, p.target, p.host)
	measured := false
	for _, line := range p.lines {
		fmt.Fprintf(&text, "%s: %s\r\n", line[0], line[1])
		measured = measured || line[0] == "Content-Length"
	}
	if !measured {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(p.body))
	}
	text.WriteString("Connection: close\r\n\r\n" + p.body)
	if _, err := io.WriteString(conn, text.String()); err != nil {
		return nil, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: cmp.Or(p.method, "GET")})
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

// readVerdict reads the verdict from what came back.
func readVerdict(s *stage, response *http.Response, body string) verdict {
	if response.Header.Get("Reached") == "yes" {
		return verdict{accepted: true, status: response.StatusCode}
	}
	v := verdict{status: response.StatusCode, check: s.lastEvent().Reason}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &said) == nil {
		v.error = said.Error
	}
	return v
}

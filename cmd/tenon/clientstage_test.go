package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/dpop"
)

// clientStage is an issuer and an API on one loopback server, with what a client needs to meet them in a directory.
type clientStage struct {
	t      *testing.T
	dir    string
	server *httptest.Server
	clock  time.Duration // how far the API's clock is ahead

	// refuseToken and refuseCall write another answer than the good one, and say that they did.
	refuseToken func(w http.ResponseWriter) bool
	refuseCall  func(w http.ResponseWriter) bool

	mu    sync.Mutex
	forms []map[string][]string
	calls []stageCall
}

// stageCall is a call that passed the proof check.
type stageCall struct {
	method, path, body string
	header             http.Header
}

func newClientStage(t *testing.T) *clientStage {
	t.Helper()
	s := &clientStage{t: t, dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": s.server.URL, "token_endpoint": s.server.URL + "/token"})
	})
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("/api/", s.api)
	s.server = httptest.NewUnstartedServer(mux)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	s.save("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw}))
	for _, name := range []string{"dpop.pem", "assertion.pem"} {
		if _, err := dpop.LoadOrCreateKey(s.path(name), dpop.ES256); err != nil {
			t.Fatal(err)
		}
	}
	s.save("client.yaml", fmt.Appendf(nil,
		"issuer: %s\nclient_id: tpp-4711\ndpop_key: dpop.pem\nassertion_key: assertion.pem\nca: ca.pem\nscope: accounts\n", s.server.URL))
	t.Setenv("TENON_CLIENT", s.path("client.yaml"))
	t.Setenv("LANG", "C.UTF-8")
	t.Setenv("LC_ALL", "")
	return s
}

func (s *clientStage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *clientStage) save(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *clientStage) key() *dpop.Key {
	s.t.Helper()
	key, err := dpop.LoadKey(s.path("dpop.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

func (s *clientStage) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	s.mu.Lock()
	s.forms = append(s.forms, r.PostForm)
	s.mu.Unlock()
	if s.refuseToken != nil && s.refuseToken(w) {
		return
	}
	answerJSON(w, 200, `{"access_token":"the.token","token_type":"DPoP","expires_in":300,"scope":"accounts"}`)
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// api demands token and proof as a verifier does.
func (s *clientStage) api(w http.ResponseWriter, r *http.Request) {
	now := func() time.Time { return time.Now().Add(s.clock) }
	w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
	if s.refuseCall != nil && s.refuseCall(w) {
		return
	}
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Now: now})
	if err != nil {
		s.t.Error(err)
	}
	_, err = checker.Check(dpop.Request{
		Method: r.Method, URL: s.server.URL + r.URL.Path, Proofs: r.Header.Values("DPoP"),
		AccessToken: strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP "), Thumbprint: s.key().Thumbprint(),
	})
	if err != nil {
		challenge(w, 401, "invalid_dpop_proof", strings.TrimPrefix(err.Error(), "invalid_dpop_proof: "))
		return
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.calls = append(s.calls, stageCall{r.Method, r.URL.Path, string(body), r.Header})
	s.mu.Unlock()
	answerJSON(w, http.StatusCreated, `{"done":true}`)
}

func challenge(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`DPoP error=%q, error_description=%q, algs="ES256"`, code, description))
	w.WriteHeader(status)
}

// outcome is what a command line came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// run carries out a command line of the client in this process.
func (s *clientStage) run(stdin string, args ...string) outcome {
	s.t.Helper()
	root := &cobra.Command{Use: "tenon", SilenceErrors: true, SilenceUsage: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.AddCommand(newTokenCommand(), newCurlCommand(), newProofCommand())
	var stdout, stderr bytes.Buffer
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	code := report(&stderr, root.ExecuteContext(s.t.Context()))
	return outcome{code, stdout.String(), stderr.String()}
}

// wants fails the test unless the exit code is that and standard error says each of the words.
func (o outcome) wants(t *testing.T, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	for _, w := range words {
		if !strings.Contains(o.stderr, w) {
			t.Errorf("standard error does not say %q", w)
		}
	}
	if t.Failed() {
		t.Logf("standard output:\n%s\nstandard error:\n%s", o.stdout, o.stderr)
	}
}

package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
)

const api = "https://api.example.com"

// A house is a directory with a configuration, a CA and a server that may run on it.
type house struct {
	t    *testing.T
	dir  string
	ca   *certs.CA
	log  *logBook
	keys clientKeys

	server *server.Server
	stop   context.CancelFunc
	ended  chan error
}

// clientKeys are those of the client that the house knows.
type clientKeys struct{ proof, assertion *dpop.Key }

// logBook keeps the log and wakes whoever waits for a line.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and replaced at every line
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns when the log holds the text, and fails when that takes too long.
func (l *logBook) wait(t *testing.T, text string) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		found, more := strings.Contains(l.text.String(), text), l.more
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-patience:
			t.Fatalf("%q is not logged: %s", text, l.String())
		}
	}
}

const houseConfig = `issuer: https://127.0.0.1:0
listen: 127.0.0.1:0
tls: {certificate: certs/server.pem, key: certs/server-key.pem}
mtls: {listen: 127.0.0.1:0, client_ca: [certs/ca.pem]}
operations: {listen: 127.0.0.1:0}
`

// build makes a house with a configuration; extra is put behind what every house has.
func build(t *testing.T, extra string) *house {
	t.Helper()
	dir, err := os.MkdirTemp("", "h") // t.TempDir has names too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &house{t: t, dir: dir, log: &logBook{more: make(chan struct{})}}
	if h.ca, err = certs.NewCA(certs.CAConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := h.ca.Save(filepath.Join(dir, "certs")); err != nil {
		t.Fatal(err)
	}
	h.newCertificate()
	h.configure(extra)
	for _, key := range []**dpop.Key{&h.keys.proof, &h.keys.assertion} {
		if *key, err = dpop.GenerateKey(dpop.ES256); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) newCertificate() {
	h.t.Helper()
	leaf, err := h.ca.Server([]string{"127.0.0.1", "localhost"}, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := leaf.Save(filepath.Join(h.dir, "certs/server.pem"), filepath.Join(h.dir, "certs/server-key.pem")); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) path() string { return filepath.Join(h.dir, "tenon.yaml") }

func (h *house) configure(extra string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(), []byte(houseConfig+extra), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// start opens the server; run also serves.
func (h *house) start(watch time.Duration) error {
	h.t.Helper()
	cfg, err := config.Load(h.path())
	if err != nil {
		return err
	}
	h.server, err = server.Start(h.t.Context(), cfg, server.Options{
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: "v0", Watch: watch,
	})
	return err
}

// run starts the server and serves until the test ends or leave is called.
func (h *house) run(watch time.Duration) *house {
	h.t.Helper()
	if err := h.start(watch); err != nil {
		h.t.Fatal(err)
	}
	return h.serve()
}

// serve runs a server that has been started.
func (h *house) serve() *house {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	h.stop, h.ended = stop, make(chan error, 1)
	go func() { h.ended <- h.server.Run(ctx) }()
	h.t.Cleanup(func() {
		stop()
		h.leave()
	})
	return h
}

// leave waits until the server has ended.
func (h *house) leave() error {
	h.t.Helper()
	if h.ended == nil {
		return nil
	}
	h.stop()
	select {
	case err := <-h.ended:
		h.ended = nil
		return err
	case <-time.After(30 * time.Second):
		h.t.Fatal("the server does not end")
		return nil
	}
}

// running is a house whose server runs, and where the client app is registered.
func running(t *testing.T, extra string) *house {
	t.Helper()
	h := build(t, extra).run(time.Hour)
	if _, err := h.office().AddClient(t.Context(), h.registration("app")); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) office() *admin.Client {
	h.t.Helper()
	c, err := admin.Dial(h.t.Context(), filepath.Join(h.dir, "data"))
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) registration(id string) issuer.Client {
	return issuer.Client{
		ID: id, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
		JWKS:  jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: h.keys.assertion.Signer().Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}},
		Scope: tenon.Scope{"payments"}, Resources: []string{api}, DPoPBound: true,
	}
}

// client is the client app, as its owner would have it.
func (h *house) client() *client.Client {
	h.t.Helper()
	c, err := client.New(client.Config{
		Issuer: h.server.Status().Issuer, ClientID: "app", Key: h.keys.proof, RootCAs: h.ca.Pool(),
		Assertion: &client.AssertionKey{Signer: h.keys.assertion.Signer(), Algorithm: dpop.ES256, KeyID: "k"},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// token gets a token and reads it.
func (h *house) token() (string, tenon.Claims, error) {
	h.t.Helper()
	got, err := h.client().Token(h.t.Context())
	if err != nil {
		return "", tenon.Claims{}, err
	}
	return got.AccessToken, claimsOf(h.t, got.AccessToken), nil
}

func claimsOf(t *testing.T, token string) tenon.Claims {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims tenon.Claims
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// http is a client that trusts the house and asks nothing of it twice on one connection.
func (h *house) http(certificates ...tls.Certificate) *http.Client {
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: h.ca.Pool(), Certificates: certificates},
	}
	return &http.Client{Transport: transport}
}

// get asks the main listener and gives status and body.
func (h *house) get(path string) (int, string) {
	h.t.Helper()
	return fetch(h.t, h.http(), h.server.Status().Issuer+path)
}

// ops asks the operators' listener.
func (h *house) ops(path string) (int, string) {
	h.t.Helper()
	return fetch(h.t, h.http(), "http://"+h.server.Status().Listen.Operations+path)
}

func fetch(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// assertion signs a client assertion by hand, so that a test knows what was sent.
func (h *house) assertion() string {
	h.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: h.keys.assertion.Signer()},
		(&jose.SignerOptions{}).WithHeader("kid", "k").WithType("client-authentication+jwt"))
	if err != nil {
		h.t.Fatal(err)
	}
	now := time.Now()
	signed, err := signer.Sign(fmt.Appendf(nil, `{"iss":"app","sub":"app","aud":%q,"jti":%q,"iat":%d,"exp":%d}`,
		h.server.Status().Issuer, fmt.Sprint("jti-", now.UnixNano()), now.Unix(), now.Add(time.Minute).Unix()))
	if err != nil {
		h.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// post sends a token request by hand.
func (h *house) post(assertion, proof string) (*http.Response, string) {
	h.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.server.Status().Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", proof)
	answer, err := h.http().Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer, string(body)
}

// proof makes a proof for the token endpoint.
func (h *house) proof(nonce string) string {
	h.t.Helper()
	proof, err := h.keys.proof.Proof(dpop.Target{Method: http.MethodPost, URL: h.server.Status().Issuer + "/token", Nonce: nonce})
	if err != nil {
		h.t.Fatal(err)
	}
	return proof
}

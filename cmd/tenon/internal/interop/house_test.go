package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// patience bounds every wait. Nothing takes this long unless it is broken.
const patience = 30 * time.Second

// The person of the house.
const (
	username = "alice"
	password = "seven lamps over Kiel"
)

// A house is a running server as an operator has it, with an API behind the verifier. What scripts need to know of it is in
// the file Stage.
type house struct {
	t      *testing.T
	dir    string
	Issuer string                 `json:"issuer"`
	API    string                 `json:"api"`
	CA     string                 `json:"ca"` // PEM file
	User   map[string]string      `json:"user"`
	Shots  string                 `json:"shots"` // directory for screenshots
	Client map[string]clientFiles `json:"clients"`
}

// clientFiles is what a script needs to be a client.
type clientFiles struct {
	ID          string          `json:"client_id"`
	RedirectURI string          `json:"redirect_uri,omitempty"`
	Key         json.RawMessage `json:"key,omitempty"`  // private JWK, for assertions
	Cert        string          `json:"cert,omitempty"` // PEM files
	CertKey     string          `json:"cert_key,omitempty"`
}

// newHouse sets everything up and serves until the test ends. more is added to the configuration.
func newHouse(t *testing.T, more string) *house {
	t.Helper()
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "house"), Client: map[string]clientFiles{}}
	h.run("init", h.dir, "--issuer", "https://localhost:0")
	h.append("tenon.yaml", more)
	h.CA = filepath.Join(h.dir, "certs", "ca.pem")
	h.User = map[string]string{"username": username, "password": password}
	h.serve()
	h.api()
	h.inhabit()
	return h
}

func (h *house) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

func (h *house) append(name, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(name), os.O_APPEND|os.O_WRONLY, 0o600)
	must(h.t, err)
	_, err = io.WriteString(f, text)
	must(h.t, err)
	must(h.t, f.Close())
}

// run carries out one command line.
func (h *house) run(args ...string) string {
	h.t.Helper()
	out, err := exec.CommandContext(h.t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("tenon %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve starts the server and waits until it answers. It ends with the test.
func (h *house) serve() {
	h.t.Helper()
	lines := &strings.Builder{} // written by one goroutine, which Wait waits for
	server := exec.Command(binary, "serve", "--config", h.path("tenon.yaml"))
	server.Stderr, server.Stdout = lines, lines
	must(h.t, server.Start())
	h.t.Cleanup(func() {
		must(h.t, server.Process.Signal(syscall.SIGTERM))
		if err := server.Wait(); err != nil {
			h.t.Errorf("tenon serve: %v", err)
		}
		if h.t.Failed() {
			h.t.Logf("the server said:\n%s", lines)
		}
	})
	status, err := h.status()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); status, err = h.status() {
		time.Sleep(10 * time.Millisecond) // a process of its own tells nobody that it is ready
	}
	must(h.t, err)
	h.Issuer = status.Issuer
}

func (h *house) desk() (*admin.Client, error) { return admin.Dial(h.t.Context(), h.path("data")) }

func (h *house) status() (admin.Status, error) {
	desk, err := h.desk()
	if err != nil {
		return admin.Status{}, err
	}
	return desk.Status(h.t.Context())
}

// inhabit adds the person and the clients.
func (h *house) inhabit() {
	h.t.Helper()
	desk, err := h.desk()
	must(h.t, err)
	_, err = desk.AddPerson(h.t.Context(), people.Person{
		Username: username,
		Profile:  people.Profile{Name: "Alice Adler", GivenName: "Alice", FamilyName: "Adler", Email: "alice@example.com", EmailVerified: true},
	}, password)
	must(h.t, err)
	person := issuer.Client{
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"},
		Scope:      tenon.Scope{"openid", "profile", "email", "payments"},
		Resources:  []string{h.API},
		CodeFlow:   issuer.CodeFlow{DetailTypes: []string{"payment_initiation"}},
	}
	h.addKeyClient(desk, "dpop-client", func(c *issuer.Client) {
		base := person
		c.GrantTypes, c.Scope, c.Resources, c.CodeFlow, c.DPoPBound = base.GrantTypes, base.Scope, base.Resources, base.CodeFlow, true
		c.Name = "Shop of the DPoP key"
	})
	h.addCertificateClient(desk, "mtls-client", person)
	h.addKeyClient(desk, "resource-server", func(c *issuer.Client) { c.Serves = []string{h.API} })
}

const redirectURI = "https://localhost:1/callback" // nobody is there: scripts read the address and do not go

func (h *house) addKeyClient(desk *admin.Client, id string, describe func(*issuer.Client)) {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.t, err)
	public := jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: "ES256", Use: "sig"}
	c := issuer.Client{
		ID: id, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}},
		GrantTypes: []string{"client_credentials"}, Resources: []string{h.API},
	}
	describe(&c)
	files := clientFiles{ID: id}
	if len(c.DetailTypes) > 0 {
		c.RedirectURIs, files.RedirectURI = []string{redirectURI}, redirectURI
	}
	_, err = desk.AddClient(h.t.Context(), c)
	must(h.t, err)
	files.Key, err = json.Marshal(jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "ES256"})
	must(h.t, err)
	h.Client[id] = files
}

func (h *house) addCertificateClient(desk *admin.Client, id string, c issuer.Client) {
	h.t.Helper()
	ca, err := certs.LoadCA(h.path("certs"))
	must(h.t, err)
	leaf, err := ca.Client(certs.ClientSubject{CommonName: id}, 0)
	must(h.t, err)
	files := clientFiles{ID: id, RedirectURI: redirectURI, Cert: h.path(id + ".pem"), CertKey: h.path(id + "-key.pem")}
	must(h.t, leaf.Save(files.Cert, files.CertKey))
	c.ID, c.AuthMethod, c.CertificateBound = id, issuer.TLSClientAuth, true
	c.Subject = mtls.Subject{DN: "CN=" + id}
	c.RedirectURIs = []string{redirectURI}
	c.Name = "Bank of the certificate"
	_, err = desk.AddClient(h.t.Context(), c)
	must(h.t, err)
	h.Client[id] = files
}

// api serves an API behind the verifier, which demands nonces, until the test ends.
func (h *house) api() {
	h.t.Helper()
	pool, err := certs.LoadPool(h.CA)
	must(h.t, err)
	leaf, err := certs.LoadLeaf(h.path("certs", "server.pem"), h.path("certs", "server-key.pem"))
	must(h.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(h.t, err)
	h.API = "https://localhost:" + port
	outbound := &http.Client{Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(pool, nil)}, Timeout: patience}
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: h.Issuer, HTTP: outbound})
	must(h.t, err)
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: h.Issuer, Keys: keys, HTTP: outbound, MaxAge: 2 * time.Second})
	must(h.t, err)
	secret := make([]byte, 32)
	rand.Read(secret)
	nonces, err := dpop.NewNonces(dpop.NonceConfig{Keys: func() [][]byte { return [][]byte{secret} }, Realm: h.API})
	must(h.t, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: nonces})
	must(h.t, err)
	replays, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1000})
	must(h.t, err)
	v, err := verifier.New(verifier.Config{
		Issuer: h.Issuer, Audience: h.API, Origin: h.API, Keys: keys, Revocation: lists,
		DPoP: checker, Replays: replays, Certificates: mtls.TLS{},
	})
	must(h.t, err)
	pair := leaf.TLS()
	server := httptest.NewUnstartedServer(v.Middleware(verifier.Require("payments")(http.HandlerFunc(tellCaller))))
	server.Listener.Close()
	server.Listener = listener
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = mtls.ServerConfig(mtls.ServerOptions{
		ClientCertificates: true, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	server.StartTLS()
	h.t.Cleanup(server.Close)
}

func tellCaller(w http.ResponseWriter, r *http.Request) {
	access, _ := verifier.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"sub": access.Claims.Subject, "client_id": access.Claims.ClientID})
}

// script runs one of the scripts against the house.
func (h *house) script(name string) {
	h.t.Helper()
	h.Shots = h.shots()
	h.play(name, h)
}

// shots is where pictures go.
func (h *house) shots() string {
	if dir := os.Getenv("TENON_SHOTS"); dir != "" {
		return dir
	}
	return h.t.TempDir()
}

// play runs a script that is told of a stage. Everything it prints is shown when it fails.
func (h *house) play(name string, stage any) {
	h.t.Helper()
	text, err := json.Marshal(stage)
	must(h.t, err)
	file := h.path("stage.json")
	must(h.t, os.WriteFile(file, text, 0o600))
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", name)
	node.Dir = filepath.Join("testdata", "peers")
	node.Env = append(os.Environ(), "TENON_STAGE="+file, "NODE_EXTRA_CA_CERTS="+h.CA)
	out, err := node.CombinedOutput()
	if err != nil {
		h.t.Errorf("%s: %v\n%s", name, err, out)
		return
	}
	h.t.Logf("%s", out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

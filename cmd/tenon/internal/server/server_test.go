package server_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store/bolt"
)

func TestTokenForAKey(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	_, claims, err := h.token()
	if err != nil {
		t.Fatal(err)
	}
	if claims.Confirmation.JKT != h.keys.proof.Thumbprint() || claims.Issuer != h.server.Status().Issuer || strings.HasSuffix(claims.Issuer, ":0") {
		t.Errorf("the token says %+v", claims)
	}
	if lifetime := claims.Expires.Sub(claims.IssuedAt); lifetime != 5*time.Minute {
		t.Errorf("it lives for %v, the default is 5m", lifetime)
	}
}

func TestTokenForACertificate(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	leaf, err := h.ca.Client(certs.ClientSubject{CommonName: "bank"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	registered := h.registration("bank")
	registered.AuthMethod, registered.Algorithm, registered.JWKS.Keys, registered.DPoPBound = issuer.TLSClientAuth, "", nil, false
	registered.Subject, registered.CertificateBound = mtls.Subject{DN: "CN=bank"}, true
	if _, err := h.office().AddClient(t.Context(), registered); err != nil {
		t.Fatal(err)
	}
	pair := leaf.TLS()
	c, err := client.New(client.Config{
		Issuer: h.server.Status().Issuer, ClientID: "bank", RootCAs: h.ca.Pool(),
		Certificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if claims := claimsOf(t, token.AccessToken); claims.Confirmation.X5T != mtls.Thumbprint(leaf.Certificate) {
		t.Errorf("bound to %+v", claims.Confirmation)
	}
}

// The main listener must never ask for a certificate: browsers would show their owners a choice of them (RFC 8705 §5).
func TestOnlyTheSecondListenerAsksForCertificates(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	for address, want := range map[string]bool{h.server.Status().Listen.Main: false, h.server.Status().Listen.MTLS: true} {
		asked := false
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: h.ca.Pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if asked != want {
			t.Errorf("%s asked for a certificate: %v, want %v", address, asked, want)
		}
	}
}

func TestMetadataNamesTheChosenPorts(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	_, text := h.get("/.well-known/oauth-authorization-server")
	var doc struct {
		Issuer  string            `json:"issuer"`
		Aliases map[string]string `json:"mtls_endpoint_aliases"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	status := h.server.Status()
	if doc.Issuer != "https://"+status.Listen.Main || doc.Aliases["token_endpoint"] != "https://"+status.Listen.MTLS+"/token" {
		t.Errorf("%+v, listening on %+v", doc, status.Listen)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	token, _, err := h.token()
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.office().Revoke(t.Context(), issuer.Revocation{Token: token})
	if err != nil || done.Count != 1 || done.ByWhen != 10*time.Second {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestOneLineForEachRequest covers what endpoints answer and what no endpoint does, and holds that no line has anything in
// it that could be used.
func TestOneLineForEachRequest(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	assertion, proof := h.assertion(), h.proof("")
	answer, _ := h.post(assertion, proof)
	nonce := answer.Header.Get("DPoP-Nonce")
	if answer.StatusCode != http.StatusBadRequest || nonce == "" {
		t.Fatalf("the first answer is %d with nonce %q", answer.StatusCode, nonce)
	}
	second := h.proof(nonce)
	answer, body := h.post(assertion, second) // RFC 9449 §8: the challenge has not spent the assertion
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, body)
	}
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &issued); err != nil {
		t.Fatal(err)
	}
	h.post(assertion, second) // a replay
	for _, path := range []string{"/jwks", "/status/0", "/.well-known/openid-configuration", "/nowhere", "/status/x", "/status/999"} {
		h.get(path)
	}
	preflight, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, h.server.Status().Issuer+"/token", nil)
	if err != nil {
		t.Fatal(err)
	}
	preflight.Header.Set("Access-Control-Request-Method", "POST")
	if _, err := h.http().Do(preflight); err != nil {
		t.Fatal(err)
	}
	if err := h.leave(); err != nil {
		t.Fatal(err)
	}
	log := h.log.String()
	if got := strings.Count(log, "msg=request "); got != 10 {
		t.Errorf("%d lines for 10 requests:\n%s", got, log)
	}
	for what, secret := range map[string]string{"token": issued.AccessToken, "assertion": assertion, "proof": second, "nonce": nonce} {
		if strings.Contains(log, secret) || strings.Contains(log, secret[len(secret)/2:]) {
			t.Errorf("the %s is in the log", what)
		}
	}
}

func TestMetricsOfARefusal(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	if answer, _ := h.post(h.assertion(), "not a proof"); answer.StatusCode != http.StatusBadRequest {
		t.Fatalf("%d", answer.StatusCode)
	}
	if _, _, err := h.token(); err != nil {
		t.Fatal(err)
	}
	_, text := h.ops("/metrics")
	for _, line := range []string{
		`tenon_refusals_total{code="invalid_dpop_proof",endpoint="token",reason="`, `tenon_tokens_issued_total{grant_type="client_credentials"} 1`,
		`tenon_ready 1`, `tenon_store_size_bytes `, `state="active"`, `tenon_proof_offset_seconds_count`, `tenon_build_info{goversion=`,
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing %s", line)
		}
	}
}

func TestOneServerAtATime(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	other := *h
	err := other.start(time.Hour)
	var locked *bolt.Locked
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "process") {
		t.Errorf("a second server on the same data: %v", err)
	}
	if _, err := h.office().Status(t.Context()); err != nil { // the second must not have taken the socket
		t.Errorf("after that the first does not answer commands: %v", err)
	}
}

func TestCommandsWithoutAServer(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	if err := h.leave(); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Dial(t.Context(), filepath.Join(h.dir, "data")); !errors.Is(err, admin.ErrNoServer) {
		t.Fatalf("%v", err)
	}
	if err := h.start(time.Hour); err != nil {
		t.Fatalf("the data is not free: %v", err)
	}
	if err := h.server.Close(); err != nil {
		t.Error(err)
	}
}

func TestStartLeavesNothingOpenWhenItFails(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *house){
		"the certificate is missing": func(h *house) { os.Remove(filepath.Join(h.dir, "certs/server.pem")) },
		"the authorities are":        func(h *house) { os.WriteFile(filepath.Join(h.dir, "certs/ca.pem"), []byte("no"), 0o600) },
		"an address is taken": func(h *house) {
			other := build(h.t, "").run(time.Hour)
			h.configure("")
			text, _ := os.ReadFile(h.path())
			os.WriteFile(h.path(), bytes.Replace(text, []byte("operations: {listen: 127.0.0.1:0}"), []byte("operations: {listen: "+other.server.Status().Listen.Main+"}"), 1), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, "")
			spoil(h)
			if err := h.start(time.Hour); err == nil {
				t.Fatal("started")
			}
			s, err := bolt.Open(bolt.Config{Path: filepath.Join(h.dir, "data", "tenon.db")})
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("the store is still open: %v", err)
			}
			if s != nil {
				s.Close()
			}
		})
	}
}

func TestDataMustBePrivate(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	if err := os.Mkdir(filepath.Join(h.dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.start(time.Hour); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("%v", err)
	}
}

func TestBrokenStoreFailsClosed(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	if err := h.server.BreakStore(); err != nil {
		t.Fatal(err)
	}
	answer, _ := h.post(h.assertion(), h.proof(""))
	nonce := answer.Header.Get("DPoP-Nonce")
	if answer, body := h.post(h.assertion(), h.proof(nonce)); answer.StatusCode < 500 || strings.Contains(body, "access_token") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if status, text := h.ops("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "store") {
		t.Errorf("readyz: %d %s", status, text)
	}
	if status, _ := h.ops("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	if _, text := h.ops("/metrics"); !strings.Contains(text, `tenon_failures_total{part="token"}`) {
		t.Error("the failure is not counted")
	}
	if !strings.Contains(h.log.String(), "level=ERROR") {
		t.Error("the failure is not logged")
	}
}

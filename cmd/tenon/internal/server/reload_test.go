package server_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/mtls"
)

// lifetime gets a token and tells how long it lives.
func (h *house) lifetime() time.Duration {
	h.t.Helper()
	_, claims, err := h.token()
	if err != nil {
		h.t.Fatal(err)
	}
	return claims.Expires.Sub(claims.IssuedAt)
}

func TestReloadTakesOverWhatMayChange(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	h.configure("access_token_lifetime: 2m\n")
	h.server.Reload(t.Context())
	if got := h.lifetime(); got != 2*time.Minute {
		t.Errorf("tokens live for %v", got)
	}
	if _, text := h.ops("/metrics"); !strings.Contains(text, `tenon_reloads_total{outcome="taken_over",what="configuration"} 1`) {
		t.Error("not counted")
	}
}

func TestReloadRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ extra, says string }{
		"a fault":                      {"access_token_lifetime: 2m\nacess: 1\n", "unknown setting"},
		"a setting that needs a start": {"access_token_lifetime: 2m\nlog: {format: json}\n", "log.format"},
		"a file that is missing":       {"access_token_lifetime: 2m\nclients: [{id: a, jwks_file: gone.json, resources: [https://a.example]}]\n", "gone.json"},
	} {
		t.Run(name, func(t *testing.T) {
			h := running(t, "")
			h.configure(c.extra)
			h.server.Reload(t.Context())
			if got := h.lifetime(); got != 5*time.Minute {
				t.Errorf("tokens live for %v: half of it was taken over", got)
			}
			if log := h.log.String(); !strings.Contains(log, "what was in use stays") || !strings.Contains(log, c.says) {
				t.Errorf("logged %s", log)
			}
			if _, text := h.ops("/metrics"); !strings.Contains(text, `tenon_reloads_total{outcome="refused",what="configuration"} 1`) {
				t.Error("not counted")
			}
			if status, _ := h.ops("/readyz"); status != 200 {
				t.Errorf("the server is not ready any more: %d", status)
			}
			h.configure("")
			h.server.Reload(t.Context())
			if !strings.Contains(h.log.String(), "msg=\"taken over\" what=configuration") {
				t.Error("mended, and not taken over")
			}
		})
	}
}

func TestReloadReadsTheCertificateToo(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	before := mtls.Thumbprint(h.served())
	h.newCertificate()
	h.server.Reload(t.Context())
	if mtls.Thumbprint(h.served()) == before {
		t.Error("the old certificate is served")
	}
}

// TestChangedFilesAreFound waits for what the server logs, not for time to pass.
func TestChangedFilesAreFound(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	if err := h.start(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	h.configure("access_token_lifetime: 2m\n") // after it was read, before anybody looks
	h.serve()
	h.log.wait(t, `msg="taken over" what=configuration`)
	before := mtls.Thumbprint(h.served())
	h.newCertificate()
	h.log.wait(t, `msg="taken over" what=certificate`)
	if mtls.Thumbprint(h.served()) == before {
		t.Error("the old certificate is served")
	}
	h.configure("access_token_lifetime: never\n")
	h.log.wait(t, "what was in use stays")
}

// served is the certificate of the main listener.
func (h *house) served() *x509.Certificate {
	h.t.Helper()
	conn, err := tls.Dial("tcp", h.server.Status().Listen.Main, &tls.Config{RootCAs: h.ca.Pool()})
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func (h *house) declare(id string) string {
	h.t.Helper()
	keys, err := json.Marshal(h.registration(id).JWKS)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, id+".json"), keys, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return "clients:\n  - {id: " + id + ", jwks_file: " + id + ".json, scope: payments, resources: [\"" + api + "\"], dpop_bound_access_tokens: true}\n"
}

func TestDeclaredClients(t *testing.T) {
	t.Parallel()
	h := build(t, "")
	h.configure(h.declare("app"))
	h.run(time.Hour)
	if got := h.lifetime(); got != 5*time.Minute {
		t.Errorf("a declared client's tokens live for %v", got)
	}
	if err := h.office().RemoveClient(t.Context(), "app"); !errors.Is(err, admin.ErrDeclared) {
		t.Errorf("a command removes it: %v", err)
	}
	h.configure("")
	h.server.Reload(t.Context())
	if _, _, err := h.token(); !errors.Is(err, tenon.InvalidClient) {
		t.Errorf("after it has left the file: %v", err)
	}
	if _, err := h.office().AddClient(t.Context(), h.registration("app")); err != nil {
		t.Errorf("now a command may add it: %v", err)
	}
	h.configure(h.declare("app"))
	h.server.Reload(t.Context())
	if !strings.Contains(h.log.String(), "was added by command before") {
		t.Errorf("the file takes over the client of a command: %s", h.log.String())
	}
}

func TestReloadSetsTheLogLevel(t *testing.T) {
	t.Parallel()
	h := build(t, "log: {level: error}\n")
	cfg, err := config.Load(h.path())
	if err != nil {
		t.Fatal(err)
	}
	level := new(slog.LevelVar)
	s, err := server.Start(t.Context(), cfg, server.Options{Log: slog.New(slog.DiscardHandler), Level: level})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if level.Level() != slog.LevelError {
		t.Errorf("started at %v", level)
	}
	h.configure("log: {level: debug}\n")
	s.Reload(t.Context())
	if level.Level() != slog.LevelDebug {
		t.Errorf("reloaded at %v", level)
	}
}

// Who reads the log of a refused configuration wants the lines and places, as at the start.
func TestRefusedConfigurationNamesThePlace(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	h.configure("dpop:\n  nonce: of\n  max_age: 10m\n")
	h.server.Reload(t.Context())
	for _, place := range []string{"tenon.yaml:7:10", "tenon.yaml:8:12"} {
		if !bytes.Contains([]byte(h.log.String()), []byte(place)) {
			t.Errorf("%s is not logged: %s", place, h.log.String())
		}
	}
}

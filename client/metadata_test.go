package client_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/client"
)

func TestMetadataThatDoesNotFitStopsBeforeAnythingIsSent(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another issuer, RFC 8414 §3.3":                   func(m map[string]any) { m["issuer"] = "https://as.example.com" },
		"the issuer with a slash, FAPI 2.0 §5.3.3.1 (11)": func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" },
		"the issuer in upper case":                        func(m map[string]any) { m["issuer"] = strings.ToUpper(m["issuer"].(string)) },
		"no issuer":                                       func(m map[string]any) { delete(m, "issuer") },
		"no token endpoint":                               func(m map[string]any) { delete(m, "token_endpoint") },
		"token endpoint without TLS, FAPI 2.0 §5.2.1":     func(m map[string]any) { m["token_endpoint"] = "http://as.example.com/token" },
		"token endpoint that is no string":                func(m map[string]any) { m["token_endpoint"] = 5 },
		"alias without TLS":                               func(m map[string]any) { m["mtls_endpoint_aliases"] = map[string]string{"token_endpoint": "http://a/t"} },
		"no client_credentials":                           func(m map[string]any) { m["grant_types_supported"] = []string{"authorization_code"} },
		"no private_key_jwt":                              func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"tls_client_auth"} },
		"assertion algorithm not offered":                 func(m map[string]any) { m["token_endpoint_auth_signing_alg_values_supported"] = []string{"PS256"} },
		"proof algorithm not offered, RFC 9449 §5.1":      func(m map[string]any) { m["dpop_signing_alg_values_supported"] = []string{"EdDSA"} },
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			c := newClient(t, issuer.config(t))
			issuer.change = change
			if _, err := c.Token(t.Context()); err == nil {
				t.Error("accepted")
			}
			if n := len(issuer.requests()); n != 0 {
				t.Errorf("%d token requests were sent", n)
			}
			issuer.change = nil
			if _, err := c.Token(t.Context()); err != nil {
				t.Errorf("the untouched document is refused: %v", err)
			}
		})
	}
}

// A document that is cut off at the limit could be read as a whole one: its end may be nothing but space.
func TestMetadataLongerThanTheLimitIsRefused(t *testing.T) {
	mux := http.NewServeMux()
	server := newTLSServer(t, mux, tls.NoClientCert)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "token_endpoint": server.URL + "/token"})
		io.WriteString(w, strings.Repeat(" ", 300<<10))
	})
	c := newClient(t, client.Config{
		Issuer: server.URL, ClientID: "tpp", Key: newKey(t), Assertion: newAssertionKey(t), RootCAs: rootsOf(server.Certificate()),
	})
	if m, err := c.Metadata(t.Context()); err == nil {
		t.Errorf("read %v", m)
	}
}

// What a server leaves out of its metadata is not held against it.
func TestMetadataWithoutListsIsEnough(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.change = func(m map[string]any) {
		for name := range m {
			if name != "issuer" && name != "token_endpoint" {
				delete(m, name)
			}
		}
	}
	if _, err := newClient(t, issuer.config(t)).Token(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMetadataIsOnlyReadFromAServerThatIsTrusted(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	cfg.RootCAs = rootsOf() // trusts nobody
	if _, err := newClient(t, cfg).Token(t.Context()); err == nil {
		t.Error("a server with an unknown certificate was believed (FAPI 2.0 §5.2.1 (5))")
	}
}

// place serves one metadata document at one path.
func place(t *testing.T, at string, issuerPath string) (issuer string, cfg client.Config) {
	t.Helper()
	mux := http.NewServeMux()
	server := newTLSServer(t, mux, tls.NoClientCert)
	issuer = server.URL + issuerPath
	mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": issuer, "token_endpoint": server.URL + "/token"})
	})
	return issuer, client.Config{
		Issuer: issuer, ClientID: "tpp", Key: newKey(t), Assertion: newAssertionKey(t), RootCAs: rootsOf(server.Certificate()),
	}
}

func TestMetadataIsFoundAtBothPlaces(t *testing.T) {
	for _, c := range []struct{ name, at, path string }{
		{"RFC 8414 §3.1", "/.well-known/oauth-authorization-server", ""},
		{"RFC 8414 §3.1, issuer with a path", "/.well-known/oauth-authorization-server/t1", "/t1"},
		{"OpenID Connect Discovery §4", "/.well-known/openid-configuration", ""},
		{"OpenID Connect Discovery §4, issuer with a path", "/t1/.well-known/openid-configuration", "/t1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer, cfg := place(t, c.at, c.path)
			m, err := newClient(t, cfg).Metadata(t.Context())
			if err != nil || m.Issuer != issuer {
				t.Errorf("metadata %v, error %v", m, err)
			}
		})
	}
}

// RFC 8414 §3.2: the answer is 200. A redirect could lead to metadata of somebody else's making.
func TestMetadataBehindARedirectIsRefused(t *testing.T) {
	mux := http.NewServeMux()
	server := newTLSServer(t, mux, tls.NoClientCert)
	document := func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "token_endpoint": server.URL + "/token"})
	}
	mux.HandleFunc("GET /real", document)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/real")
		w.WriteHeader(http.StatusFound)
		document(w, r) // not even what comes with the redirect
	})
	c := newClient(t, client.Config{
		Issuer: server.URL, ClientID: "tpp", Key: newKey(t), Assertion: newAssertionKey(t), RootCAs: rootsOf(server.Certificate()),
	})
	if m, err := c.Metadata(t.Context()); err == nil {
		t.Errorf("followed to %v", m)
	}
}

func TestMetadataIsKeptAndOutlivesAShortOutage(t *testing.T) {
	issuer := newFakeIssuer(t)
	asked, down := 0, false
	issuer.change = func(m map[string]any) {
		if asked++; down {
			clear(m)
		}
	}
	cfg := issuer.config(t)
	now := time.Now()
	cfg.Now = func() time.Time { return now }
	c := newClient(t, cfg)
	read := func(want int, fails bool) {
		t.Helper()
		if _, err := c.Metadata(t.Context()); (err != nil) != fails {
			t.Errorf("error %v, want one: %v", err, fails)
		}
		if asked != want {
			t.Errorf("asked %d times, want %d", asked, want)
		}
	}
	read(1, false)
	now = now.Add(59 * time.Minute)
	read(1, false) // fresh
	now = now.Add(2 * time.Minute)
	read(2, false) // old: asked again
	down = true
	now = now.Add(2 * time.Hour)
	read(3, false) // not to be had: what it said before serves
	now = now.Add(48 * time.Hour)
	read(4, true) // but not for ever
}

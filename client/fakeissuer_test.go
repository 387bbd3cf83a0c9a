package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// fakeIssuer is an authorization server of a page: metadata on one listener, an alias for certificates on another, and
// answers that each test scripts.
type fakeIssuer struct {
	front, alias *httptest.Server
	// change alters the metadata document before it is served.
	change func(document map[string]any)
	// answer writes the answer to the n-th token request, counted from 1. Nil means a bound token called token-n.
	answer func(w http.ResponseWriter, n int, r *http.Request)
	// api answers calls of /api at the issuer's own address.
	api http.HandlerFunc
	// person answers what concerns people; see fakeperson_test.go.
	person http.Handler

	mu   sync.Mutex
	seen []seenRequest
}

// seenRequest is a token request as it came.
type seenRequest struct {
	url         string
	form        url.Values
	proofs      []string
	certificate *x509.Certificate
}

func newFakeIssuer(t *testing.T) *fakeIssuer {
	t.Helper()
	f := &fakeIssuer{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", f.metadata)
	mux.HandleFunc("POST /token", f.token)
	mux.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) { f.api(w, r) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if f.person == nil {
			http.NotFound(w, r)
			return
		}
		f.person.ServeHTTP(w, r)
	})
	f.front = newTLSServer(t, mux, tls.NoClientCert)
	f.alias = newTLSServer(t, mux, tls.RequestClientCert)
	return f
}

// newTLSServer starts a server on loopback that ends with the test and keeps its complaints to itself.
func newTLSServer(t *testing.T, handler http.Handler, certificates tls.ClientAuthType) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{ClientAuth: certificates}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (f *fakeIssuer) metadata(w http.ResponseWriter, r *http.Request) {
	document := map[string]any{
		"issuer":                                f.front.URL,
		"token_endpoint":                        f.front.URL + "/token",
		"jwks_uri":                              f.front.URL + "/jwks",
		"grant_types_supported":                 []string{"client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt", "tls_client_auth"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"ES256", "PS256", "EdDSA", "Ed25519"},
		"dpop_signing_alg_values_supported":                []string{"ES256", "PS256", "EdDSA", "Ed25519"},
		"mtls_endpoint_aliases":                            map[string]string{"token_endpoint": f.alias.URL + "/token"},
	}
	if f.change != nil {
		f.change(document)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(document)
}

func (f *fakeIssuer) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	request := seenRequest{url: "https://" + r.Host + r.URL.Path, form: r.PostForm, proofs: r.Header.Values("DPoP")}
	if len(r.TLS.PeerCertificates) > 0 {
		request.certificate = r.TLS.PeerCertificates[0]
	}
	f.mu.Lock()
	f.seen = append(f.seen, request)
	n := len(f.seen)
	f.mu.Unlock()
	if f.answer != nil {
		f.answer(w, n, r)
		return
	}
	grantToken(w, n, r)
}

// grantToken answers with a token of the type that the request's proof makes it.
func grantToken(w http.ResponseWriter, n int, r *http.Request) {
	tokenType := "Bearer"
	if len(r.Header.Values("DPoP")) > 0 {
		tokenType = "DPoP"
	}
	writeJSON(w, http.StatusOK, fmt.Sprintf(`{"access_token":"token-%d","token_type":%q,"expires_in":300}`, n, tokenType))
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func (f *fakeIssuer) requests() []seenRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]seenRequest(nil), f.seen...)
}

// config is a client of this issuer with private_key_jwt and DPoP.
func (f *fakeIssuer) config(t *testing.T) client.Config {
	t.Helper()
	return client.Config{
		Issuer:    f.front.URL,
		ClientID:  "tpp-4711",
		Key:       newKey(t),
		Assertion: newAssertionKey(t),
		RootCAs:   rootsOf(f.front.Certificate(), f.alias.Certificate()),
	}
}

// certificateConfig is a client of this issuer that has nothing but a certificate.
func (f *fakeIssuer) certificateConfig(cert *tls.Certificate) client.Config {
	return client.Config{
		Issuer:      f.front.URL,
		ClientID:    "tpp-4712",
		Certificate: always(cert),
		RootCAs:     rootsOf(f.front.Certificate(), f.alias.Certificate()),
	}
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t *testing.T) *dpop.Key {
	t.Helper()
	key, err := dpop.GenerateKey(dpop.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAssertionKey(t *testing.T) *client.AssertionKey {
	return &client.AssertionKey{Signer: newKey(t).Signer(), Algorithm: dpop.ES256, KeyID: "k1"}
}

// jwtPart decodes the header (0) or the claims (1) of a JWT.
func jwtPart(t *testing.T, jwt string, part int) map[string]any {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", jwt)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

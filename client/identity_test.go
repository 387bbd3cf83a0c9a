package client_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/client"
)

// RFC 8705 §2, §5 and FAPI 2.0 §5.3.3.1 (7).
func TestCertificateAuthenticatesAtTheAlias(t *testing.T) {
	issuer := newFakeIssuer(t)
	certificate := newCertificate(t, "tpp")
	token, err := newClient(t, issuer.certificateConfig(certificate)).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if token.TokenType != "Bearer" {
		t.Errorf("token_type %q", token.TokenType)
	}
	r := issuer.requests()[0]
	if r.url != issuer.alias.URL+"/token" {
		t.Errorf("asked at %s, want the alias", r.url)
	}
	if r.certificate == nil || !cmp.Equal(r.certificate.Raw, certificate.Certificate[0]) {
		t.Error("the certificate was not shown")
	}
	want := map[string][]string{"grant_type": {"client_credentials"}, "client_id": {"tpp-4712"}}
	if diff := cmp.Diff(want, map[string][]string(r.form)); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	if len(r.proofs) != 0 {
		t.Error("a DPoP proof was sent without a key")
	}
}

// RFC 8705 §5: without an alias the top-level URL serves.
func TestCertificateWithoutAnAlias(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.change = func(m map[string]any) {
		delete(m, "mtls_endpoint_aliases")
		m["token_endpoint"] = issuer.alias.URL + "/token"
	}
	if _, err := newClient(t, issuer.certificateConfig(newCertificate(t, "tpp"))).Token(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNothingIsSentToATokenEndpointThatDoesNotAskForTheCertificate(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.change = func(m map[string]any) { delete(m, "mtls_endpoint_aliases") }
	_, err := newClient(t, issuer.certificateConfig(newCertificate(t, "tpp"))).Token(t.Context())
	var refused *client.NoCertificateRequest
	if !errors.As(err, &refused) {
		t.Errorf("error %v, want NoCertificateRequest", err)
	}
	if n := len(issuer.requests()); n != 0 {
		t.Errorf("%d token requests were sent", n)
	}
}

func TestCertificateThatCannotBeHad(t *testing.T) {
	issuer := newFakeIssuer(t)
	for name, certificate := range map[string]func(*tls.CertificateRequestInfo) (*tls.Certificate, error){
		"an error":             func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, errors.New("gone") },
		"none":                 func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, nil },
		"an empty certificate": func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := issuer.certificateConfig(nil)
			cfg.Certificate = certificate
			if _, err := newClient(t, cfg).Token(t.Context()); err == nil {
				t.Error("a token without a certificate")
			}
		})
	}
}

// The bearer of a certificate-bound token goes over the connection of the certificate, and nowhere else (RFC 8705 §3).
func TestBearerGoesOnlyOverTheCertificatesConnection(t *testing.T) {
	issuer := newFakeIssuer(t)
	certificate := newCertificate(t, "tpp")
	var calls atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("Authorization") != "Bearer token-1" || len(r.Header.Values("DPoP")) != 0 {
			t.Errorf("Authorization %q, DPoP %q", r.Header.Get("Authorization"), r.Header.Values("DPoP"))
		}
		if len(r.TLS.PeerCertificates) == 0 || !cmp.Equal(r.TLS.PeerCertificates[0].Raw, certificate.Certificate[0]) {
			t.Error("the call came without the certificate")
		}
	})
	asks, plain := newTLSServer(t, handler, tls.RequestClientCert), newTLSServer(t, handler, tls.NoClientCert)
	cfg := issuer.certificateConfig(certificate)
	cfg.RootCAs.AddCert(asks.Certificate())
	cfg.RootCAs.AddCert(plain.Certificate())
	c := newClient(t, cfg).HTTPClient()

	resp, err := c.Get(asks.URL + "/accounts")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("HTTP/%d: the certificate's connections do not offer HTTP/2", resp.ProtoMajor)
	}
	_, err = c.Get(plain.URL + "/accounts")
	var refused *client.NoCertificateRequest
	if !errors.As(err, &refused) {
		t.Errorf("error %v, want NoCertificateRequest", err)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls arrived, want 1", n)
	}
}

// A DPoP client that authenticates by certificate may call APIs that do not ask for one: its proof is another. One that asks
// is shown it, because a token may be bound to both.
func TestDPoPShowsTheCertificateWhereItIsAskedFor(t *testing.T) {
	issuer := newFakeIssuer(t)
	certificate := newCertificate(t, "tpp")
	cfg := issuer.certificateConfig(certificate)
	cfg.Key = newKey(t)
	for name, c := range map[string]struct {
		asks  tls.ClientAuthType
		shown int
	}{"asks": {tls.RequestClientCert, 1}, "does not ask": {tls.NoClientCert, 0}} {
		t.Run(name, func(t *testing.T) {
			api := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "DPoP token-1" || len(r.TLS.PeerCertificates) != c.shown {
					t.Errorf("Authorization %q, %d certificates", r.Header.Get("Authorization"), len(r.TLS.PeerCertificates))
				}
			}), c.asks)
			cfg.RootCAs.AddCert(api.Certificate())
			resp, err := newClient(t, cfg).HTTPClient().Get(api.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			issuer.mu.Lock()
			issuer.seen = nil // the next client's token is token-1 again
			issuer.mu.Unlock()
		})
	}
}

// RFC 8705 §6.3: a renewed certificate makes the old token useless; token and connections change together.
func TestRenewedCertificateGetsItsOwnTokenAndConnections(t *testing.T) {
	issuer := newFakeIssuer(t)
	old, next := newCertificate(t, "tpp"), newCertificate(t, "tpp")
	var worn atomic.Pointer[tls.Certificate]
	worn.Store(old)
	boundTo := map[string]*tls.Certificate{"Bearer token-1": old, "Bearer token-2": next}
	accepted := map[string]int{}
	revoked := false
	api := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("Authorization")
		if !cmp.Equal(r.TLS.PeerCertificates[0].Raw, boundTo[token].Certificate[0]) {
			t.Errorf("%s came over the connection of another certificate", token)
		}
		if revoked && token == "Bearer token-1" {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		accepted[token]++
	}), tls.RequestClientCert)
	cfg := issuer.certificateConfig(nil)
	cfg.Certificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return worn.Load(), nil }
	cfg.RootCAs.AddCert(api.Certificate())
	c := newClient(t, cfg).HTTPClient()
	get := func() {
		t.Helper()
		resp, err := c.Get(api.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	get()
	worn.Store(next)
	get() // the token and its connections are still the old ones
	revoked = true
	get()
	if diff := cmp.Diff(map[string]int{"Bearer token-1": 2, "Bearer token-2": 1}, accepted); diff != "" {
		t.Errorf("accepted (-want +got):\n%s", diff)
	}
}

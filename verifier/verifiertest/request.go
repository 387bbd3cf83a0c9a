package verifiertest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
)

// NewKey makes a DPoP key for ES256.
func NewKey(t testing.TB) *dpop.Key {
	t.Helper()
	key, err := dpop.GenerateKey(dpop.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// NewCertificate makes a self-signed client certificate.
func NewCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	leaf, err := certs.SelfSigned("verifiertest", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return leaf.TLS()
}

// Proof makes a proof for one call of method and address with the token.
func (i *Issuer) Proof(key *dpop.Key, method, address, token string) string {
	i.t.Helper()
	proof, err := key.Proof(dpop.Target{Method: method, URL: address, AccessToken: token, Time: i.Now()})
	if err != nil {
		i.t.Fatal(err)
	}
	return proof
}

// Request makes the request that a handler gets when a client calls address, an absolute URL, with a token bound to key: with the
// DPoP scheme and a fresh proof. It is for a handler's ServeHTTP; to call a running server, use dpop.NewTransport.
func (i *Issuer) Request(key *dpop.Key, method, address, token string) *http.Request {
	i.t.Helper()
	r := i.newRequest(method, address)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", i.Proof(key, method, address, token))
	return r
}

// CertificateRequest makes the request that a handler gets when a client calls address over mutual TLS with a token bound to its
// certificate.
func (i *Issuer) CertificateRequest(certificate tls.Certificate, method, address, token string) *http.Request {
	i.t.Helper()
	r := i.newRequest(method, address)
	r.Header.Set("Authorization", "Bearer "+token)
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{certificate.Leaf}}
	return r
}

// newRequest makes a request with its target in origin form, as it is on the wire.
func (i *Issuer) newRequest(method, address string) *http.Request {
	i.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		i.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(i.t.Context(), method, u.RequestURI(), nil)
	r.Host = u.Host
	return r
}

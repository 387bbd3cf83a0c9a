package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// An identity is one client certificate and the connections that show it. A certificate that is renewed makes a new
// identity, so a token never travels over a connection of another certificate than the one it is bound to (RFC 8705 §3).
type identity struct {
	leaf        []byte // DER
	certificate *x509.Certificate

	// proven connects only to servers that ask for the certificate. Where the certificate is the proof of possession, a
	// server that does not ask gets no token (RFC 8705 §3).
	proven *http.Transport
	// shown shows the certificate where it is asked for. It carries DPoP requests, whose proof is another.
	shown *http.Transport
}

// wardrobe gives the identity for the certificate of the moment.
type wardrobe struct {
	config      *Config
	certificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	worn        atomic.Pointer[identity]
}

// identity asks for the certificate. The same certificate as before keeps its connections.
func (w *wardrobe) identity() (*identity, error) {
	cert, err := w.certificate(anyCertificate())
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	if cert == nil || len(cert.Certificate) == 0 {
		return nil, errors.New("client certificate: there is none")
	}
	worn := w.worn.Load()
	if worn != nil && bytes.Equal(worn.leaf, cert.Certificate[0]) {
		return worn, nil
	}
	parsed, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	give := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	next := &identity{
		leaf:        cert.Certificate[0],
		certificate: parsed,
		proven:      newConnections(mtls.ClientConfig(w.config.RootCAs, give)),
		shown:       newConnections(mtls.ClientConfig(w.config.RootCAs, give)),
	}
	next.proven.DialTLSContext = dialAsked(mtls.ClientConfig(w.config.RootCAs, give))
	w.worn.Store(next)
	if worn != nil { // calls that are under way end in peace
		worn.proven.CloseIdleConnections()
		worn.shown.CloseIdleConnections()
	}
	return next, nil
}

// anyCertificate is a request that every certificate of ours meets: which server will ask is not known yet.
func anyCertificate() *tls.CertificateRequestInfo {
	return &tls.CertificateRequestInfo{
		Version: tls.VersionTLS13,
		SignatureSchemes: []tls.SignatureScheme{
			tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512, tls.Ed25519,
			tls.PSSWithSHA256, tls.PSSWithSHA384, tls.PSSWithSHA512,
		},
	}
}

// newConnections makes connections with limits that a token client never comes near to.
func newConnections(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// dialAsked connects and refuses a server that has not asked for the certificate. Through a CONNECT proxy net/http makes
// the handshake itself and this is not asked; then the resource server alone refuses the token, as it must anyway.
func dialAsked(config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	config.NextProtos = []string{"h2", "http/1.1"}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		own := config.Clone()
		asked := false // written during the handshake, which is over when it is read
		own.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return config.GetClientCertificate(request)
		}
		dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: own}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if !asked {
			conn.Close()
			return nil, &NoCertificateRequest{Address: address}
		}
		return conn, nil
	}
}

// NoCertificateRequest says that a server did not ask for the client certificate that the token is bound to. Nothing was
// sent to it.
type NoCertificateRequest struct{ Address string }

func (e *NoCertificateRequest) Error() string {
	return e.Address + " does not ask for a client certificate, so nothing was sent: use the address that the service has for mutual TLS"
}

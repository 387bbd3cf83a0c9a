package mtls_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tenon-auth/tenon/mtls"
)

// A server that says whose certificate it saw, over HTTP/1.1 and HTTP/2.
func TestTLSOverHTTP(t *testing.T) {
	s := newSite(t)
	address := serve(t, mtls.ServerConfig(s.options()), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cert, err := mtls.TLS{}.Certificate(r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusForbidden)
		case cert == nil:
			io.WriteString(w, "none")
		default:
			io.WriteString(w, mtls.Thumbprint(cert))
		}
	}))
	for _, tt := range []struct {
		name    string
		present *tls.Certificate
		http2   bool
		want    string
	}{
		{"a certificate, HTTP/1.1", s.client.tls(), false, mtls.Thumbprint(s.client.Certificate)},
		{"a certificate, HTTP/2", s.client.tls(), true, mtls.Thumbprint(s.client.Certificate)},
		{"none, HTTP/1.1", &tls.Certificate{}, false, "none"},
		{"none, HTTP/2", &tls.Certificate{}, true, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := s.clientConfig()
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.present, nil }
			transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: tt.http2}
			defer transport.CloseIdleConnections()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Client-Cert", ":"+s.client.Subject.CommonName+":") // not looked at: this is not a proxy's listener
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != tt.want || (resp.ProtoMajor == 2) != tt.http2 {
				t.Errorf("%s: %q, %v; want %q", resp.Proto, body, err, tt.want)
			}
		})
	}
}

func serve(t *testing.T, config *tls.Config, handler http.Handler) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, TLSConfig: config}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.ServeTLS(listener, "", ""); err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return listener.Addr().String()
}

func TestTLSOfOtherRequests(t *testing.T) {
	leaf, middle := selfSigned(t, newKey(t), nil).Certificate, selfSigned(t, newKey(t), nil).Certificate
	for _, tt := range []struct {
		name    string
		state   *tls.ConnectionState
		want    *x509.Certificate
		chain   int
		refused bool
	}{
		{"no TLS", nil, nil, 0, false},
		{"no certificate", &tls.ConnectionState{HandshakeComplete: true}, nil, 0, false},
		{"leaf and chain", &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{leaf, middle}}, leaf, 1, false},
		{"RFC 8705 §2: before CertificateVerify", &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, middle}}, nil, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "https://api.example.com/", nil)
			r.TLS = tt.state
			cert, err := mtls.TLS{}.Certificate(r)
			if (err != nil) != tt.refused || cert != tt.want {
				t.Errorf("%v, %v", cert, err)
			}
			if chain := (mtls.TLS{}).Chain(r); len(chain) != tt.chain || (tt.chain > 0 && chain[0] != middle) {
				t.Errorf("the chain has %d certificates", len(chain))
			}
		})
	}
}

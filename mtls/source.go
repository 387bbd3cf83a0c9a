package mtls

import (
	"crypto/x509"
	"errors"
	"net/http"
)

// A Source tells which client certificate came with a request. It returns nil and no error when none was presented. An error
// means that something was presented which cannot be trusted: the caller refuses the request and does not go on as if no
// certificate had come. The certificate's private key has been proved; chain and validity have not been looked at.
type Source interface {
	Certificate(r *http.Request) (*x509.Certificate, error)
}

// TLS is the Source that reads the connection itself: this process ended the TLS handshake. Header fields are not looked at.
type TLS struct{}

var _ Source = TLS{}

// Certificate returns the leaf of the connection's client certificates. The handshake has proved its key (RFC 8705 §2); a
// resumed session carries the certificate of the handshake that it resumes.
func (TLS) Certificate(r *http.Request) (*x509.Certificate, error) {
	if r.TLS == nil {
		return nil, nil
	}
	if !r.TLS.HandshakeComplete {
		return nil, errors.New("mtls: the TLS handshake is not complete, so no key has been proved")
	}
	if len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	return r.TLS.PeerCertificates[0], nil
}

// Chain returns what the client sent after its own certificate, in the order sent: the intermediates for [VerifyClient].
func (TLS) Chain(r *http.Request) []*x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[1:]
}

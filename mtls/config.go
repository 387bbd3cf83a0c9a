package mtls

import (
	"crypto/tls"
	"crypto/x509"
)

// ServerOptions is what [ServerConfig] needs to know. The zero value makes a server that has no certificate and so answers
// nobody.
type ServerOptions struct {
	// GetCertificate gives the server's certificate, usually a reloader's.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// ClientCertificates asks clients for a certificate. It may be of any issuer or self-signed, and may be left out (RFC 8705
	// §6.1): the handshake proves the key, and who the client is gets decided for each request. A server for browsers leaves
	// it off, or people get asked for certificates (RFC 8705 §5).
	ClientCertificates bool

	// VerifyConnection, when set, is asked at the end of each handshake, also of a resumed one. An error ends the connection.
	VerifyConnection func(tls.ConnectionState) error
}

// ServerConfig returns a server's TLS configuration: TLS 1.3, or TLS 1.2 with forward secrecy and authenticated encryption
// only (RFC 9325 §3.1.1, §4.2). Sessions resume under this configuration only, see ownSessions below.
func ServerConfig(o ServerOptions) *tls.Config {
	config := &tls.Config{
		MinVersion:       tls.VersionTLS12,
		CipherSuites:     cipherSuites(),
		GetCertificate:   o.GetCertificate,
		VerifyConnection: o.VerifyConnection, // VerifyPeerCertificate would not be asked when a session is resumed
		Renegotiation:    tls.RenegotiateNever,
	}
	if o.ClientCertificates {
		config.ClientAuth = tls.RequestClientCert
	}
	ownSessions(config)
	return config
}

// ownSessions makes config seal and open session tickets with its own keys, whatever listener it is used in. A configuration
// that [tls.Config.GetConfigForClient] returns would otherwise use the keys of the one that was asked, and a session with one
// policy on client certificates could be resumed under another. The keys are random and change daily (crypto/tls does that).
// The keys are those of config, also for its clones: an http.Server clones what it is given.
func ownSessions(config *tls.Config) {
	keys := &tls.Config{}
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		return keys.EncryptTicket(state, session)
	}
	config.UnwrapSession = func(identity []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		return keys.DecryptTicket(identity, state)
	}
}

// ClientConfig returns a client's TLS configuration with the same versions and suites. roots nil means the system's pool.
// getClientCert is asked when a server wants a certificate, and may be nil. There is no session cache: a client whose
// certificate has been renewed must show the new one on its next connection, and a resumed session would carry the old one.
func ClientConfig(roots *x509.CertPool, getClientCert func(*tls.CertificateRequestInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS12,
		CipherSuites:         cipherSuites(),
		RootCAs:              roots,
		GetClientCertificate: getClientCert,
		Renegotiation:        tls.RenegotiateNever, // RFC 8705 §3: the certificate cannot change within a connection
	}
}

// cipherSuites are those of TLS 1.2. Those of TLS 1.3 are not configurable in crypto/tls and all acceptable.
func cipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

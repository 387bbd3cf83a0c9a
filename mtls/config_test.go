package mtls_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// A site has a server certificate and a client certificate that are valid now, for handshakes that really happen.
type site struct {
	t      *testing.T
	ca     *authority
	server issued
	client issued
}

func newSite(t *testing.T) *site {
	ca := newAuthority(t, "site CA")
	ca.cert = newAuthorityNow(t, ca)
	return &site{t: t, ca: ca, server: ca.issue(serverNow), client: ca.issue(clientNow)}
}

func newAuthorityNow(t *testing.T, ca *authority) *x509.Certificate {
	template := *ca.cert
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	return create(t, &template, &template, ca.key.Public(), ca.key)
}

func serverNow(c *x509.Certificate) {
	clientNow(c)
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c.DNSNames = []string{"a.example", "b.example"}
}

func clientNow(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
}

func (s *site) options() mtls.ServerOptions {
	return mtls.ServerOptions{
		ClientCertificates: true,
		GetCertificate:     func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.server.tls(), nil },
	}
}

// clientConfig trusts the site's CA and presents the site's client certificate.
func (s *site) clientConfig() *tls.Config {
	config := mtls.ClientConfig(s.ca.pool(), func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return s.client.tls(), nil
	})
	config.ServerName = "a.example"
	return config
}

// A meeting is what both sides saw of a handshake.
type meeting struct {
	server, client       tls.ConnectionState
	serverErr, clientErr error
}

func (m meeting) err() error { return errors.Join(m.serverErr, m.clientErr) }

// meet makes one connection over loopback, with a byte from the server so that the client has read its session tickets.
func meet(t *testing.T, server, client *tls.Config) meeting {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var m meeting
	var wg sync.WaitGroup
	wg.Go(func() { m.server, m.serverErr = answer(listener, server) })
	m.client, m.clientErr = call(listener.Addr().String(), client)
	wg.Wait()
	return m
}

func answer(listener net.Listener, config *tls.Config) (tls.ConnectionState, error) {
	raw, err := listener.Accept()
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer raw.Close()
	conn := tls.Server(raw, config)
	if _, err = conn.Write([]byte("x")); err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	return conn.ConnectionState(), err
}

func call(address string, config *tls.Config) (tls.ConnectionState, error) {
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	if _, err = io.ReadFull(conn, make([]byte, 1)); err == nil {
		_, err = conn.Write([]byte("x"))
	}
	return conn.ConnectionState(), err
}

// The environment switches on everything old that crypto/tls still has, so that the refusals are this package's own.
func allowEverythingOld(t *testing.T) {
	t.Setenv("GODEBUG", "tls10server=1,tlsrsakex=1,tls3des=1")
}

func TestServerRefusesOldVersionsAndSuites(t *testing.T) {
	allowEverythingOld(t)
	s := newSite(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withRSA := s.ca.issueFor(rsaKey, serverNow)
	ec, rs := s.server, withRSA
	for _, tt := range []struct {
		clause  string
		server  issued
		version uint16
		suite   uint16 // 0: any
		accept  bool
	}{
		{"RFC 9325 §4.2: ECDHE, AES-128-GCM", ec, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
		{"ECDHE, AES-256-GCM", ec, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, true},
		{"ECDHE, ChaCha20-Poly1305", ec, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true},
		{"ECDHE, AES-128-GCM, RSA certificate", rs, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, true},
		{"ECDHE, AES-256-GCM, RSA certificate", rs, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, true},
		{"ECDHE, ChaCha20-Poly1305, RSA certificate", rs, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, true},
		{"TLS 1.3", ec, tls.VersionTLS13, 0, true},
		{"RFC 9325 §3.1.1: TLS 1.0", ec, tls.VersionTLS10, 0, false},
		{"RFC 9325 §3.1.1: TLS 1.1", ec, tls.VersionTLS11, 0, false},
		{"RFC 9325 §4.1: CBC", ec, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false},
		{"RFC 9325 §4.1: CBC with SHA-256", ec, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, false},
		{"RFC 9325 §4.1: CBC, RSA certificate", rs, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, false},
		{"RFC 9325 §4.1: no forward secrecy", rs, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, false},
		{"RFC 9325 §4.1: no forward secrecy and CBC", rs, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA, false},
		{"RFC 9325 §4.1: 3DES", rs, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			options := s.options()
			options.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return tt.server.tls(), nil }
			client := &tls.Config{RootCAs: s.ca.pool(), ServerName: "a.example", MinVersion: tt.version, MaxVersion: tt.version}
			if tt.suite != 0 {
				client.CipherSuites = []uint16{tt.suite}
			}
			m := meet(t, mtls.ServerConfig(options), client)
			if accepted := m.err() == nil; accepted != tt.accept {
				t.Fatalf("accepted: %v (%v), want %v", accepted, m.err(), tt.accept)
			}
			if tt.accept && tt.suite != 0 && m.server.CipherSuite != tt.suite {
				t.Errorf("the suite is %s", tls.CipherSuiteName(m.server.CipherSuite))
			}
		})
	}
}

func TestClientRefusesOldVersionsAndSuites(t *testing.T) {
	allowEverythingOld(t)
	s := newSite(t)
	old := func(version uint16, suites ...uint16) *tls.Config {
		return &tls.Config{
			Certificates: []tls.Certificate{*s.server.tls()},
			MinVersion:   tls.VersionTLS10, MaxVersion: version, CipherSuites: suites,
		}
	}
	for _, tt := range []struct {
		clause string
		server *tls.Config
		accept bool
	}{
		{"a server of today", mtls.ServerConfig(s.options()), true},
		{"TLS 1.2 with GCM", old(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), true},
		{"RFC 9325 §3.1.1: a server that has TLS 1.1 only", old(tls.VersionTLS11), false},
		{"RFC 9325 §4.1: a server that has CBC only", old(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA), false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			m := meet(t, tt.server, s.clientConfig())
			if accepted := m.err() == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v), want %v", accepted, m.err(), tt.accept)
			}
		})
	}
	stranger := s.clientConfig()
	stranger.RootCAs = newSite(t).ca.pool()
	if m := meet(t, mtls.ServerConfig(s.options()), stranger); m.clientErr == nil {
		t.Error("the client took a server whose CA it does not trust")
	}
}

// RFC 8705 §6.1: certificates are asked for and not demanded, of whatever issuer; the key behind one is always proved.
func TestWhichCertificatesPassTheHandshake(t *testing.T) {
	s := newSite(t)
	own := selfSigned(t, newKey(t), clientNow)
	stolen := issued{s.client.Certificate, newKey(t)}
	stolenTLS := *stolen.tls()
	for _, tt := range []struct {
		name      string
		asked     bool
		presented *tls.Certificate
		want      *x509.Certificate
		accept    bool
	}{
		{"signed by a CA", true, s.client.tls(), s.client.Certificate, true},
		{"self-signed", true, own.tls(), own.Certificate, true},
		{"none", true, &tls.Certificate{}, nil, true},
		{"not asked for (RFC 8705 §5: browsers)", false, s.client.tls(), nil, true},
		{"RFC 8705 §2: somebody else's, without its key", true, &stolenTLS, nil, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+"/"+tls.VersionName(version), func(t *testing.T) {
				options := s.options()
				options.ClientCertificates = tt.asked
				client := s.clientConfig()
				client.MinVersion, client.MaxVersion = version, version
				client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.presented, nil }
				m := meet(t, mtls.ServerConfig(options), client)
				if accepted := m.err() == nil; accepted != tt.accept {
					t.Fatalf("accepted: %v (%v), want %v", accepted, m.err(), tt.accept)
				}
				if got := leafOf(m.server); tt.accept && !got.Equal(tt.want) {
					t.Errorf("the server saw the certificate %v", got)
				}
			})
		}
	}
}

func leafOf(s tls.ConnectionState) *x509.Certificate {
	if len(s.PeerCertificates) == 0 {
		return nil
	}
	return s.PeerCertificates[0]
}

// VerifyConnection is asked for a resumed session too, where VerifyPeerCertificate would not be (M08).
func TestVerifyConnectionIsAskedEveryTime(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s := newSite(t)
			var refusal error
			resumed := false
			options := s.options()
			options.VerifyConnection = func(state tls.ConnectionState) error {
				resumed = state.DidResume
				return refusal
			}
			server, client := mtls.ServerConfig(options), s.resuming(version)
			if m := meet(t, server, client); m.err() != nil {
				t.Fatal(m.err())
			}
			refusal = errors.New("this client has been disabled")
			if m := meet(t, server, client); m.serverErr == nil {
				t.Error("a refused connection went on")
			}
			if !resumed {
				t.Error("the second handshake was meant to resume the first")
			}
		})
	}
}

// resuming is a client that resumes what it can, as a browser or another library would.
func (s *site) resuming(version uint16) *tls.Config {
	config := s.clientConfig()
	config.MinVersion, config.MaxVersion = version, version
	config.ClientSessionCache = &oneSession{}
	return config
}

// A oneSession offers the last ticket to whatever server is called, as an attacker would.
type oneSession struct{ last *tls.ClientSessionState }

func (o *oneSession) Get(string) (*tls.ClientSessionState, bool) { return o.last, o.last != nil }

func (o *oneSession) Put(_ string, s *tls.ClientSessionState) {
	if s != nil {
		o.last = s
	}
}

// RFC 9440 §3.3, M08: a resumed session has the certificate of the handshake that it resumes, and no other configuration resumes
// it: neither that of another listener nor that of another name on the same listener.
func TestResumptionStaysInItsConfiguration(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			s := newSite(t)
			a, b := mtls.ServerConfig(s.options()), mtls.ServerConfig(s.options())
			byName := mtls.ServerConfig(s.options())
			byName.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				return map[string]*tls.Config{"a.example": a, "b.example": b}[hello.ServerName], nil
			}
			for _, tt := range []struct {
				name          string
				first, second *tls.Config
				secondName    string
				resumes       bool
			}{
				{"the same listener", a, a, "a.example", true},
				{"a clone, as net/http makes one for each listener", a, a.Clone(), "a.example", true},
				{"another listener", a, b, "a.example", false},
				{"the same name on one listener", byName, byName, "a.example", true},
				{"another name on one listener", byName, byName, "b.example", false},
				{"from the listener of names to the listener of one", byName, b, "a.example", false},
			} {
				t.Run(tt.name, func(t *testing.T) {
					client := s.resuming(version)
					if m := meet(t, tt.first, client); m.err() != nil || m.server.DidResume {
						t.Fatalf("first: %v, resumed: %v", m.err(), m.server.DidResume)
					}
					client.ServerName = tt.secondName
					m := meet(t, tt.second, client)
					if m.err() != nil || m.server.DidResume != tt.resumes {
						t.Errorf("resumed: %v (%v), want %v", m.server.DidResume, m.err(), tt.resumes)
					}
					if got := leafOf(m.server); !got.Equal(s.client.Certificate) {
						t.Errorf("the certificate is %v", got)
					}
				})
			}
		})
	}
}

// RFC 8705 §6.3, M07: our client presents its renewed certificate on the next connection and does not hold on to a session.
func TestClientPresentsItsRenewedCertificate(t *testing.T) {
	s := newSite(t)
	server, client := mtls.ServerConfig(s.options()), s.clientConfig()
	for range 2 {
		if m := meet(t, server, client); m.err() != nil || !leafOf(m.server).Equal(s.client.Certificate) {
			t.Fatal(m.err())
		}
	}
	s.client = s.ca.issue(clientNow)
	m := meet(t, server, client)
	if m.err() != nil || m.server.DidResume || !leafOf(m.server).Equal(s.client.Certificate) {
		t.Errorf("resumed: %v, %v", m.server.DidResume, m.err())
	}
}

// Without these the suites would still keep older versions out; the two do not lean on each other, nor on GODEBUG.
func TestOldestVersionIsSet(t *testing.T) {
	s := newSite(t)
	for name, config := range map[string]*tls.Config{"server": mtls.ServerConfig(s.options()), "client": s.clientConfig()} {
		if config.MinVersion != tls.VersionTLS12 {
			t.Errorf("the %s's oldest version is %#x", name, config.MinVersion)
		}
	}
}

// M09: a certificate cannot change within a connection. crypto/tls servers never renegotiate and TLS 1.3 has no renegotiation;
// a client does when its configuration says so.
func TestNobodyRenegotiates(t *testing.T) {
	s := newSite(t)
	for name, config := range map[string]*tls.Config{"server": mtls.ServerConfig(s.options()), "client": s.clientConfig()} {
		if config.Renegotiation != tls.RenegotiateNever {
			t.Errorf("the %s renegotiates", name)
		}
	}
}

func TestServerConfigOfNoOptionsAnswersNobody(t *testing.T) {
	s := newSite(t)
	if m := meet(t, mtls.ServerConfig(mtls.ServerOptions{}), s.clientConfig()); m.serverErr == nil || m.clientErr == nil {
		t.Error("a server without a certificate made a connection")
	}
}

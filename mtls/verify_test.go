package mtls_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// Each row changes one thing in a certificate that is accepted.
func TestVerifyClient(t *testing.T) {
	ca := newAuthority(t, "client CA")
	weakRSA, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	goodRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*x509.Certificate)) issued { return ca.issue(f) }
	for _, tt := range []struct {
		clause string
		cert   issued
		accept bool
	}{
		{"a good certificate", change(nil), true},
		{"RFC 9325 §4.5: an RSA key of 2048 bits", ca.issueFor(goodRSA, nil), true},
		{"an Ed25519 key", ca.issueFor(edKey, nil), true},
		{"RFC 5280 §4.2.1.3: no key usage restricts nothing", change(func(c *x509.Certificate) { c.KeyUsage = 0 }), true},
		{"clientAuth among other purposes", change(func(c *x509.Certificate) {
			c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		}), true},
		{"M04: expired", change(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }), false},
		{"RFC 5280 §4.1.2.5: the last second is inside", change(func(c *x509.Certificate) { c.NotAfter = noon }), true},
		{"M04: not yet valid", change(func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Second) }), false},
		{"RFC 5280 §4.1.2.5: the first second is inside", change(func(c *x509.Certificate) { c.NotBefore = noon }), true},
		{"M04: for servers only", change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), false},
		{"M04: no extended key usage", change(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), false},
		{"M04: any purpose is not this one", change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), false},
		{"M04: the certificate of a CA as leaf", change(func(c *x509.Certificate) { c.IsCA = true }), false},
		{"M04: a key that signs certificates", change(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCertSign }), false},
		{"a key that signs revocation lists", change(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageCRLSign }), false},
		{"RFC 8446 §4.4.2.2: no digitalSignature", change(func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageKeyEncipherment
		}), false},
		{"RFC 9325 §4.5: an RSA key of 1024 bits", ca.issueFor(weakRSA, nil), false},
		{"RFC 9325 §4.5: a curve of 224 bits", ca.issueFor(p224, nil), false},
		{"RFC 5280 §4.2: a critical extension nobody knows", change(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		}), false},
		{"RFC 8705 §7.4: the same names by a CA of another pool", newAuthority(t, "client CA").issue(nil), false},
		{"M05: the same names, self-signed", selfSigned(t, newKey(t), nil), false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			err := mtls.VerifyClient(tt.cert.Certificate, nil, ca.pool(), noon)
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v), want %v", accepted, err, tt.accept)
			}
		})
	}
}

func TestVerifyClientBuildsTheChainFromWhatWasSent(t *testing.T) {
	root := newAuthority(t, "root")
	middle := root.intermediate("intermediate")
	stranger := newAuthority(t, "stranger").intermediate("intermediate")
	leaf := middle.issue(nil)
	for _, tt := range []struct {
		name   string
		chain  []*x509.Certificate
		accept bool
	}{
		{"with its intermediate", []*x509.Certificate{middle.cert}, true},
		{"with one more certificate", []*x509.Certificate{stranger.cert, middle.cert}, true},
		{"without it", nil, false},
		{"with another of the same name", []*x509.Certificate{stranger.cert}, false},
		{"what is sent is never an anchor", []*x509.Certificate{stranger.cert, newAuthority(t, "root").cert}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := mtls.VerifyClient(leaf.Certificate, tt.chain, root.pool(), noon)
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v)", accepted, err)
			}
		})
	}
	if err := mtls.VerifyClient(middle.cert, nil, root.pool(), noon); err == nil {
		t.Error("an intermediate CA was taken for a client (M04)")
	}
}

func TestVerifyClientWithoutAPoolOrACertificate(t *testing.T) {
	ca := newAuthority(t, "client CA")
	if err := mtls.VerifyClient(ca.issue(nil).Certificate, nil, x509.NewCertPool(), noon); err == nil {
		t.Error("accepted by an empty pool")
	}
	if err := mtls.VerifyClient(nil, nil, ca.pool(), noon); err == nil {
		t.Error("accepted without a certificate")
	}
}

// A caller without a clock gets no answer. x509.Verify would look at the machine's.
func TestVerifyClientNeedsTheTime(t *testing.T) {
	s := newSite(t)
	if err := mtls.VerifyClient(s.client.Certificate, nil, s.ca.pool(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := mtls.VerifyClient(s.client.Certificate, nil, s.ca.pool(), time.Time{}); err == nil {
		t.Error("accepted at the zero time")
	}
}

func TestCheckValidity(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*x509.Certificate)) issued { return selfSigned(t, newKey(t), f) }
	for _, tt := range []struct {
		clause string
		cert   issued
		accept bool
	}{
		{"a good self-signed certificate", change(nil), true},
		{"signed by whomever (RFC 8705 §2.2)", newAuthority(t, "unknown").issue(nil), true},
		{"M04: expired", change(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }), false},
		{"the last second", change(func(c *x509.Certificate) { c.NotAfter = noon }), true},
		{"M04: not yet valid", change(func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Second) }), false},
		{"the first second", change(func(c *x509.Certificate) { c.NotBefore = noon }), true},
		{"RFC 5280 §4.2.1.12: no purposes named", change(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), true},
		{"RFC 5280 §4.2.1.12: any purpose", change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), true},
		{"M04: for servers only", change(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}), false},
		{"M04: for a purpose nobody knows", change(func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3}}
		}), false},
		{"what openssl req -x509 writes: CA:TRUE and no key usage", change(func(c *x509.Certificate) {
			c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, 0, nil
		}), true},
		{"M04: a CA that signs for others", change(func(c *x509.Certificate) {
			c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		}), false},
		{"RFC 8446 §4.4.2.2: no digitalSignature", change(func(c *x509.Certificate) {
			c.KeyUsage = x509.KeyUsageKeyEncipherment
		}), false},
		{"RFC 9325 §4.5: an RSA key of 1024 bits", selfSigned(t, weak, nil), false},
		{"none", issued{}, false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			err := mtls.CheckValidity(tt.cert.Certificate, noon)
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v), want %v", accepted, err, tt.accept)
			}
		})
	}
}

func TestMatchRegistered(t *testing.T) {
	key := newKey(t)
	registered := selfSigned(t, key, nil)
	other := selfSigned(t, newKey(t), nil)
	unparsed := *registered.Certificate
	unparsed.Raw = nil
	list := []*x509.Certificate{nil, other.Certificate, registered.Certificate}
	for _, tt := range []struct {
		clause string
		cert   *x509.Certificate
		list   []*x509.Certificate
		want   bool
	}{
		{"RFC 8705 §2.2: the registered certificate", registered.Certificate, list, true},
		{"M05: the same subject, another key", selfSigned(t, newKey(t), nil).Certificate, list, false},
		{"M07: the same key and subject, renewed", selfSigned(t, key, nil).Certificate, list, false},
		{"the same key and subject, signed by a CA", newAuthority(t, "CA").issueFor(key, nil).Certificate, list, false},
		{"nothing registered", registered.Certificate, nil, false},
		{"no certificate", nil, list, false},
		{"no certificate against an empty registration", &unparsed, []*x509.Certificate{&unparsed}, false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			if got := mtls.MatchRegistered(tt.cert, tt.list); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

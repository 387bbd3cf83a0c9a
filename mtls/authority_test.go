package mtls_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
)

// noon is when the tests of this package happen, unless they need a real handshake.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// An authority signs whatever a test asks for.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  crypto.Signer
}

// An issued is a certificate with its key.
type issued struct {
	*x509.Certificate
	key crypto.Signer
}

func (i issued) tls(chain ...*x509.Certificate) *tls.Certificate {
	c := &tls.Certificate{PrivateKey: i.key, Leaf: i.Certificate, Certificate: [][]byte{i.Raw}}
	for _, intermediate := range chain {
		c.Certificate = append(c.Certificate, intermediate.Raw)
	}
	return c
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             noon.Add(-24 * time.Hour),
		NotAfter:              noon.Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return &authority{t: t, cert: create(t, template, template, key.Public(), key), key: key}
}

// intermediate makes a CA below a.
func (a *authority) intermediate(name string) *authority {
	a.t.Helper()
	key := newKey(a.t)
	leaf := a.issueFor(key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	})
	return &authority{t: a.t, cert: leaf.Certificate, key: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a good client certificate and lets the test change one thing.
func (a *authority) issue(change func(*x509.Certificate)) issued {
	a.t.Helper()
	return a.issueFor(newKey(a.t), change)
}

func (a *authority) issueFor(key crypto.Signer, change func(*x509.Certificate)) issued {
	a.t.Helper()
	template := clientTemplate()
	if change != nil {
		change(template)
	}
	return issued{create(a.t, template, a.cert, key.Public(), a.key), key}
}

// selfSigned makes a good self-signed client certificate and lets the test change one thing.
func selfSigned(t testing.TB, key crypto.Signer, change func(*x509.Certificate)) issued {
	t.Helper()
	template := clientTemplate()
	if change != nil {
		change(template)
	}
	return issued{create(t, template, template, key.Public(), key), key}
}

func clientTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: "client", Organization: []string{"Example Bank"}, Country: []string{"BR"}},
		NotBefore:             noon.Add(-time.Hour),
		NotAfter:              noon.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
}

func create(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A value is an attribute as it stands in a certificate: its type, its ASN.1 string type, its bytes.
type value struct {
	oid   string
	tag   int
	bytes string
}

// nameDER encodes RDNs in the order of a certificate.
func nameDER(t testing.TB, rdns ...[]value) []byte {
	t.Helper()
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type rdnSET []attribute
	var sequence []rdnSET
	for _, rdn := range rdns {
		set := rdnSET{}
		for _, v := range rdn {
			oid, err := x509.ParseOID(v.oid)
			if err != nil {
				t.Fatal(err)
			}
			var arcs asn1.ObjectIdentifier
			der, _ := oid.MarshalBinary()
			if _, err := asn1.Unmarshal(append([]byte{asn1.TagOID, byte(len(der))}, der...), &arcs); err != nil {
				t.Fatal(err)
			}
			set = append(set, attribute{arcs, asn1.RawValue{Tag: v.tag, Bytes: []byte(v.bytes)}})
		}
		sequence = append(sequence, set)
	}
	der, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// certificateNamed signs a certificate with that subject, byte for byte.
func certificateNamed(t testing.TB, rdns ...[]value) *x509.Certificate {
	t.Helper()
	return selfSigned(t, newKey(t), func(c *x509.Certificate) { c.RawSubject = nameDER(t, rdns...) }).Certificate
}

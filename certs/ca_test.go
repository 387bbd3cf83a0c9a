package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/mtls"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newCA(t testing.TB) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA(certs.CAConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newServer(t testing.TB, ca *certs.CA, lifetime time.Duration, hosts ...string) *certs.Leaf {
	t.Helper()
	leaf, err := ca.Server(hosts, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func newClient(t testing.TB, ca *certs.CA, s certs.ClientSubject) *certs.Leaf {
	t.Helper()
	leaf, err := ca.Client(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestNewCA(t *testing.T) {
	ca, err := certs.NewCA(certs.CAConfig{Name: "test CA", Lifetime: 48 * time.Hour, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	c := ca.Certificate()
	type facts struct {
		Name                string
		NotBefore, NotAfter time.Time
		Usage               x509.KeyUsage
		CA, NoPath          bool
		Curve               elliptic.Curve
	}
	want := facts{"test CA", noon.Add(-certs.Skew), noon.Add(48 * time.Hour), x509.KeyUsageCertSign, true, true, elliptic.P256()}
	got := facts{
		c.Subject.CommonName, c.NotBefore, c.NotAfter, c.KeyUsage, c.BasicConstraintsValid && c.IsCA, c.MaxPathLenZero,
		c.PublicKey.(*ecdsa.PublicKey).Curve,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := certs.NewCA(certs.CAConfig{Lifetime: -time.Hour}); err == nil {
		t.Error("made a CA that ended before it began")
	}
}

// Serial numbers are at least 128 random bits, and fit in 20 bytes (RFC 5280 §4.1.2.2).
func TestSerialNumbers(t *testing.T) {
	ca := newCA(t)
	seen := map[string]bool{}
	for range 50 {
		serial := newServer(t, ca, 0, "localhost").Certificate.SerialNumber
		if seen[serial.String()] {
			t.Fatalf("serial number %x twice", serial)
		}
		seen[serial.String()] = true
		if serial.Sign() <= 0 || serial.BitLen() < 128 || serial.BitLen() > 159 {
			t.Errorf("serial number %x of %d bits", serial, serial.BitLen())
		}
	}
}

func TestServerLeaf(t *testing.T) {
	ca := newCA(t)
	leaf := newServer(t, ca, time.Hour, "api.example.com", "*.wild.example", "127.0.0.1", "::1")
	for _, tt := range []struct {
		host string
		ok   bool
	}{
		{"api.example.com", true},
		{"a.wild.example", true},
		{"127.0.0.1", true},
		{"[::1]", true},
		{"example.com", false},
		{"127.0.0.2", false},
	} {
		_, err := leaf.Certificate.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: tt.host})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.host, err)
		}
	}
	if err := mtls.VerifyClient(leaf.Certificate, nil, ca.Pool(), time.Now()); err == nil {
		t.Error("a server's certificate is a client's")
	}
	if _, err := ca.Server(nil, 0); err == nil {
		t.Error("made a server certificate for no host")
	}
	if _, err := ca.Server([]string{"localhost"}, -time.Second); err == nil {
		t.Error("made a certificate that ended before it began")
	}
}

// Each field of a ClientSubject is what package mtls can be told to look for.
func TestClientLeaf(t *testing.T) {
	ca := newCA(t)
	leaf := newClient(t, ca, certs.ClientSubject{
		CommonName: "payments", OrganizationIdentifier: "PSDBR-BCB-12345", Organization: "Example Bank", Country: "BR",
		DNS: "client.bank.example", URI: "spiffe://bank.example/payments", IP: "192.0.2.1", Email: "ops@bank.example",
	})
	if err := mtls.VerifyClient(leaf.Certificate, nil, ca.Pool(), time.Now()); err != nil {
		t.Error(err)
	}
	if err := mtls.VerifyClient(leaf.Certificate, nil, newCA(t).Pool(), time.Now()); err == nil {
		t.Error("another CA vouches for it")
	}
	for _, s := range []mtls.Subject{
		{DN: "CN=payments,organizationIdentifier=PSDBR-BCB-12345,O=Example Bank,C=BR"},
		{DNS: "client.bank.example"},
		{URI: "spiffe://bank.example/payments"},
		{IP: "192.0.2.1"},
		{Email: "ops@bank.example"},
	} {
		if err := s.Match(leaf.Certificate); err != nil {
			t.Error(err)
		}
	}
	if _, err := leaf.Certificate.Verify(x509.VerifyOptions{Roots: ca.Pool()}); err == nil {
		t.Error("a client's certificate is a server's")
	}
}

func TestClientSubjectRefusals(t *testing.T) {
	ca := newCA(t)
	for name, s := range map[string]certs.ClientSubject{
		"nobody":               {},
		"an address":           {IP: "bank.example"},
		"a URI of no scheme":   {URI: "payments"},
		"a URI that is none":   {URI: "http://[::1"},
		"a name outside ASCII": {DNS: "bücher.example"},
	} {
		if _, err := ca.Client(s, 0); err == nil {
			t.Errorf("%s: made a certificate", name)
		}
	}
}

func TestPeriods(t *testing.T) {
	now := noon
	ca, err := certs.NewCA(certs.CAConfig{Lifetime: 100 * 24 * time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	end := noon.Add(100 * 24 * time.Hour)
	for _, tt := range []struct {
		name     string
		at       time.Time
		lifetime time.Duration
		want     time.Time
	}{
		{"as asked", noon, time.Hour, noon.Add(time.Hour)},
		{"90 days when not asked", noon, 0, noon.Add(90 * 24 * time.Hour)},
		{"no longer than the CA", noon, 200 * 24 * time.Hour, end},
		{"no longer than the CA near its end", end.Add(-time.Hour), 0, end},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now = tt.at
			c := newServer(t, ca, tt.lifetime, "localhost").Certificate
			if !c.NotAfter.Equal(tt.want) || !c.NotBefore.Equal(tt.at.Add(-certs.Skew)) {
				t.Errorf("valid from %s until %s, want until %s", c.NotBefore, c.NotAfter, tt.want)
			}
		})
	}
	now = end
	if _, err := ca.Server([]string{"localhost"}, 0); err == nil {
		t.Error("an expired CA signs")
	}
}

func TestSelfSigned(t *testing.T) {
	leaf, err := certs.SelfSigned("payments", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := mtls.CheckValidity(leaf.Certificate, time.Now()); err != nil {
		t.Error(err)
	}
	if err := leaf.Certificate.CheckSignature(leaf.Certificate.SignatureAlgorithm, leaf.Certificate.RawTBSCertificate, leaf.Certificate.Signature); err != nil {
		t.Error(err)
	}
	if !mtls.MatchRegistered(leaf.Certificate, []*x509.Certificate{leaf.Certificate}) {
		t.Error("it is not itself")
	}
	if _, err := certs.SelfSigned("", 0); err == nil {
		t.Error("made a certificate of nobody")
	}
	if _, err := certs.SelfSigned("a", -1); err == nil {
		t.Error("made a certificate that ended before it began")
	}
}

func TestCASaveAndLoad(t *testing.T) {
	ca, dir := newCA(t), filepath.Join(t.TempDir(), "new", "ca")
	if err := ca.Save(dir); err != nil {
		t.Fatal(err)
	}
	checkMode(t, dir, 0o700)
	checkMode(t, filepath.Join(dir, certs.CAKeyFile), 0o600)
	checkMode(t, filepath.Join(dir, certs.CACertificateFile), 0o644)
	loaded, err := certs.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ca.Certificate().Raw, loaded.Certificate().Raw); diff != "" {
		t.Error(diff)
	}
	if _, err := newServer(t, loaded, 0, "localhost").Certificate.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "localhost"}); err != nil {
		t.Errorf("what the loaded CA signs: %v", err)
	}
	if err := newCA(t).Save(dir); err == nil {
		t.Error("a CA was written over another")
	}
	if again, err := certs.LoadCA(dir); err != nil || !again.Certificate().Equal(ca.Certificate()) {
		t.Errorf("the refused Save left another CA: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, certs.CACertificateFile)); err != nil {
		t.Fatal(err)
	}
	if err := newCA(t).Save(dir); err == nil {
		t.Error("the key of a CA was written over")
	}
}

func TestLoadCARefusesALeaf(t *testing.T) {
	dir := t.TempDir()
	leaf := newServer(t, newCA(t), 0, "localhost")
	save(t, leaf, filepath.Join(dir, certs.CACertificateFile), filepath.Join(dir, certs.CAKeyFile))
	if _, err := certs.LoadCA(dir); err == nil {
		t.Error("a leaf was taken for a CA")
	}
	if _, err := certs.LoadCA(t.TempDir()); err == nil {
		t.Error("an empty folder was taken for a CA")
	}
}

func save(t testing.TB, leaf *certs.Leaf, certPath, keyPath string) {
	t.Helper()
	if err := leaf.Save(certPath, keyPath); err != nil {
		t.Fatal(err)
	}
}

func checkMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %04o, want %04o", path, got, want)
	}
}

package mtls_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/mtls"
)

// The names are those of RFC 8705 §2.1.2.
func TestSubjectJSON(t *testing.T) {
	all := mtls.Subject{DN: "CN=a", DNS: "b.example", URI: "urn:c", IP: "192.0.2.1", Email: "d@e.example"}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"tls_client_auth_subject_dn":"CN=a","tls_client_auth_san_dns":"b.example","tls_client_auth_san_uri":"urn:c",` +
		`"tls_client_auth_san_ip":"192.0.2.1","tls_client_auth_san_email":"d@e.example"}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
	if data, err := json.Marshal(mtls.Subject{}); err != nil || string(data) != "{}" {
		t.Errorf("%s, %v", data, err)
	}
	if !(mtls.Subject{}).IsZero() || all.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestSubjectValidate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		subject mtls.Subject
		ok      bool
	}{
		{"a DN", mtls.Subject{DN: "CN=a,O=b"}, true},
		{"a DNS name", mtls.Subject{DNS: "Client-1.bank.example"}, true},
		{"a DNS name of one label", mtls.Subject{DNS: "localhost"}, true},
		{"an A-label", mtls.Subject{DNS: "xn--bcher-kva.example"}, true},
		{"a URI", mtls.Subject{URI: "spiffe://bank.example/payments"}, true},
		{"a URN", mtls.Subject{URI: "urn:example:client:1"}, true},
		{"an IPv4 address", mtls.Subject{IP: "192.0.2.1"}, true},
		{"an IPv6 address", mtls.Subject{IP: "2001:db8::1"}, true},
		{"an email address", mtls.Subject{Email: "ops+tenon@bank.example"}, true},

		{"RFC 8705 §2.1.2: none", mtls.Subject{}, false},
		{"RFC 8705 §2.1.2: two", mtls.Subject{DN: "CN=a", DNS: "b.example"}, false},
		{"RFC 8705 §2.1.2: two others", mtls.Subject{IP: "192.0.2.1", Email: "a@b.example"}, false},
		{"RFC 8705 §2.1.2: all", mtls.Subject{DN: "CN=a", DNS: "b", URI: "urn:c", IP: "192.0.2.1", Email: "d@e"}, false},
		{"a DN that is none", mtls.Subject{DN: "payments"}, false},
		{"a wildcard", mtls.Subject{DNS: "*.bank.example"}, false},
		{"a dot at the end", mtls.Subject{DNS: "bank.example."}, false},
		{"a dot at the beginning", mtls.Subject{DNS: ".bank.example"}, false},
		{"an empty label", mtls.Subject{DNS: "bank..example"}, false},
		{"a U-label", mtls.Subject{DNS: "bücher.example"}, false},
		{"a port", mtls.Subject{DNS: "bank.example:443"}, false},
		{"a hyphen at the end of a label", mtls.Subject{DNS: "bank-.example"}, false},
		{"a hyphen at the beginning of a label", mtls.Subject{DNS: "-bank.example"}, false},
		{"a label of 64", mtls.Subject{DNS: strings.Repeat("a", 64)}, false},
		{"a label of 63", mtls.Subject{DNS: strings.Repeat("a", 63)}, true},
		{"a name of 255", mtls.Subject{DNS: strings.Repeat("abc.", 63) + "abc"}, false},
		{"a name of 253", mtls.Subject{DNS: strings.Repeat("abc.", 63) + "a"}, true},
		{"a NUL", mtls.Subject{DNS: "bank\x00.example"}, false},
		{"a URI without a scheme", mtls.Subject{URI: "//bank.example/payments"}, false},
		{"a URI that is none", mtls.Subject{URI: "http://[::1"}, false},
		{"a URI with a space", mtls.Subject{URI: "urn:a b"}, false},
		{"a URI outside ASCII", mtls.Subject{URI: "urn:é"}, false},
		{"an address with a zone", mtls.Subject{IP: "fe80::1%eth0"}, false},
		{"an address with a prefix", mtls.Subject{IP: "192.0.2.0/24"}, false},
		{"an address with leading zeros", mtls.Subject{IP: "192.0.02.1"}, false},
		{"an address that is none", mtls.Subject{IP: "bank.example"}, false},
		{"an email address without @", mtls.Subject{Email: "bank.example"}, false},
		{"an email address without a local part", mtls.Subject{Email: "@bank.example"}, false},
		{"an email address without a domain", mtls.Subject{Email: "ops@"}, false},
		{"an email address with two @", mtls.Subject{Email: "a@b@bank.example"}, false},
		{"an email address with a name", mtls.Subject{Email: "Ops <ops@bank.example>"}, false},
		{"a quoted local part", mtls.Subject{Email: `"a b"@bank.example`}, false},
		{"an email address outside ASCII", mtls.Subject{Email: "é@bank.example"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.subject.Validate(); (err == nil) != tt.ok {
				t.Errorf("valid: %v (%v), want %v", err == nil, err, tt.ok)
			}
		})
	}
}

func TestSubjectMatch(t *testing.T) {
	ca := newAuthority(t, "client CA")
	cert := ca.issue(func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "common.example", Organization: []string{"Bank"}}
		c.DNSNames = []string{"other.example", "Client.bank.example", "*.wild.example"}
		c.URIs = []*url.URL{uri(t, "https://bank.example/Client?a=%7e"), uri(t, "urn:Example:1")}
		c.IPAddresses = []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}
		c.EmailAddresses = []string{"Ops@Bank.example"}
	}).Certificate
	for _, tt := range []struct {
		name    string
		subject mtls.Subject
		accept  bool
	}{
		{"the subject", mtls.Subject{DN: "CN=common.example,O=Bank"}, true},
		{"a part of the subject", mtls.Subject{DN: "CN=common.example"}, false},
		{"a DNS name", mtls.Subject{DNS: "client.bank.example"}, true},
		{"RFC 5280 §7.2: case of a DNS name", mtls.Subject{DNS: "CLIENT.BANK.EXAMPLE"}, true},
		{"the common name is no DNS name", mtls.Subject{DNS: "common.example"}, false},
		{"a wildcard stands for itself", mtls.Subject{DNS: "a.wild.example"}, false},
		{"a domain above", mtls.Subject{DNS: "bank.example"}, false},
		{"a domain below", mtls.Subject{DNS: "a.client.bank.example"}, false},
		{"a URI", mtls.Subject{URI: "https://bank.example/Client?a=%7e"}, true},
		{"the other URI", mtls.Subject{URI: "urn:Example:1"}, true},
		{"case of a URI counts", mtls.Subject{URI: "urn:example:1"}, false},
		{"a URI that means the same", mtls.Subject{URI: "https://bank.example/Client?a=~"}, false},
		{"a URI that is a beginning", mtls.Subject{URI: "https://bank.example/Client"}, false},
		{"an IPv4 address", mtls.Subject{IP: "192.0.2.1"}, true},
		{"another IPv4 address", mtls.Subject{IP: "192.0.2.11"}, false},
		{"RFC 8705 §2.1.2: an IPv6 address", mtls.Subject{IP: "2001:db8::1"}, true},
		{"an IPv6 address, written out", mtls.Subject{IP: "2001:0DB8:0000:0:0:0:0:1"}, true},
		{"another IPv6 address", mtls.Subject{IP: "2001:db8::2"}, false},
		{"an IPv4 address in an IPv6 one", mtls.Subject{IP: "::ffff:192.0.2.1"}, false},
		{"an email address", mtls.Subject{Email: "Ops@bank.example"}, true},
		{"RFC 5280 §7.5: case of the domain", mtls.Subject{Email: "Ops@BANK.example"}, true},
		{"RFC 5280 §7.5: case of the local part counts", mtls.Subject{Email: "ops@bank.example"}, false},
		{"another domain of an email address", mtls.Subject{Email: "Ops@tank.example"}, false},
		{"another local part of an email address", mtls.Subject{Email: "Oms@bank.example"}, false},
		{"a DNS name as URI", mtls.Subject{URI: "client.bank.example"}, false},
		{"a domain of an email address as DNS name", mtls.Subject{DNS: "Bank.example"}, false},
		{"nothing registered", mtls.Subject{}, false},
		{"two registered, both right", mtls.Subject{DNS: "client.bank.example", IP: "192.0.2.1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.subject.Match(cert)
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v), want %v", accepted, err, tt.accept)
			}
		})
	}
	for _, s := range []mtls.Subject{{DN: "CN=a"}, {DNS: "a.example"}, {IP: "192.0.2.1"}, {URI: "urn:a"}, {Email: "a@b.example"}} {
		if s.Match(nil) == nil || s.Match(&x509.Certificate{}) == nil {
			t.Errorf("%+v: matched nothing at all", s)
		}
	}
}

// M07: a renewed certificate is still the same client's, although tokens bound to the old one die.
func TestRenewedCertificateIsTheSameClient(t *testing.T) {
	ca := newAuthority(t, "client CA")
	first, renewed := ca.issue(nil), ca.issue(nil)
	registered := mtls.Subject{DN: "CN=client,O=Example Bank,C=BR"}
	for _, c := range []issued{first, renewed} {
		if err := mtls.VerifyClient(c.Certificate, nil, ca.pool(), noon); err != nil {
			t.Error(err)
		}
		if err := registered.Match(c.Certificate); err != nil {
			t.Error(err)
		}
	}
	if mtls.Thumbprint(first.Certificate) == mtls.Thumbprint(renewed.Certificate) {
		t.Error("the renewed certificate has the old thumbprint")
	}
}

func uri(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func sanExtension(value []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}
}

// generalNames encodes names as they stand in the extension: dNSName unless said otherwise.
func generalNames(t testing.TB, names ...asn1.RawValue) []byte {
	t.Helper()
	der, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func dnsName(s string) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(s)}
}

// A certificate whose names two readers could read differently matches nobody, also not by its good names (RFC 8705 §7.5).
func TestAlternativeNamesThatAreRefused(t *testing.T) {
	good := generalNames(t, dnsName("good.example"))
	other := sanExtension(generalNames(t, dnsName("other.example")))
	for _, tt := range []struct {
		name       string
		extensions []pkix.Extension
		accept     bool
	}{
		{"a good one", []pkix.Extension{sanExtension(good)}, true},
		{"beside a kind that is not looked at", []pkix.Extension{sanExtension(generalNames(t, dnsName("good.example"),
			asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 8, Bytes: []byte{42}}))}, true},
		{"RFC 5280 §4.2: the extension twice", []pkix.Extension{sanExtension(good), other}, false},
		{"RFC 5280 §4.2: the extension twice, the good one last", []pkix.Extension{other, sanExtension(good)}, false},
		{"a NUL in a name", []pkix.Extension{sanExtension(generalNames(t, dnsName("good.example"), dnsName("good.example\x00.evil.example")))}, false},
		{"a NUL after the name", []pkix.Extension{sanExtension(generalNames(t, dnsName("good.example\x00")))}, false},
		{"a name outside ASCII", []pkix.Extension{sanExtension(generalNames(t, dnsName("good.example"), dnsName("b\xfccher.example")))}, false},
		{"an element that is no name", []pkix.Extension{sanExtension(generalNames(t, dnsName("good.example"), asn1.RawValue{Tag: 2, Bytes: []byte("x")}))}, false},
		{"bytes after the names", []pkix.Extension{sanExtension(append(good[:len(good):len(good)], 0))}, false},
		{"names that are cut off", []pkix.Extension{sanExtension(good[:len(good)-1])}, false},
		{"another extension", []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 18}, Value: good}}, false},
		{"the name as an email address", []pkix.Extension{sanExtension(generalNames(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte("good.example")}))}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := mtls.Subject{DNS: "good.example"}.Match(&x509.Certificate{Extensions: tt.extensions})
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("accepted: %v (%v), want %v", accepted, err, tt.accept)
			}
		})
	}
}

// Arbitrary bytes as a subjectAltName: no panic, and no match without the name in them.
func FuzzSubjectAltName(f *testing.F) {
	f.Add(generalNames(f, dnsName("good.example")))
	f.Add(generalNames(f, dnsName("good.example\x00")))
	f.Add(generalNames(f, dnsName("GOOD.example"), asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 7, Bytes: []byte{192, 0, 2, 1}}))
	f.Add([]byte{0x30, 0x80})
	f.Add([]byte(nil))
	registered := mtls.Subject{DNS: "good.example"}
	f.Fuzz(func(t *testing.T, der []byte) {
		err := registered.Match(&x509.Certificate{Extensions: []pkix.Extension{sanExtension(der)}})
		if err == nil && !strings.Contains(strings.ToLower(string(der)), registered.DNS) {
			t.Errorf("%x holds no %s", der, registered.DNS)
		}
	})
}

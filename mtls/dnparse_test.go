package mtls_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/mtls"
)

// The examples of RFC 4514 §4 and more: each text and the form in which String writes it.
func TestParseDN(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"RFC 4514 §4, first", `UID=jsmith,DC=example,DC=net`, `UID=jsmith,DC=example,DC=net`},
		{"RFC 4514 §4, multi-valued RDN", `OU=Sales+CN=J.  Smith,DC=example,DC=net`, `OU=Sales+CN=J.  Smith,DC=example,DC=net`},
		{"RFC 4514 §4, escaped quotes and comma", `CN=James \"Jim\" Smith\, III,DC=example,DC=net`, `CN=James \"Jim\" Smith\, III,DC=example,DC=net`},
		{"RFC 4514 §4, carriage return: refused here, see checkText", `CN=Before\0dAfter,DC=example,DC=net`, ``},
		{"RFC 4514 §4, an OCTET STRING: crypto/x509 reads no certificate with one", `1.3.6.1.4.1.1466.0=#04024869`, ``},
		{"RFC 4514 §4, UTF-8 in hex pairs", `CN=Lu\C4\8Di\C4\87`, `CN=Lučić`},
		{"UTF-8 as it is", `CN=Lučić`, `CN=Lučić`},
		{"a value in hexadecimal", `CN=#0C024869`, `CN=Hi`},
		{"a type without a name", `1.3.6.1.4.1.1466.0=Hi`, `1.3.6.1.4.1.1466.0=#0c024869`},
		{"the same in hexadecimal", `1.3.6.1.4.1.1466.0=#0c024869`, `1.3.6.1.4.1.1466.0=#0c024869`},
		{"a PrintableString in hexadecimal", `1.3.6.1.4.1.1466.0=#13024869`, `1.3.6.1.4.1.1466.0=#0c024869`},
		{"names are written one way", `COMMONNAME=a,2.5.4.97=b,s=c,E=d@e`, `CN=a,organizationIdentifier=b,ST=c,emailAddress=d@e`},
		{"spaces around separators", ` CN = a b , O = c + OU = d `, `CN=a b,OU=d+O=c`},
		{"escaped spaces at both ends", `CN=\  a \ `, `CN=\  a \ `},
		{"an escaped space before a separator", `CN=a\ ,O=b`, `CN=a\ ,O=b`},
		{"escaped #, =", `CN=\#a#\=b=c`, `CN=\#a#=b=c`},
		{"every special character", `CN=\"\+\,\;\<\>\\`, `CN=\"\+\,\;\<\>\\`},
		{"the same in hex pairs", `CN=\22\2B\2c\3b\3C\3e\5C`, `CN=\"\+\,\;\<\>\\`},
		{"an empty value", `CN=,O=b`, `CN=,O=b`},
		{"an empty value at the end", `O=b,CN=`, `O=b,CN=`},
		{"the first arc 2 with a large second", `2.999.1=#0c0161`, `2.999.1=#0c0161`},
		{"an arc of a UUID", `2.25.329800735698586629295641978511506172918=a`, `2.25.329800735698586629295641978511506172918=#0c0161`},

		{"nothing", ``, ``},
		{"spaces", `  `, ``},
		{"no type", `=a`, ``},
		{"no =", `CN`, ``},
		{"no = in a later RDN", `CN=a,O`, ``},
		{"a comma at the end", `CN=a,`, ``},
		{"a comma at the beginning", `,CN=a`, ``},
		{"a plus at the end", `CN=a+`, ``},
		{"a type nobody knows", `XX=a`, ``},
		{"half an OID", `2.=a`, ``},
		{"one arc", `2=a`, ``},
		{"OID. and no OID", `OID.=a`, ``},
		{"a leading zero in an arc", `2.5.4.03=a`, ``},
		{"a sign in an arc", `2.5.4.-3=a`, ``},
		{"an unescaped quote (RFC 1779)", `O="Example, Inc"`, ``},
		{"an unescaped semicolon (RFC 1779)", `CN=a;O=b`, ``},
		{"an unescaped <", `CN=a<b`, ``},
		{"slashes (openssl)", `/C=BR/O=Bank/CN=a`, ``},
		{"a backslash at the end", `CN=a\`, ``},
		{"a backslash before a letter", `CN=a\z`, ``},
		{"one digit after a backslash", `CN=a\2`, ``},
		{"a NUL", "CN=a\x00b", ``},
		{"a NUL in a hex pair (RFC 8705 §7.5)", `CN=a\00b`, ``},
		{"a NUL in hexadecimal", `CN=#0c03610062`, ``},
		{"hex pairs that are not UTF-8", `CN=\C4`, ``},
		{"# and nothing", `CN=#`, ``},
		{"# and half a byte", `CN=#0c0`, ``},
		{"# and no DER", `CN=#0c05`, ``},
		{"# and two elements", `CN=#0c01610c0162`, ``},
		{"# and BER that is not DER", `CN=#0c810161`, ``},
		{"# and no string", `CN=#020101`, ``},
		{"# and a constructed string", `CN=#2c03616263`, ``},
		{"# and a context tag", `CN=#8c0161`, ``},
		{"more than anybody has", `CN=` + strings.Repeat("a", 9000), ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := mtls.ParseDN(tt.text)
			if tt.want == "" {
				if err == nil {
					t.Errorf("read as %q", d)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.String() != tt.want && d.String() != swapped(tt.want) {
				t.Errorf("read as %q, want %q", d, tt.want)
			}
		})
	}
}

// swapped is for the rows whose RDN has two attributes: they are written in the order of their OIDs.
func swapped(s string) string {
	return strings.NewReplacer("OU=Sales+CN=J.  Smith", "CN=J.  Smith+OU=Sales", "OU=d+O=c", "O=c+OU=d").Replace(s)
}

// Every short name stands for the OID that the other side uses (RFC 4514 §3; the types of banks' certificates).
func TestShortNames(t *testing.T) {
	for name, oid := range map[string]string{
		"CN": cn, "L": "2.5.4.7", "ST": "2.5.4.8", "O": o, "OU": ou, "C": c, "STREET": "2.5.4.9", "DC": dc,
		"UID": "0.9.2342.19200300.100.1.1", // RFC 4514 §3 up to here
		"SN":  "2.5.4.4", "serialNumber": serialNumber, "title": "2.5.4.12", "postalCode": "2.5.4.17", "givenName": "2.5.4.42",
		"dnQualifier": "2.5.4.46", "pseudonym": "2.5.4.65", "organizationIdentifier": organizationID, "businessCategory": "2.5.4.15",
		"emailAddress": emailAddress, "jurisdictionLocalityName": "1.3.6.1.4.1.311.60.2.1.1",
		"jurisdictionStateOrProvinceName": "1.3.6.1.4.1.311.60.2.1.2", "jurisdictionCountryName": jurisdictionCountry,
		"jurisdictionC": jurisdictionCountry, "jurisdictionCountry": jurisdictionCountry,
	} {
		d := parse(t, strings.ToUpper(name)+"=X")
		if !d.Equal(parse(t, oid+"=x")) {
			t.Errorf("%s is not %s, or its case counts", name, oid)
		}
	}
}

// What is read is written so that it is read again as the same, and equality does not depend on which side asks.
func FuzzParseDN(f *testing.F) {
	for _, seed := range []string{
		`CN=payments.example.com,OU=Open Banking+serialNumber=42,2.5.4.97=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR`,
		`CN=James \"Jim\" Smith\, III,DC=example,DC=net`, `CN=Lu\C4\8Di\C4\87`, `1.3.6.1.4.1.1466.0=#0c024869`, `CN=\  a \ `,
		` CN = a b , O = c + OU = d `, `CN=a\00`, `CN=#1e0400610062`, `CN=#14026ce3`, `O=`, `CN=#`, `CN=\`, `2.5.4.3=a+2.5.4.3=b`, "CN=a \u0301",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := mtls.ParseDN(s)
		if err != nil {
			if d.Equal(d) {
				t.Errorf("a name came with the error %v", err)
			}
			return
		}
		again, err := mtls.ParseDN(d.String())
		if err != nil {
			if len(d.String()) > 8<<10 { // escapes made it larger than what is read
				return
			}
			t.Fatalf("%q was written as %q: %v", s, d, err)
		}
		if !again.Equal(d) || !d.Equal(again) || !d.EqualEitherWay(again) {
			t.Errorf("%q was written as %q and read as %q", s, d, again)
		}
		if again.String() != d.String() {
			t.Errorf("%q is written as %q and then as %q", s, d, again)
		}
	})
}

// Arbitrary bytes as a subject: no panic, and what is read has a text that means the same name.
func FuzzCertificateDN(f *testing.F) {
	f.Add(nameDER(f, bank()...))
	f.Add(nameDER(f, []value{{o, teletex, "S\xe3o"}, {cn, bmp, utf16be("銀行")}}))
	f.Add(nameDER(f, []value{{nobodysOID, utf8str, "Value"}}))
	f.Add(nameDER(f, []value{{cn, utf8str, "bank\x00"}}))
	f.Add(nameDER(f, []value{}))
	f.Add(loadAppendixA(f).RawSubject)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		d, err := mtls.CertificateDN(&x509.Certificate{RawSubject: der})
		if err != nil {
			return
		}
		again, err := mtls.ParseDN(d.String())
		if err != nil {
			if len(d.String()) > 8<<10 {
				return
			}
			t.Fatalf("%x has the text %q: %v", der, d, err)
		}
		if !again.Equal(d) {
			t.Errorf("%x has the text %q, which is another name", der, d)
		}
		if err := (mtls.Subject{DN: d.String()}).Match(&x509.Certificate{RawSubject: der}); err != nil {
			t.Errorf("registered by its own text: %v", err)
		}
	})
}

func loadAppendixA(t testing.TB) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(loadVector(t, "rfc8705-A").Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

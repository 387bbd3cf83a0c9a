package mtls_test

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/mtls"
)

const (
	utf8str   = asn1.TagUTF8String
	printable = asn1.TagPrintableString
	teletex   = asn1.TagT61String
	bmp       = asn1.TagBMPString
	ia5       = asn1.TagIA5String
	numeric   = asn1.TagNumericString
)

const (
	cn, c, o, ou, dc    = "2.5.4.3", "2.5.4.6", "2.5.4.10", "2.5.4.11", "0.9.2342.19200300.100.1.25"
	serialNumber        = "2.5.4.5"
	organizationID      = "2.5.4.97"
	emailAddress        = "1.2.840.113549.1.9.1"
	jurisdictionCountry = "1.3.6.1.4.1.311.60.2.1.3"
	nobodysOID          = "1.3.6.1.4.1.99999.1"
)

// Characters that are hard to tell from others in print.
const (
	combiningAcute = "\u0301"
	noBreakSpace   = "\u00a0"
	kelvinSign     = "\u212a"
	capitalDottedI = "\u0130"
	dotlessI       = "\u0131"
)

func utf16be(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r >> 8))
		b.WriteByte(byte(r))
	}
	return b.String()
}

// bank is the subject that the tables below vary, in the order of a certificate.
func bank() [][]value {
	return [][]value{
		{{c, printable, "BR"}},
		{{o, utf8str, "Example Bank, S.A."}},
		{{organizationID, utf8str, "PSDBR-BCB-12345"}},
		{{ou, utf8str, "Open Banking"}, {serialNumber, printable, "42"}},
		{{cn, utf8str, "payments.example.com"}},
	}
}

// Each row is a registration for the subject of bank, or one that must not be taken for it.
func TestRegisteredDN(t *testing.T) {
	cert := certificateNamed(t, bank()...)
	const tail = `OU=Open Banking+serialNumber=42,organizationIdentifier=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR`
	for _, tt := range []struct {
		clause, registered string
		accept             bool
	}{
		{"RFC 4514 §2.1: last RDN first", "CN=payments.example.com," + tail, true},
		{"the order of the certificate", `C=BR,O=Example Bank\, S.A.,2.5.4.97=PSDBR-BCB-12345,OU=Open Banking+serialNumber=42,CN=payments.example.com`, true},
		{"RFC 4512 §2.3.1: an RDN is a set", `CN=payments.example.com,serialNumber=42+OU=Open Banking,2.5.4.97=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR`, true},
		{"RFC 4514 §2.3: OIDs for types", `2.5.4.3=payments.example.com,2.5.4.11=Open Banking+2.5.4.5=42,2.5.4.97=PSDBR-BCB-12345,2.5.4.10=Example Bank\, S.A.,2.5.4.6=BR`, true},
		{"OID. in front", `OID.2.5.4.3=payments.example.com,` + strings.Replace(tail, "organizationIdentifier", "oid.2.5.4.97", 1), true},
		{"RFC 4514 §2.4: hexadecimal DER, and of another string type", `CN=#13147061796d656e74732e6578616d706c652e636f6d,` + tail, true},
		{"RFC 4514 §2.4: the same with one letter changed", `CN=#13147061796e656e74732e6578616d706c652e636f6d,` + tail, false},
		{"RFC 4517 §4.2.11: case", "cn=PAYMENTS.example.COM," + strings.ToUpper(tail), true},
		{"RFC 4518 §2.6.1: insignificant spaces", "CN=payments.example.com," + strings.Replace(tail, "Open Banking", `\ Open   Banking\ `, 1), true},
		{"unescaped spaces around separators", "CN = payments.example.com , " + tail, true},
		{"RFC 4514 §3: a hex pair", "CN=payments.example.com," + strings.Replace(tail, `\,`, `\2c`, 1), true},
		{"RFC 4514 §2.3: full names", "commonName=payments.example.com," + strings.Replace(tail, "O=", "organizationName=", 1), true},

		{"an RDN is missing", tail, false},
		{"an RDN is missing at the other end", "CN=payments.example.com," + strings.TrimSuffix(tail, ",C=BR"), false},
		{"one RDN more", "UID=1,CN=payments.example.com," + tail, false},
		{"a value is another", "CN=payment.example.com," + tail, false},
		{"a type is another", "SN=payments.example.com," + tail, false},
		{"two RDNs in each other's place", `OU=Open Banking+serialNumber=42,CN=payments.example.com,2.5.4.97=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR`, false},
		{"a multi-valued RDN split into two", "CN=payments.example.com," + strings.Replace(tail, "+", ",", 1), false},
		{"two RDNs joined into one", "CN=payments.example.com+" + tail, false},
		{"an attribute of an RDN is missing", "CN=payments.example.com," + strings.Replace(tail, "+serialNumber=42", "", 1), false},
		{"a value that is a beginning", "CN=payments.example," + tail, false},
		{"values in each other's type", "CN=payments.example.com," + strings.Replace(tail, "OU=Open Banking+serialNumber=42", "OU=42+serialNumber=Open Banking", 1), false},
		{"the comma makes another RDN", "CN=payments.example.com," + strings.Replace(tail, `\, S.A.`, `,O=S.A.`, 1), false},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			err := mtls.Subject{DN: tt.registered}.Match(cert)
			if accepted := err == nil; accepted != tt.accept {
				t.Errorf("%s\naccepted: %v (%v)", tt.registered, accepted, err)
			}
		})
	}
}

// A name written from the other end is taken only when it cannot be another name.
func TestOtherOrderOnlyWhereItIsNoOtherName(t *testing.T) {
	for _, tt := range []struct {
		name, registered, presented string
		same                        bool
	}{
		{"different types", "C=BR,O=Bank,CN=a", "CN=a,O=Bank,C=BR", true},
		{"a repeated type, with an end that tells", "O=Bank,OU=x,OU=y,CN=a", "CN=a,OU=y,OU=x,O=Bank", true},
		{"example.com is not com.example", "DC=com,DC=example", "DC=example,DC=com", false},
		{"a department is not its parent", "OU=a,OU=b", "OU=b,OU=a", false},
		{"the types read the same from both ends", "CN=x,O=Bank,CN=y", "CN=y,O=Bank,CN=x", false},
		{"sets of types read the same from both ends", "CN=1+OU=b,CN=a+OU=2", "CN=a+OU=2,CN=1+OU=b", false},
		{"one RDN has one order", "CN=a+OU=b", "OU=b+CN=a", true},
		{"turning is of the whole, not of a part", "CN=a,OU=x,OU=y,O=Bank", "CN=a,OU=y,OU=x,O=Bank", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			registered, presented := parse(t, tt.registered), parse(t, tt.presented)
			if got := registered.EqualEitherWay(presented); got != tt.same {
				t.Errorf("%v, want %v", got, tt.same)
			}
			if got := presented.EqualEitherWay(registered); got != tt.same {
				t.Errorf("from the other side: %v, want %v", got, tt.same)
			}
			if !registered.EqualEitherWay(registered) {
				t.Error("it does not equal itself")
			}
		})
	}
	if parse(t, "C=BR,CN=a").Equal(parse(t, "CN=a,C=BR")) {
		t.Error("Equal is distinguishedNameMatch, where order counts (RFC 4517 §4.2.15)")
	}
}

func parse(t testing.TB, s string) mtls.DN {
	t.Helper()
	d, err := mtls.ParseDN(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The string type of a value does not matter, its characters do (RFC 4518 §2.1).
func TestStringTypes(t *testing.T) {
	for _, tt := range []struct {
		name, registered string
		presented        value
		same             bool
	}{
		{"UTF8String", "O=Banco São Paulo", value{o, utf8str, "Banco São Paulo"}, true},
		{"PrintableString", "O=Banco Sao Paulo", value{o, printable, "Banco Sao Paulo"}, true},
		{"TeletexString, as ISO 8859-1", "O=Banco São Paulo", value{o, teletex, "Banco S\xe3o Paulo"}, true},
		{"TeletexString in T.61, a tilde before its letter", "O=Banco São Paulo", value{o, teletex, "Banco S\xc4ao Paulo"}, false},
		{"BMPString", "O=Banco São Paulo", value{o, bmp, utf16be("Banco São Paulo")}, true},
		{"BMPString outside Latin", "O=銀行", value{o, bmp, utf16be("銀行")}, true},
		{"IA5String", "emailAddress=ops@bank.example", value{emailAddress, ia5, "Ops@bank.example"}, true},
		{"IA5String in a domain component", "DC=EXAMPLE", value{dc, ia5, "example"}, true},
		{"NumericString", "serialNumber=42", value{serialNumber, numeric, "42"}, true},
		{"the bytes of UTF-8 in a TeletexString", "O=São", value{o, teletex, "S\xc3\xa3o"}, false},
		{"a jurisdiction by name", "jurisdictionCountryName=br", value{jurisdictionCountry, printable, "BR"}, true},

		{"case outside ASCII", "O=BANCO SÃO", value{o, utf8str, "banco são"}, true},
		{"case of Greek and Cyrillic", "O=ΔΥΟ БАНК", value{o, utf8str, "δυο банк"}, true},
		{"a no-break space is a space (RFC 4518 §2.2)", "O=a b", value{o, utf8str, "a" + noBreakSpace + "b"}, true},
		{"spaces at both ends and in the middle", "O=a b", value{o, utf8str, "  a   b "}, true},
		{"a space more where there is none", "O=ab", value{o, utf8str, "a b"}, false},
		{"nothing but spaces is like nothing", "O=", value{o, utf8str, "   "}, true},
		{"a space that carries a mark counts (RFC 4518 §2.6.1)", "O=a " + combiningAcute, value{o, utf8str, "a  " + combiningAcute}, false},
		{"a letter with a mark is not the letter", "O=a", value{o, utf8str, "a" + combiningAcute}, false},
		{"not done: NFKC", "O=é", value{o, utf8str, "e" + combiningAcute}, false},
		{"not done: letters from outside ASCII (Kelvin)", "O=bank", value{o, utf8str, "ban" + kelvinSign}, false},
		{"not done: letters from outside ASCII (İ)", "O=i", value{o, utf8str, capitalDottedI}, false},
		{"not done: letters from outside ASCII (ı)", "O=I", value{o, utf8str, dotlessI}, false},
		{"not done: folding to two letters", "O=strasse", value{o, utf8str, "straße"}, false},
		{"not done: dropping the invisible", "O=bank", value{o, utf8str, "ba\u200bnk"}, false},
		{"a look-alike", "O=bank", value{o, utf8str, "b\u0430nk"}, false},

		{"a type nobody knows compares exactly", nobodysOID + "=Value", value{nobodysOID, utf8str, "Value"}, true},
		{"a type nobody knows: PrintableString", nobodysOID + "=Value", value{nobodysOID, printable, "Value"}, true},
		{"a type nobody knows: case counts", nobodysOID + "=Value", value{nobodysOID, utf8str, "value"}, false},
		{"a type nobody knows: spaces count", nobodysOID + "=a b", value{nobodysOID, utf8str, "a  b"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cert := certificateNamed(t, []value{tt.presented})
			err := mtls.Subject{DN: tt.registered}.Match(cert)
			if same := err == nil; same != tt.same {
				t.Errorf("same: %v (%v), want %v", same, err, tt.same)
			}
		})
	}
}

// What crypto/x509 would read into pkix.Name loses these; they never get that far, or are refused here (RFC 8705 §7.5).
func TestCertificateDNRefuses(t *testing.T) {
	one := func(tag int, bytes string) []byte { return nameDER(t, []value{{cn, tag, bytes}}) }
	good := nameDER(t, bank()...)
	for _, tt := range []struct {
		name string
		der  []byte
	}{
		{"an empty subject", nameDER(t)},
		{"nothing", nil},
		{"an empty RDN", nameDER(t, []value{})},
		{"bytes after the name", append(good[:len(good):len(good)], 0)},
		{"a name that is cut off", good[:len(good)-1]},
		{"a NUL in UTF-8", one(utf8str, "bank.example\x00.evil.example")},
		{"a NUL in a PrintableString", one(printable, "bank\x00evil")},
		{"a NUL in a TeletexString", one(teletex, "bank\x00evil")},
		{"a NUL in a BMPString", one(bmp, utf16be("bank\x00evil"))},
		{"a BMPString with a terminator", one(bmp, utf16be("bank\x00"))},
		{"a line feed", one(utf8str, "bank\nevil")},
		{"DEL", one(utf8str, "bank\x7f")},
		{"a control character of ISO 8859-1", one(teletex, "bank\x85")},
		{"UTF-8 that is not", one(utf8str, "bank\xff")},
		{"an overlong NUL", one(utf8str, "bank\xc0\x80")},
		{"Latin in a PrintableString", one(printable, "S\xe3o")},
		{"Latin in an IA5String", one(ia5, "S\xe3o")},
		{"UTF-8 in a PrintableString", one(printable, "S\xc3\xa3o")},
		{"UTF-8 in an IA5String", one(ia5, "S\xc3\xa3o")},
		{"half a character of a BMPString", one(bmp, utf16be("bank")+"x")},
		{"a surrogate in a BMPString", one(bmp, "\xd8\x00\xdc\x00")},
		{"the replacement character", one(utf8str, "bank\ufffd")},
		{"a character for private use", one(utf8str, "bank\ue000")},
		{"a character that is none", one(utf8str, "bank\ufdd0")},
		{"an INTEGER", one(asn1.TagInteger, "\x01")},
		{"a BIT STRING", one(asn1.TagBitString, "\x00\x01")},
		{"more than anybody has", one(utf8str, strings.Repeat("a", 9000))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := mtls.CertificateDN(&x509.Certificate{RawSubject: tt.der})
			if err == nil {
				t.Errorf("read %q", d)
			}
		})
	}
	if _, err := mtls.CertificateDN(&x509.Certificate{RawSubject: good}); err != nil {
		t.Errorf("the good one: %v", err)
	}
	if _, err := mtls.CertificateDN(nil); err == nil {
		t.Error("no certificate has a subject")
	}
}

func TestCertificateDNBeginsWithTheLastRDN(t *testing.T) { // RFC 4514 §2.1
	d, err := mtls.CertificateDN(certificateNamed(t, bank()...))
	want := `CN=payments.example.com,OU=Open Banking+serialNumber=42,organizationIdentifier=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR`
	if err != nil || d.String() != want {
		t.Errorf("%s, %v; want %s", d, err, want)
	}
}

func TestNobodysNameEqualsNothing(t *testing.T) {
	var nobody mtls.DN
	if nobody.Equal(nobody) || nobody.EqualEitherWay(nobody) || nobody.Equal(parse(t, "CN=a")) || parse(t, "CN=a").Equal(nobody) {
		t.Error("the empty name equals something")
	}
}

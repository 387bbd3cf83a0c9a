package mtls

import (
	"cmp"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// An attribute is one type and value of a name. The value is text when its string type is known, otherwise DER.
type attribute struct {
	oid      string // dotted decimal
	text     string // as written, when isText
	der      []byte // the whole element, when not isText
	isText   bool
	prepared string // what is compared: text after prepare, or the DER
}

// newAttribute makes an attribute from a DER value.
func newAttribute(oid string, value asn1.RawValue) (attribute, error) {
	text, isText, err := decodeText(value)
	if err != nil {
		return attribute{}, fmt.Errorf("%s: %w", oid, err)
	}
	if isText {
		return newTextAttribute(oid, text)
	}
	return attribute{oid: oid, der: value.FullBytes, prepared: string(value.FullBytes)}, nil
}

// newTextAttribute makes an attribute from text, wherever the text came from: which of the string types carried it does not
// matter (RFC 4517 §4.2.11 compares characters, and RFC 4518 §2.1 transcodes first).
func newTextAttribute(oid, text string) (attribute, error) {
	if err := checkText(text); err != nil {
		return attribute{}, fmt.Errorf("%s: %w", oid, err)
	}
	return attribute{oid: oid, text: text, isText: true, prepared: prepare(oid, text)}, nil
}

func (a attribute) equal(b attribute) bool { return a.compare(b) == 0 }

// compare orders attributes of an RDN. Zero means equal: same type, and same value after preparation.
func (a attribute) compare(b attribute) int {
	if a.isText != b.isText {
		if a.isText {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.oid, b.oid), cmp.Compare(a.prepared, b.prepared))
}

// String gives "CN=value", or "1.2.3=#0c0161" where RFC 4514 §2.4 asks for the hexadecimal form: for a type without a short
// name, and for a value that is not text.
func (a attribute) String() string {
	name := shortName(a.oid)
	switch {
	case !a.isText:
		return a.typeText(name) + "=#" + hex.EncodeToString(a.der)
	case name == "":
		return a.oid + "=#" + hex.EncodeToString(encodeUTF8String(a.text))
	}
	return name + "=" + escape(a.text)
}

func (a attribute) typeText(name string) string {
	if name == "" {
		return a.oid
	}
	return name
}

func encodeUTF8String(s string) []byte {
	// A length that fits in an int cannot fail to encode.
	der, err := asn1.MarshalWithParams(s, "utf8")
	if err != nil {
		panic("mtls: " + err.Error())
	}
	return der
}

// escape writes a value as RFC 4514 §2.4 asks.
func escape(s string) string {
	var b strings.Builder
	for i, r := range s {
		first, last := i == 0, i == len(s)-1
		switch {
		case strings.ContainsRune(`"+,;<>\`, r),
			r == '#' && first,
			r == ' ' && (first || last):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// An attributeType is a type that this package knows by name. Every one of them compares without regard to case
// (caseIgnoreMatch or caseIgnoreIA5Match); a type that is not listed compares exactly.
type attributeType struct {
	oid   string
	names []string // the first is written, all are read, without regard to case
}

// attributeTypes are the names of RFC 4514 §3, of RFC 4519, and those found in certificates of banks (RFC 2985 §5, X.520, ETSI EN
// 319 412-1 §5.1.4, CA/Browser Forum EV Guidelines §9.2).
func attributeTypes() []attributeType {
	return []attributeType{
		{"2.5.4.3", []string{"CN", "commonName"}},
		{"2.5.4.4", []string{"SN", "surname"}},
		{"2.5.4.5", []string{"serialNumber"}},
		{"2.5.4.6", []string{"C", "countryName", "country"}},
		{"2.5.4.7", []string{"L", "localityName", "locality"}},
		{"2.5.4.8", []string{"ST", "stateOrProvinceName", "S"}},
		{"2.5.4.9", []string{"STREET", "streetAddress"}},
		{"2.5.4.10", []string{"O", "organizationName", "organization"}},
		{"2.5.4.11", []string{"OU", "organizationalUnitName", "organizationalUnit"}},
		{"2.5.4.12", []string{"title", "T"}},
		{"2.5.4.13", []string{"description"}},
		{"2.5.4.15", []string{"businessCategory"}},
		{"2.5.4.17", []string{"postalCode"}},
		{"2.5.4.41", []string{"name"}},
		{"2.5.4.42", []string{"givenName", "GN"}},
		{"2.5.4.43", []string{"initials"}},
		{"2.5.4.44", []string{"generationQualifier"}},
		{"2.5.4.46", []string{"dnQualifier"}},
		{"2.5.4.65", []string{"pseudonym"}},
		{"2.5.4.97", []string{"organizationIdentifier"}},
		{"0.9.2342.19200300.100.1.1", []string{"UID", "userId"}},
		{"0.9.2342.19200300.100.1.25", []string{"DC", "domainComponent"}},
		{"1.2.840.113549.1.9.1", []string{"emailAddress", "E", "email"}},
		{"1.2.840.113549.1.9.2", []string{"unstructuredName"}},
		{"1.3.6.1.4.1.311.60.2.1.1", []string{"jurisdictionLocality", "jurisdictionLocalityName", "jurisdictionL"}},
		{"1.3.6.1.4.1.311.60.2.1.2", []string{"jurisdictionState", "jurisdictionStateOrProvinceName", "jurisdictionST"}},
		{"1.3.6.1.4.1.311.60.2.1.3", []string{"jurisdictionCountry", "jurisdictionCountryName", "jurisdictionC"}},
	}
}

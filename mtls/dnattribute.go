package mtls

import (
	"cmp"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// An attribute is one type and value of a name.
type attribute struct {
	oid      string // dotted decimal
	text     string // the characters of the value, whichever string type held them
	prepared string // what is compared
}

// newAttribute makes an attribute from a DER value, which must be of a string type.
func newAttribute(oid string, value asn1.RawValue) (attribute, error) {
	text, err := decodeText(value)
	if err != nil {
		return attribute{}, fmt.Errorf("%s: %w", oid, err)
	}
	return newTextAttribute(oid, text)
}

// newTextAttribute makes an attribute from text. The string type it came from does not matter: characters are compared, after
// all have become Unicode (RFC 4517 §4.2.11, RFC 4518 §2.1).
func newTextAttribute(oid, text string) (attribute, error) {
	if err := checkText(text); err != nil {
		return attribute{}, fmt.Errorf("%s: %w", oid, err)
	}
	return attribute{oid: oid, text: text, prepared: prepare(oid, text)}, nil
}

func (a attribute) equal(b attribute) bool { return a.compare(b) == 0 }

// compare orders the attributes of an RDN, by type first. Zero means equal: same type, and same value after preparation.
func (a attribute) compare(b attribute) int {
	return cmp.Or(strings.Compare(a.oid, b.oid), strings.Compare(a.prepared, b.prepared))
}

// String gives "CN=value", or "1.2.3=#0c0161", the value as a UTF8String in hexadecimal, where the type has no short name (RFC
// 4514 §2.4).
func (a attribute) String() string {
	if name := shortName(a.oid); name != "" {
		return name + "=" + escape(a.text)
	}
	der, err := asn1.MarshalWithParams(a.text, "utf8")
	if err != nil {
		panic("mtls: checked text has no DER: " + err.Error()) // checkText has seen that it is UTF-8
	}
	return a.oid + "=#" + hex.EncodeToString(der)
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
	names string // separated by spaces; the first is written, all are read, without regard to case
}

// attributeTypes are the names of RFC 4514 §3, of RFC 4519, and those found in certificates of banks (RFC 2985 §5, X.520, ETSI EN
// 319 412-1 §5.1.4, CA/Browser Forum EV Guidelines §9.2).
func attributeTypes() [27]attributeType {
	return [...]attributeType{
		{"2.5.4.3", "CN commonName"},
		{"2.5.4.4", "SN surname"},
		{"2.5.4.5", "serialNumber"},
		{"2.5.4.6", "C countryName country"},
		{"2.5.4.7", "L localityName locality"},
		{"2.5.4.8", "ST stateOrProvinceName S"},
		{"2.5.4.9", "STREET streetAddress"},
		{"2.5.4.10", "O organizationName organization"},
		{"2.5.4.11", "OU organizationalUnitName organizationalUnit"},
		{"2.5.4.12", "title T"},
		{"2.5.4.13", "description"},
		{"2.5.4.15", "businessCategory"},
		{"2.5.4.17", "postalCode"},
		{"2.5.4.41", "name"},
		{"2.5.4.42", "givenName GN"},
		{"2.5.4.43", "initials"},
		{"2.5.4.44", "generationQualifier"},
		{"2.5.4.46", "dnQualifier"},
		{"2.5.4.65", "pseudonym"},
		{"2.5.4.97", "organizationIdentifier"},
		{"0.9.2342.19200300.100.1.1", "UID userId"},
		{"0.9.2342.19200300.100.1.25", "DC domainComponent"},
		{"1.2.840.113549.1.9.1", "emailAddress E email"},
		{"1.2.840.113549.1.9.2", "unstructuredName"},
		{"1.3.6.1.4.1.311.60.2.1.1", "jurisdictionLocality jurisdictionLocalityName jurisdictionL"},
		{"1.3.6.1.4.1.311.60.2.1.2", "jurisdictionState jurisdictionStateOrProvinceName jurisdictionST"},
		{"1.3.6.1.4.1.311.60.2.1.3", "jurisdictionCountry jurisdictionCountryName jurisdictionC"},
	}
}

// shortName returns the name to write for a type, or "" for a type that is not listed.
func shortName(oid string) string {
	for _, t := range attributeTypes() {
		if t.oid == oid {
			name, _, _ := strings.Cut(t.names, " ")
			return name
		}
	}
	return ""
}

// namedOID returns the OID that a name stands for, or "".
func namedOID(name string) string {
	for _, t := range attributeTypes() {
		for known := range strings.SplitSeq(t.names, " ") {
			if strings.EqualFold(name, known) {
				return t.oid
			}
		}
	}
	return ""
}

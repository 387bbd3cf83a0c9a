package mtls

import (
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeText gives the characters of a string value (RFC 4518 §2.1). What breaks the rules of its string type is an error, and
// so is a value of another type: crypto/x509 reads no certificate with one in its subject.
func decodeText(v asn1.RawValue) (string, error) {
	if v.Class != asn1.ClassUniversal || v.IsCompound {
		return "", errors.New("a value that is not a string")
	}
	switch v.Tag {
	case asn1.TagUTF8String:
		return string(v.Bytes), nil // checkText looks at the encoding
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return decodeASCII(v.Bytes)
	case asn1.TagT61String:
		return decodeLatin1(v.Bytes), nil
	case asn1.TagBMPString:
		return decodeBMP(v.Bytes)
	}
	return "", fmt.Errorf("a value of the ASN.1 type %d, which is not a string", v.Tag)
}

func decodeASCII(b []byte) (string, error) {
	for _, c := range b {
		if c > unicode.MaxASCII {
			return "", fmt.Errorf("byte %#02x in a string of ASCII characters", c)
		}
	}
	return string(b), nil
}

// decodeLatin1 reads a TeletexString. RFC 4518 §2.1 leaves its characters open. Certificates in use mean ISO 8859-1 by it, as
// other implementations do; text in real T.61 with letters outside ASCII comes out as other letters and so matches nobody.
func decodeLatin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func decodeBMP(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", errors.New("a BMPString of an odd number of bytes")
	}
	var s strings.Builder
	for ; len(b) > 0; b = b[2:] {
		s.WriteRune(rune(binary.BigEndian.Uint16(b))) // half of a surrogate pair becomes U+FFFD, which checkText refuses
	}
	return s.String(), nil
}

// checkText refuses what no name should hold. RFC 4518 §2.2 and §2.4 would drop some of these characters and leave the
// comparison undefined for others; a name that has them is refused here, so that nothing is equal by leaving something out.
func checkText(s string) error {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Cc, r):
			return fmt.Errorf("text with the control character U+%04X", r) // NUL is one: RFC 8705 §7.5
		case r == utf8.RuneError: // what is not UTF-8 reads as this
			return errors.New("text that is not UTF-8, or holds U+FFFD")
		case unicode.Is(unicode.Co, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
			return fmt.Errorf("text with U+%04X, which RFC 4518 section 2.4 prohibits", r)
		}
	}
	return nil
}

// prepare gives the form in which a text value is compared. The types of [attributeTypes] ignore case and insignificant
// spaces (caseIgnoreMatch and caseIgnoreIA5Match, RFC 4517 §4.2.11, §4.2.7; RFC 4518 §2.2, §2.6.1); for another type the rule
// is not known, and its text compares exactly.
//
// Three steps of RFC 4518 are not taken, and each could only make more names equal: no normalisation to NFKC (é as one
// character and as two are different names here), no dropping of invisible characters, and no folding of a letter into more
// than one or from outside ASCII into ASCII (the Kelvin sign is not K).
func prepare(oid, s string) string {
	if shortName(oid) == "" {
		return s
	}
	return foldSpaces(strings.Map(fold, s))
}

func fold(r rune) rune {
	if unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp) {
		return ' ' // RFC 4518 §2.2
	}
	lower := unicode.ToLower(r)
	if r > unicode.MaxASCII && lower <= unicode.MaxASCII {
		return r
	}
	return lower
}

// foldSpaces drops spaces at both ends and makes one of each run between words. A space that carries a combining mark is
// not insignificant (RFC 4518 §2.6.1): runs before one stay as they are.
func foldSpaces(s string) string {
	var b strings.Builder
	waiting := 0
	for _, r := range s {
		if r == ' ' {
			waiting++
			continue
		}
		switch {
		case unicode.Is(unicode.M, r):
			b.WriteString(strings.Repeat(" ", waiting))
		case waiting > 0 && b.Len() > 0:
			b.WriteByte(' ')
		}
		waiting = 0
		b.WriteRune(r)
	}
	return b.String()
}

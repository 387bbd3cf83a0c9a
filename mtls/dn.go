package mtls

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A DN is a distinguished name, read and prepared for comparison. It keeps the order of RFC 4514 text: the most specific RDN
// first, which is the reverse of the order in a certificate. The zero value is nobody's name and equals nothing.
type DN struct {
	rdns []rdn
}

// An rdn is a set: its attributes are sorted, so that a+b and b+a are the same (RFC 4512 §2.3.1).
type rdn []attribute

// maxDNSize bounds a name, as text and as DER, before it is parsed. Names in use have a few hundred bytes.
const maxDNSize = 8 << 10

// CertificateDN reads the subject of a certificate from its DER. It refuses an empty subject, values that are not what their
// string type says, and NUL and other control characters: what one reader cuts off, another would compare (RFC 8705 §7.5).
func CertificateDN(cert *x509.Certificate) (DN, error) {
	if cert == nil {
		return DN{}, errors.New("mtls: no certificate to read a subject from")
	}
	d, err := decodeDN(cert.RawSubject)
	if err != nil {
		return DN{}, fmt.Errorf("mtls: certificate subject: %w", err)
	}
	return d, nil
}

// attributeDER and relativeNameSET are AttributeTypeAndValue and RelativeDistinguishedName (RFC 5280 §4.1.2.4). The suffix SET
// tells encoding/asn1 that the slice is a SET OF.
type (
	attributeDER struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	relativeNameSET []attributeDER
)

func decodeDN(der []byte) (DN, error) {
	if len(der) > maxDNSize {
		return DN{}, fmt.Errorf("a name of %d bytes; at most %d are read", len(der), maxDNSize)
	}
	var sequence []relativeNameSET
	rest, err := asn1.Unmarshal(der, &sequence)
	switch {
	case err != nil:
		return DN{}, err
	case len(rest) > 0:
		return DN{}, errors.New("something follows the name")
	case len(sequence) == 0:
		return DN{}, errors.New("the name is empty")
	}
	var d DN
	for _, set := range slices.Backward(sequence) { // RFC 4514 §2.1: the text begins with the last RDN
		var r rdn
		for _, a := range set {
			read, err := newAttribute(a.Type.String(), a.Value)
			if err != nil {
				return DN{}, err
			}
			r = append(r, read)
		}
		if len(r) == 0 {
			return DN{}, errors.New("an RDN is empty") // RFC 5280 §4.1.2.4: SET SIZE (1..MAX)
		}
		d.rdns = append(d.rdns, r.sorted())
	}
	return d, nil
}

// Equal is distinguishedNameMatch (RFC 4517 §4.2.15): the same number of RDNs, and each RDN equal to the one in its place. An
// RDN equals another that has the same attributes in any order. See attribute.equal for what makes values equal.
func (d DN) Equal(e DN) bool {
	return len(d.rdns) > 0 && slices.EqualFunc(d.rdns, e.rdns, rdn.equal)
}

// EqualEitherWay is Equal, and also true when e is d written from the other end. Registrations are often typed in the order of
// the certificate (C first), although RFC 4514 §2.1 begins with the last RDN.
//
// That is safe only where the two orders cannot both be names, so it is done only when the attribute types themselves tell
// the two ends apart, as C…CN does. A name whose types read the same from both ends, such as DC=com,DC=example or OU=a,OU=b,
// would turn into another well-formed name: example.com into com.example. Such a name matches in the right order only.
func (d DN) EqualEitherWay(e DN) bool {
	if d.Equal(e) {
		return true
	}
	turned := DN{rdns: slices.Clone(d.rdns)}
	slices.Reverse(turned.rdns)
	if slices.EqualFunc(d.rdns, turned.rdns, rdn.sameTypes) {
		return false
	}
	return turned.Equal(e)
}

// String gives the name as RFC 4514 text that [ParseDN] reads back to an equal name.
func (d DN) String() string {
	parts := make([]string, len(d.rdns))
	for i, r := range d.rdns {
		attributes := make([]string, len(r))
		for j, a := range r {
			attributes[j] = a.String()
		}
		parts[i] = strings.Join(attributes, "+")
	}
	return strings.Join(parts, ",")
}

func (r rdn) sorted() rdn {
	slices.SortFunc(r, attribute.compare)
	return r
}

func (r rdn) equal(s rdn) bool {
	return slices.EqualFunc(r, s, attribute.equal)
}

func (r rdn) sameTypes(s rdn) bool {
	return slices.EqualFunc(r, s, func(a, b attribute) bool { return a.oid == b.oid })
}

package mtls

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
)

// The choices of GeneralName that a client can be registered by (RFC 5280 §4.2.1.6).
const (
	tagEmail     = 1
	tagDNSName   = 2
	tagURI       = 6
	tagIPAddress = 7
)

// An alternativeName is one GeneralName: its choice and its content as in the certificate. crypto/x509 gives URIs parsed, and
// writing them out again need not give the same characters.
type alternativeName struct {
	tag   int
	value []byte
}

// alternativeNames reads the subjectAltName extension. None is no error. Text outside ASCII or with a NUL is (RFC 8705 §7.5).
func alternativeNames(cert *x509.Certificate) ([]alternativeName, error) {
	var names []alternativeName
	seen := false
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		if seen {
			return nil, errors.New("the extension is there twice") // RFC 5280 §4.2
		}
		seen = true
		var err error
		if names, err = decodeAlternativeNames(extension.Value); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func decodeAlternativeNames(der []byte) ([]alternativeName, error) {
	var sequence []asn1.RawValue
	rest, err := asn1.Unmarshal(der, &sequence)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("something follows the names")
	}
	names := make([]alternativeName, 0, len(sequence))
	for _, v := range sequence {
		if v.Class != asn1.ClassContextSpecific {
			return nil, errors.New("an element is no GeneralName")
		}
		isText := v.Tag == tagEmail || v.Tag == tagDNSName || v.Tag == tagURI
		if isText && bytes.ContainsFunc(v.Bytes, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, errors.New("a name has characters other than printable ASCII")
		}
		names = append(names, alternativeName{tag: v.Tag, value: v.Bytes})
	}
	return names, nil
}

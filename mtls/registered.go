package mtls

import (
	"bytes"
	"crypto/x509"
	"slices"
)

// MatchRegistered reports whether cert is one of the registered certificates, byte for byte. The same key or the same subject
// in another certificate is not enough (RFC 8705 §2.2): names in a self-signed certificate say nothing.
func MatchRegistered(cert *x509.Certificate, registered []*x509.Certificate) bool {
	if cert == nil || len(cert.Raw) == 0 {
		return false
	}
	return slices.ContainsFunc(registered, func(known *x509.Certificate) bool {
		return known != nil && bytes.Equal(known.Raw, cert.Raw)
	})
}

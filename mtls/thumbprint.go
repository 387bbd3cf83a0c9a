package mtls

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
)

// Thumbprint returns the x5t#S256 value of a certificate: SHA-256 over the whole DER certificate, not over its key, in base64url
// without padding, 43 characters (RFC 8705 §3.1). A renewed certificate has another thumbprint, also with the same key.
func Thumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

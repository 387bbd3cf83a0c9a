package mtls

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// VerifyClient checks a certificate for tls_client_auth: it is a client's own certificate, valid now, and a chain leads from it
// to roots. roots is a pool of its own for client certificates; nil is a fault and never means the system's pool, where anyone
// can buy a certificate (RFC 8705 §7.4). chain is what the client sent with it, see [TLS.Chain]. What the certificate says
// about its holder is [Subject.Match]'s matter, and worth nothing before this function has returned nil.
func VerifyClient(cert *x509.Certificate, chain []*x509.Certificate, roots *x509.CertPool, now time.Time) error {
	if cert == nil {
		return errors.New("mtls: no client certificate")
	}
	if roots == nil {
		return errors.New("mtls: no pool of client CAs is configured") // RFC 8705 §7.4
	}
	if cert.IsCA {
		return errors.New("mtls: the certificate of a CA is no client certificate") // RFC 5280 §4.2.1.9
	}
	if err := checkKey(cert); err != nil {
		return err
	}
	if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) { // x509.Verify accepts a leaf without the extension
		return errors.New("mtls: the certificate's extended key usage does not name clientAuth") // RFC 8705 §7.5
	}
	if err := checkPeriod(cert, now); err != nil { // x509.Verify takes the zero time for the present
		return err
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain {
		intermediates.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: intermediates,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("mtls: client certificate: %w", err)
	}
	return nil
}

// CheckValidity checks a certificate for self_signed_tls_client_auth, where no chain is looked at and [MatchRegistered] decides
// whose it is. A registered certificate still expires, and one made for another purpose is not taken. CA:TRUE alone does not
// refuse, because that is what "openssl req -x509" writes; a certificate whose key usage signs certificates is a CA's.
func CheckValidity(cert *x509.Certificate, now time.Time) error {
	if cert == nil {
		return errors.New("mtls: no client certificate")
	}
	if err := checkKey(cert); err != nil {
		return err
	}
	purposes := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny}
	named := len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 0
	if named && !slices.ContainsFunc(cert.ExtKeyUsage, func(u x509.ExtKeyUsage) bool { return slices.Contains(purposes, u) }) {
		return errors.New("mtls: the certificate's extended key usage does not allow clientAuth") // RFC 5280 §4.2.1.12
	}
	return checkPeriod(cert, now)
}

// checkPeriod is inclusive at both ends (RFC 5280 §4.1.2.5).
func checkPeriod(cert *x509.Certificate, now time.Time) error {
	if now.Before(cert.NotBefore) {
		return fmt.Errorf("mtls: the certificate is valid from %s, it is %s", stamp(cert.NotBefore), stamp(now))
	}
	if now.After(cert.NotAfter) {
		return fmt.Errorf("mtls: the certificate expired at %s, it is %s", stamp(cert.NotAfter), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// checkKey refuses keys that are too weak for anybody, and certificates whose key is not for handshakes.
func checkKey(cert *x509.Certificate) error {
	const signsForOthers = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if cert.KeyUsage&signsForOthers != 0 {
		return errors.New("mtls: the certificate's key signs certificates, so it is a CA's") // RFC 5280 §4.2.1.3
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return errors.New("mtls: the certificate's key usage lacks digitalSignature") // RFC 8446 §4.4.2.2
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return fmt.Errorf("mtls: an RSA key of %d bits; at least 2048 are needed", bits) // RFC 9325 §4.5
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return fmt.Errorf("mtls: an elliptic curve of %d bits; at least 256 are needed", bits) // RFC 9325 §4.5
		}
	case ed25519.PublicKey:
	default:
		return fmt.Errorf("mtls: a certificate key of type %T is not known", key)
	}
	return nil
}

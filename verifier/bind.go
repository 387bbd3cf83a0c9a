package verifier

import (
	"errors"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// A possession is what a request presents to show that it holds the keys its token is bound to.
type possession struct {
	credential
	request Request
	url     string // the public URL of the request
}

// A proved is what a request has shown to hold. Only bind fills it, so what is in it was compared.
type proved struct {
	proof       *dpop.Proof // nil when the token is not bound to a DPoP key
	key         string      // thumbprint of the DPoP key, "" without one
	certificate string      // thumbprint of the certificate, "" without one
}

// bind is the only place that compares a Confirmation with what was presented. Every member must be satisfied; there is no
// setting, and no absent configuration, that turns a bound token into one that whoever holds it may use. The comparison of a
// proof's key is part of the twelve checks, which get the thumbprint from here.
func (v *Verifier) bind(p possession, cnf tenon.Confirmation) (proved, error) {
	if !cnf.Bound() {
		return proved{}, refuseToken("cnf", "the token is not bound to a key: only bound tokens are accepted here") // FAPI 2.0 §5.3.4 (5)
	}
	if err := checkScheme(p, cnf); err != nil {
		return proved{}, err
	}
	if cnf.X5T != "" {
		if err := v.bindCertificate(p, cnf.X5T); err != nil {
			return proved{}, err
		}
	}
	var proof *dpop.Proof
	if cnf.JKT != "" {
		var err error
		if proof, err = v.bindKey(p, cnf.JKT); err != nil {
			return proved{}, err
		}
	}
	return proved{proof: proof, key: cnf.JKT, certificate: cnf.X5T}, nil
}

// boundTo gives the thumbprint that an event names: of the key, or else of the certificate.
func boundTo(cnf tenon.Confirmation) string {
	if cnf.JKT != "" {
		return cnf.JKT
	}
	return cnf.X5T
}

// checkScheme holds each token to its scheme: DPoP for one that is bound to a DPoP key, Bearer for one that is not. A proof that
// comes with a token bound to no DPoP key could be compared with nothing, so it is refused and not ignored.
func checkScheme(p possession, cnf tenon.Confirmation) error {
	switch {
	case cnf.JKT != "" && p.scheme != schemeDPoP:
		return refuseToken("downgrade", "the token is bound to a key: send it with the DPoP scheme and a proof") // RFC 9449 §7.2
	case cnf.JKT == "" && p.scheme == schemeDPoP:
		return refuseToken("unbound", "the token is not bound to a DPoP key: send it with the Bearer scheme") // RFC 9449 §7.1
	case cnf.JKT == "" && len(p.request.Proofs) > 0:
		return refuseToken("unbound", "the token is not bound to a DPoP key: send it without a proof")
	}
	return nil
}

// errOtherCertificate tells a wrong certificate from none.
var errOtherCertificate = errors.New("verifier: another certificate was presented")

// bindCertificate compares the certificate with the token's x5t#S256. The chain is not looked at (RFC 8705 §6.2); that the
// certificate is valid now and made for such use is asked all the same, because a token must not outlive its certificate.
func (v *Verifier) bindCertificate(p possession, thumbprint string) error {
	switch {
	case v.config.Certificates == nil:
		return refuseToken("cnf", "the token is bound to a certificate, which this API does not accept")
	case p.request.Certificate == nil:
		return refuseToken("certificate", "the token is bound to a certificate: connect with it") // RFC 8705 §3
	case mtls.Thumbprint(p.request.Certificate) != thumbprint:
		return refuseToken("certificate", "the token is bound to another certificate: after a renewal, get a new token").Because(errOtherCertificate) // RFC 8705 §3, §6.3
	}
	if err := mtls.CheckValidity(p.request.Certificate, v.config.Now()); err != nil {
		return refuseToken("certificate", "the certificate is expired, not valid yet, or not for client authentication").Because(err)
	}
	return nil
}

// bindKey runs the twelve checks of RFC 9449 §4.3, the last of which compares the proof's key with the token's jkt.
func (v *Verifier) bindKey(p possession, thumbprint string) (*dpop.Proof, error) {
	if v.config.DPoP == nil {
		return nil, refuseToken("cnf", "the token is bound to a DPoP key, which this API does not accept")
	}
	return v.config.DPoP.Check(dpop.Request{
		Method:      p.request.Method,
		URL:         p.url,
		Proofs:      p.request.Proofs,
		AccessToken: p.token,
		Thumbprint:  thumbprint,
	})
}

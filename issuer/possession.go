package issuer

import (
	"crypto/x509"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// evidence is what a request shows of its sender's keys, before anything of it is believed.
type evidence struct {
	method, url    string   // url is the public URL of the endpoint that was called: the alias, when that was it
	proofs         []string // every DPoP header field
	certificate    *x509.Certificate
	chain          []*x509.Certificate
	certificateErr error // something was presented that cannot be trusted
}

// A possession is the keys that a request's sender has proved to hold.
type possession struct {
	proof       *dpop.Proof       // nil: there was no DPoP header field
	proofText   string            // as it was sent: the client's own signature, kept as evidence
	certificate *x509.Certificate // nil: none was presented
	chain       []*x509.Certificate
}

// possess checks the evidence. It spends nothing: the proof's jti is spent with everything else when the token is committed.
func (i *Issuer) possess(e evidence) (*possession, error) {
	if e.certificateErr != nil {
		return nil, tenon.Refuse(tenon.InvalidRequest, "certificate", "the client certificate cannot be trusted").Because(e.certificateErr)
	}
	held := &possession{certificate: e.certificate, chain: e.chain}
	if len(e.proofs) == 0 {
		return held, nil
	}
	if i.cfg.DPoP == nil {
		return nil, tenon.Refuse(tenon.InvalidRequest, "no_proof", "this server does not take DPoP proofs")
	}
	proof, err := i.cfg.DPoP.Check(dpop.Request{Method: e.method, URL: e.url, Proofs: e.proofs}) // RFC 9449 §4.3, §5
	if err != nil {
		return nil, err
	}
	held.proof, held.proofText = proof, e.proofs[0]
	return held, nil
}

// bind says what a token for this client is bound to. A proof always counts (RFC 9449 §5). A certificate counts when the
// client is registered for it, or when there is nothing else: a client may authenticate with a certificate and hold its tokens
// with a DPoP key. What the client is registered for must be there (RFC 9449 §5.2, RFC 8705 §3.4).
func (p *possession) bind(c *Client, profile Profile, now time.Time) (tenon.Confirmation, error) {
	none := tenon.Confirmation{}
	if c.DPoPBound && p.proof == nil {
		return none, tenon.Refuse(tenon.InvalidRequest, "no_proof", "this client's tokens are bound to a DPoP key: send a proof in the DPoP header field") // RFC 9449 §5.2
	}
	if c.CertificateBound && p.certificate == nil {
		return none, tenon.Refuse(tenon.InvalidRequest, "certificate", "this client's tokens are bound to a certificate: call the mTLS endpoint with one") // RFC 8705 §3.4
	}
	var jkt, x5t string
	if p.proof != nil {
		jkt = p.proof.Thumbprint() // RFC 9449 §6.1
	}
	if p.certificate != nil && (c.CertificateBound || p.proof == nil) {
		if err := mtls.CheckValidity(p.certificate, now); err != nil {
			return none, tenon.Refuse(tenon.InvalidRequest, "certificate", "the client certificate is not valid now or not for this use").Because(err)
		}
		x5t = mtls.Thumbprint(p.certificate) // RFC 8705 §3.1
	}
	if jkt == "" && x5t == "" && !mayBeBearer(c, profile) {
		return none, tenon.Refuse(tenon.InvalidRequest, "unbound", "no key was proved: send a DPoP proof, or call the mTLS endpoint with a certificate") // FAPI 2.0 §5.3.2.1 (4)
	}
	return tenon.Confirmation{JKT: jkt, X5T: x5t}, nil
}

// mayBeBearer reports whether a client may have a token that is bound to nothing: its registration says so, and the profile
// lets registrations say so.
func mayBeBearer(c *Client, profile Profile) bool { return profile == OAuth2 && c.Bearer }

// thumbprint names the key that was proved, for the event.
func (p *possession) thumbprint() string {
	switch {
	case p.proof != nil:
		return p.proof.Thumbprint()
	case p.certificate != nil:
		return mtls.Thumbprint(p.certificate)
	}
	return ""
}

// sameKey reports whether two tokens are bound to the same keys, or both to none.
func sameKey(a, b tenon.Confirmation) bool { return a == b }

// holdsKey reports whether a token bound like this is bound to a DPoP key. "" asks for none.
func holdsKey(c tenon.Confirmation, jkt string) bool { return jkt == "" || c.JKT == jkt }

// names reports whether a thumbprint is that of a key in a confirmation.
func names(c tenon.Confirmation, thumbprint string) bool {
	return thumbprint != "" && (c.JKT == thumbprint || c.X5T == thumbprint)
}

// loses reports whether a token would be bound to nothing where the one before was bound: no refresh may do that.
func loses(before, now tenon.Confirmation) bool { return before.Bound() && !now.Bound() }

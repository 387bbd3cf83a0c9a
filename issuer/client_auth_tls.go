package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// authenticateTLS is tls_client_auth and self_signed_tls_client_auth: which one is the registration's word, not a guess from the
// certificate. client_id finds the registration and the certificate must be that client's (RFC 8705 §2).
func (i *Issuer) authenticateTLS(ctx context.Context, id string, held *possession, now time.Time) (*caller, error) {
	c, err := i.client(ctx, id, TLSClientAuth, SelfSignedTLSAuth)
	if err != nil {
		return nil, err
	}
	if c.AuthMethod == TLSClientAuth {
		err = i.checkIssued(c, held, now)
	} else {
		err = checkSelfSigned(c, held, now)
	}
	if err != nil {
		return nil, failedClient("certificate", err) // RFC 8705 §2
	}
	return &caller{registered: c}, nil
}

// checkIssued is RFC 8705 §2.1: a chain to our own authorities, then the one registered subject.
func (i *Issuer) checkIssued(c *registered, held *possession, now time.Time) error {
	if err := mtls.VerifyClient(held.certificate, held.chain, i.cfg.ClientCAs, now); err != nil {
		return err
	}
	return c.Subject.Match(held.certificate) // RFC 8705 §2.1.2
}

// checkSelfSigned is RFC 8705 §2.2: the whole certificate is compared, no chain is looked at.
func checkSelfSigned(c *registered, held *possession, now time.Time) error {
	if !mtls.MatchRegistered(held.certificate, c.certificates) {
		return errors.New("the certificate is not a registered one")
	}
	return mtls.CheckValidity(held.certificate, now)
}

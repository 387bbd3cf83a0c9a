package verifier

import (
	"context"

	"github.com/tenon-auth/tenon"
)

// A Revocation tells whether a token was revoked. The token has been verified before it is asked.
type Revocation interface {
	// Revoked reports whether the token was revoked; presented is the token as it came, for who has to ask the issuer about it. An error that is a *tenon.Error refuses the token; any other says that it cannot be
	// known, and is answered with 503. A token is never let through on an error.
	Revoked(ctx context.Context, presented string, claims *tenon.Claims) (bool, error)
}

// InsecureNoRevocation is the Revocation that knows of none: a revoked token is accepted until it expires. FAPI 2.0 §5.3.4 (3) forbids
// that; it is for tests, and for tokens that live for minutes in a deployment that has accepted the risk.
type InsecureNoRevocation struct{}

var _ Revocation = InsecureNoRevocation{}

// Revoked implements [Revocation].
func (InsecureNoRevocation) Revoked(context.Context, string, *tenon.Claims) (bool, error) {
	return false, nil
}

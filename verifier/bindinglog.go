package verifier

import (
	"context"
	"errors"

	"github.com/tenon-auth/tenon"
)

// A BindingLog tells whether the issuance of a token is on the record of its issuer. A token that somebody made with a stolen
// signing key is not.
type BindingLog interface {
	// Recorded returns nil when the token is on the record. payload is the token's claims as they stand in it; its signature has
	// been verified. A *tenon.Error refuses the token; any other error says that it cannot be known, and is answered with 503.
	Recorded(ctx context.Context, payload []byte) error
}

// checkRecord asks the binding log, when there is one to ask. It is asked once for each token that is remembered.
func (v *Verifier) checkRecord(ctx context.Context, payload []byte) error {
	if v.config.Log == nil {
		return nil
	}
	err := v.config.Log.Recorded(ctx, payload)
	if _, refused := errors.AsType[*tenon.Error](err); err == nil || refused {
		return err
	}
	return unavailable("whether the token is on the record cannot be known now", err)
}

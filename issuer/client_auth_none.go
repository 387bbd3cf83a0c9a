package issuer

import (
	"context"
	"errors"

	"github.com/tenon-auth/tenon/store"
)

// publicCaller is the method none (RFC 6749 §2.1): a client that cannot keep a secret says its name and proves nothing by it.
// Its tokens are bound to a key that it proves to hold, see validateBinding. It gives nil when the caller is not such a client.
func (i *Issuer) publicCaller(ctx context.Context, f form) (*caller, error) {
	if i.cfg.Profile != OAuth2 || f.get("client_assertion") != "" { // FAPI 2.0 §5.3.2.1 (3)
		return nil, nil
	}
	c, err := i.clients.find(ctx, f.get("client_id"))
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && c.AuthMethod != NoAuth:
		return nil, nil
	case err != nil:
		return nil, unavailable(err)
	}
	return &caller{registered: c}, nil
}

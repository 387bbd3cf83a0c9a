package issuer

import (
	"context"

	"github.com/tenon-auth/tenon"
)

// identityClaims gives the claims about a person, by the directory's subject, that a scope and a claims parameter ask for (OpenID
// Connect Core §5.4, §5.5). sub is not among them: it depends on the client.
func (i *Issuer) identityClaims(ctx context.Context, person string, scope tenon.Scope, wish map[string]claimWish) (map[string]any, error) {
	return nil, nil
}

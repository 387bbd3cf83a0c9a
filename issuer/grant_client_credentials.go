package issuer

import "context"

// clientCredentials is the grant of a client that acts for itself (RFC 6749 §4.4). There is no refresh token (§4.4.3).
type clientCredentials struct{}

var _ Grant = clientCredentials{}

func (clientCredentials) Type() string { return "client_credentials" }

// Authorize gives what was asked for within what is registered. Nothing is spent.
func (clientCredentials) Authorize(_ context.Context, req Request) (*Authorization, error) {
	scope, err := req.askedScope()
	if err != nil {
		return nil, err
	}
	audience, err := req.askedAudience()
	if err != nil {
		return nil, err
	}
	return &Authorization{Subject: req.Client.ID, Scope: scope, Audience: []string{audience}}, nil // RFC 9068 §2.2
}

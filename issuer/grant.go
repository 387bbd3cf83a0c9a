package issuer

import (
	"context"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/store"
)

// A Grant turns one grant_type into what a token may assert. It sees neither HTTP, nor keys, nor proofs: by the time it is
// asked, the client is authenticated and the binding is settled. What it spends goes into the Change it returns: being asked
// spends nothing. A refusal is a *tenon.Error; any other error is a fault of the server.
type Grant interface {
	Type() string
	Authorize(ctx context.Context, req Request) (*Authorization, error)
}

// offered is the list that everything else derives from: the metadata, and the answer to an unknown grant_type. Without people
// nobody can make the grants that codes and refresh tokens stand for.
func (i *Issuer) offered() []Grant {
	if i.cfg.People == nil {
		return []Grant{clientCredentials{}}
	}
	return []Grant{authorizationCode{i}, refreshToken{i}, clientCredentials{}}
}

func grantTypes(all []Grant) []string {
	types := make([]string, len(all))
	for i, g := range all {
		types[i] = g.Type()
	}
	return types
}

// A Request is what a client asks for.
type Request struct {
	Client     *Client
	Binding    tenon.Confirmation // what the token will be bound to
	Now        time.Time
	parameters form
}

// Parameter gives a parameter of the request, "" when it is absent.
func (r Request) Parameter(name string) string { return r.parameters.get(name) }

// An Authorization is what a token may assert.
type Authorization struct {
	Subject  string // as the client knows the person, or the client's own id
	Scope    tenon.Scope
	Audience []string // one resource (RFC 9068 §3); with openid the userinfo endpoint too
	Details  rar.Details
	Standing *Standing     // nil when the client acts for itself
	Change   *store.Change // what is spent for it; nil for nothing
}

// A Standing is the grant of a person that a token comes from, and what else is given beside the token.
type Standing struct {
	Grant   store.Item[grantRecord]
	First   *uint64 // the index of the entry of its first token; nil: this one is the first
	Rebound bool    // the token before was bound to another key: that is told to the log as key.rebound
	Refresh string  // the secret of a refresh token to give; "" gives none
	Nonce   string  // of the authorization request, for the ID token (OpenID Connect Core §2)
}

// askedScope is the scope the request asks for, within the client's; all of the client's when it does not ask.
func (r Request) askedScope() (tenon.Scope, error) {
	asked, err := tenon.ParseScope(r.Parameter("scope"))
	if err != nil {
		return nil, tenon.Refuse(tenon.InvalidScope, "scope", "the scope is malformed").Because(err) // RFC 6749 §3.3
	}
	if len(asked) == 0 {
		return r.Client.Scope, nil
	}
	for _, token := range asked {
		if !r.Client.Scope.Has(token) {
			return nil, tenon.Refuse(tenon.InvalidScope, "scope", "this client may not ask for the scope %.60s", token) // RFC 6749 §5.2
		}
	}
	return asked, nil
}

// askedAudience is the resource the request asks for, one of the client's; the first of them when it does not ask.
func (r Request) askedAudience() (string, error) {
	asked := r.parameters.all("resource")
	switch {
	case len(r.Client.Resources) == 0:
		return "", tenon.Refuse(tenon.InvalidTarget, "audience", "this client is registered for no resource")
	case len(asked) == 0:
		return r.Client.Resources[0], nil // RFC 9068 §3
	case len(asked) > 1:
		return "", tenon.Refuse(tenon.InvalidTarget, "audience", "a token is for one resource: ask for a token for each of the %d", len(asked)) // RFC 9068 §3, RFC 8707 §2
	case !slices.Contains(r.Client.Resources, asked[0]):
		return "", tenon.Refuse(tenon.InvalidTarget, "audience", "this client may not ask for tokens for this resource") // RFC 8707 §2
	}
	return asked[0], nil
}

// grant finds the grant that a request names.
func (i *Issuer) grant(grantType string) (Grant, error) {
	if grantType == "" {
		return nil, tenon.Refuse(tenon.InvalidRequest, "grant_type", "grant_type is missing") // RFC 6749 §5.2
	}
	for _, g := range i.grants {
		if g.Type() == grantType {
			return g, nil
		}
	}
	return nil, tenon.Refuse(tenon.UnsupportedGrantType, "grant_type", "use one of the grant types %v", grantTypes(i.grants)) // RFC 6749 §5.2
}

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

// grants is the list that everything else derives from: the metadata, the answer to an unknown grant_type, and what a client
// may be registered for.
func grants() []Grant {
	return []Grant{
		clientCredentials{},
	}
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
	Audience string // one (RFC 9068 §3)
	Details  rar.Details
	Standing *Standing     // nil when the client acts for itself
	Change   *store.Change // what is spent for it; nil for nothing
}

// A Standing is the grant of a person that a token comes from, and what else is given beside the token.
type Standing struct {
	Grant        store.Item[grantRecord]
	First        bool               // the token is the first of its grant, from the code
	Previous     tenon.Confirmation // what the token before this one was bound to: another key now is told to the log as key.rebound
	RefreshToken string             // "" gives none
	IDToken      *identityRequest   // nil gives none
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

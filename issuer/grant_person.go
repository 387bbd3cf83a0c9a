package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/store"
)

// identityScope is the scope value that asks for an ID token (OpenID Connect Core §3.1.2.1).
const identityScope = "openid"

// fromPerson says what a token may assert that comes from the grant of a person: what was granted, less what the request leaves
// out, less what the client's registration no longer has. It is never more.
func (i *Issuer) fromPerson(ctx context.Context, req Request, g store.Item[grantRecord]) (*Authorization, error) {
	if err := i.checkPerson(ctx, g.Value.Person); err != nil {
		return nil, err
	}
	scope, err := req.narrowedScope(g.Value.Scope)
	if err != nil {
		return nil, err
	}
	audience, err := i.narrowedAudience(req, g.Value.Resources, scope)
	if err != nil {
		return nil, err
	}
	details, err := i.narrowedDetails(req, g.Value.Details, audience[0])
	if err != nil {
		return nil, err
	}
	if len(scope) == 0 && len(details) == 0 && len(g.Value.Scope)+len(g.Value.Details) > 0 {
		return nil, tenon.Refuse(tenon.InvalidScope, "scope", "this client may no longer have anything of what was granted")
	}
	subject, err := i.subject(ctx, req.Client, g.Value.Person)
	if err != nil {
		return nil, err
	}
	return &Authorization{
		Subject: subject, Scope: scope, Audience: audience, Details: details,
		Standing: &Standing{Grant: g}, Change: &store.Change{},
	}, nil
}

// checkPerson refuses what somebody granted who is not there any more.
func (i *Issuer) checkPerson(ctx context.Context, subject string) error {
	person, err := i.cfg.People.Get(ctx, subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return tenon.Refuse(tenon.InvalidGrant, "person", "the person who granted this has no account any more")
	case err != nil:
		return unavailable(err)
	case person.Disabled:
		return tenon.Refuse(tenon.InvalidGrant, "person", "the account of the person who granted this is disabled")
	}
	return nil
}

// narrowedScope is the scope that the request asks for, within what was granted; all of that when it does not ask.
func (r Request) narrowedScope(granted tenon.Scope) (tenon.Scope, error) {
	standing := slices.DeleteFunc(slices.Clone(granted), func(token string) bool { return !r.Client.Scope.Has(token) })
	asked, err := tenon.ParseScope(r.Parameter("scope"))
	if err != nil {
		return nil, tenon.Refuse(tenon.InvalidScope, "scope", "the scope is malformed").Because(err) // RFC 6749 §3.3
	}
	if len(asked) == 0 {
		return standing, nil
	}
	for _, token := range asked {
		if !standing.Has(token) {
			return nil, tenon.Refuse(tenon.InvalidScope, "scope", "the scope %.60s was not granted", token) // RFC 6749 §6
		}
	}
	return asked, nil
}

// narrowedAudience gives the one resource that the token is for (RFC 9068 §3), the first of those granted when the request does
// not ask. With openid the token is for the userinfo endpoint too, and may be for that alone.
func (i *Issuer) narrowedAudience(r Request, granted []string, scope tenon.Scope) ([]string, error) {
	standing := slices.DeleteFunc(slices.Clone(granted), func(resource string) bool { return !slices.Contains(r.Client.Resources, resource) })
	asked := r.parameters.all("resource")
	var audience []string
	switch {
	case len(asked) > 1:
		return nil, tenon.Refuse(tenon.InvalidTarget, "audience", "a token is for one resource: ask for a token for each of the %d", len(asked)) // RFC 9068 §3, RFC 8707 §2
	case len(asked) == 1 && scope.Has(identityScope) && asked[0] == i.urls.userInfo(): // added below
	case len(asked) == 1 && !slices.Contains(standing, asked[0]):
		return nil, tenon.Refuse(tenon.InvalidTarget, "audience", "tokens for this resource were not granted") // RFC 8707 §2.2
	case len(asked) == 1:
		audience = asked
	case len(standing) > 0:
		audience = standing[:1]
	}
	if scope.Has(identityScope) {
		audience = append(slices.Clone(audience), i.urls.userInfo())
	}
	if len(audience) == 0 {
		return nil, tenon.Refuse(tenon.InvalidTarget, "audience", "this client may no longer have tokens for any resource that was granted")
	}
	return audience, nil
}

// narrowedDetails gives the authorization details that the request asks for, within what was granted, as far as they concern
// the resource (RFC 9396 §6, §9.1); all of those when it does not ask.
func (i *Issuer) narrowedDetails(r Request, granted rar.Details, resource string) (rar.Details, error) {
	standing := slices.DeleteFunc(slices.Clone(granted), func(d rar.Detail) bool { return !slices.Contains(r.Client.DetailTypes, d.Type) })
	raw := r.Parameter("authorization_details")
	switch {
	case raw == "" && (len(standing) == 0 || resource == i.urls.userInfo()): // details are about APIs
		return nil, nil
	case raw == "":
		return standing.For(resource), nil
	case i.cfg.Details == nil:
		return nil, tenon.Refuse(tenon.InvalidAuthorizationDetails, "type", "this server knows no authorization_details")
	}
	asked, err := i.cfg.Details.Parse(raw, r.Client.DetailTypes)
	if err != nil {
		return nil, err
	}
	if err := i.cfg.Details.Within(asked, standing); err != nil {
		return nil, err // RFC 9396 §6
	}
	return asked.For(resource), nil
}

// userInfo is the endpoint that tells who a person is, as the audience of tokens.
func (u urls) userInfo() string { return u.issuer + "/userinfo" }

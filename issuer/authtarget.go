package issuer

import (
	"context"
	"slices"

	"github.com/tenon-auth/tenon"
)

// judgeScope looks at what is asked for in words. Who asks for nothing gets all that it is registered for (RFC 6749 §3.3), but
// not beside authorization details: these say what is wanted.
func (a *asking) judgeScope(context.Context) error {
	scope, err := Request{Client: a.client, parameters: a.form}.askedScope()
	if err != nil {
		return err
	}
	if a.form.get("scope") == "" && a.form.get("authorization_details") != "" {
		scope = nil
	}
	a.pushed.Scope = scope
	return nil
}

// judgeDetails looks at what is asked for in structures (RFC 9396 §2).
func (a *asking) judgeDetails(context.Context) (err error) {
	raw := a.form.get("authorization_details")
	switch {
	case raw == "" && len(a.pushed.Scope) == 0:
		return tenon.Refuse(tenon.InvalidScope, "scope", "the request asks for nothing: send scope or authorization_details") // RFC 6749 §3.3
	case raw == "":
		return nil
	case a.cfg.Details == nil:
		return tenon.Refuse(tenon.InvalidAuthorizationDetails, "type", "this server has no types of authorization details") // RFC 9396 §5
	}
	a.pushed.Details, err = a.cfg.Details.Parse(raw, a.client.DetailTypes)
	return err
}

// judgeResources looks at what the tokens will be for. Who does not ask gets the first of the client's resources, or those that
// the details name. A detail that would be in no token is refused: its person would be asked for nothing.
func (a *asking) judgeResources(context.Context) error {
	asked := a.form.all("resource")
	if len(asked) == 0 {
		asked = a.namedResources()
	}
	for i, resource := range asked {
		switch {
		case !slices.Contains(a.client.Resources, resource):
			return tenon.Refuse(tenon.InvalidTarget, "audience", "this client may not ask for tokens for one of these resources") // RFC 8707 §2
		case slices.Contains(asked[:i], resource):
			return tenon.Refuse(tenon.InvalidTarget, "audience", "a resource comes twice")
		}
	}
	for n := range a.pushed.Details {
		one := a.pushed.Details[n : n+1]
		if !slices.ContainsFunc(asked, func(resource string) bool { return len(one.For(resource)) > 0 }) {
			return tenon.Refuse(tenon.InvalidAuthorizationDetails, "locations", "authorization_details[%d] is for none of the resources that tokens are asked for", n) // RFC 9396 §3.2
		}
	}
	a.pushed.Resources = asked
	return nil
}

// nowhere is no resource: a detail that is for it has no locations, and is for every resource.
const nowhere = "\x00"

// namedResources are the client's resources that the details name, and else its first one.
func (a *asking) namedResources() []string {
	var named []string
	for _, resource := range a.client.Resources {
		for n := range a.pushed.Details {
			if one := a.pushed.Details[n : n+1]; len(one.For(resource)) > 0 && len(one.For(nowhere)) == 0 {
				named = append(named, resource)
				break
			}
		}
	}
	if len(named) == 0 && len(a.client.Resources) > 0 {
		named = a.client.Resources[:1] // RFC 9068 §3
	}
	return named
}

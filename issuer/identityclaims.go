package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon"
)

// claimsOfScope are the claims about a person that a scope value asks for (OpenID Connect Core §5.4).
func claimsOfScope(token string) []string {
	switch token {
	case "profile":
		return []string{
			"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
			"gender", "birthdate", "zoneinfo", "locale", "updated_at",
		}
	case "email":
		return []string{"email", "email_verified"}
	case "address":
		return []string{"address"}
	case "phone":
		return []string{"phone_number", "phone_number_verified"}
	}
	return nil
}

// identityClaims gives the claims about a person, by the directory's subject, that a scope and a claims parameter ask for (OpenID
// Connect Core §5.4, §5.5). What is not known of the person is left out, also when it is essential (§5.5.1); so is a claim whose
// value is another than the one asked for, unless the scope has it. sub is not among them: it depends on the client.
// store.ErrNotFound: there is no such person.
func (i *Issuer) identityClaims(ctx context.Context, person string, scope tenon.Scope, wish map[string]claimWish) (map[string]any, error) {
	if i.cfg.People == nil {
		return nil, errors.New("issuer: there is no directory to ask about people")
	}
	p, err := i.cfg.People.Get(ctx, person)
	if err != nil {
		return nil, err
	}
	known, told := p.Claims(), map[string]any{}
	for _, token := range scope {
		for _, name := range claimsOfScope(token) {
			if value, ok := known[name]; ok {
				told[name] = value
			}
		}
	}
	for name, w := range wish {
		if value, ok := known[name]; ok && w.content(value) {
			told[name] = value
		}
	}
	return told, nil
}

// content reports whether a value is one of those asked for; any is, when none was named.
func (w claimWish) content(value any) bool {
	wanted := w.oneOf()
	text, isText := value.(string)
	return len(wanted) == 0 || isText && slices.Contains(wanted, text)
}

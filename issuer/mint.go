package issuer

import (
	"encoding/json"
	"errors"

	"github.com/tenon-auth/tenon"
)

// accessTokenType is the typ of an access token (RFC 9068 §2.1). Nothing else in this package may sign with it.
const accessTokenType = "at+jwt"

// errUnbound means that a token bound to nothing nearly came to be. It is a fault of this server, not of the caller.
var errUnbound = errors.New("issuer: refusing to sign a token that is bound to no key")

// mint makes the access token of a plan that has been committed at the given index. It is the only place where an access token
// comes to be, and the last line against one that is good for whoever holds it (FAPI 2.0 §5.3.2.1 (4)).
func (i *Issuer) mint(p *plan, index uint64) (string, error) {
	if !p.cnf.Bound() && !mayBeBearer(&p.caller.Client, i.cfg.Profile) {
		return "", errUnbound
	}
	if p.secret != "" {
		return indexed(opaquePrefix, index, p.secret), nil
	}
	claims, err := i.claims(p)
	if err != nil {
		return "", err
	}
	i.place(&claims, index)
	payload, err := claims.MarshalJSON()
	if err != nil {
		return "", err
	}
	return p.key.sign(accessTokenType, payload)
}

// place adds what is known only after the commit: where the token's entry and its state are found.
func (i *Issuer) place(claims *tenon.Claims, index uint64) {
	claims.Status = i.urls.status(index) // Token Status List §6.2
	claims.Log = &tenon.LogReference{Origin: i.cfg.Log.Book.Origin(), Index: index}
}

// claims is all that a token says but the index of its entry.
func (i *Issuer) claims(p *plan) (tenon.Claims, error) {
	claims := tenon.Claims{
		Issuer:       i.cfg.Issuer,
		Subject:      p.authorization.Subject,
		ClientID:     p.caller.ID,
		ID:           p.id,
		Audience:     p.authorization.Audience,
		IssuedAt:     p.now,
		Expires:      p.expires,
		Scope:        p.authorization.Scope,
		Confirmation: p.cnf,
	}
	if s := p.authorization.Standing; s != nil {
		claims.Person = &s.Grant.Value.Authentication // RFC 9068 §2.2.1
	}
	if len(p.authorization.Details) == 0 {
		return claims, nil
	}
	var err error
	claims.Details, err = json.Marshal(p.authorization.Details) // RFC 9396 §9.1
	return claims, err
}

// tokenType is what the client is told about how to use the token (RFC 9449 §5, RFC 8705 §3).
func tokenType(c tenon.Confirmation) string {
	if c.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}

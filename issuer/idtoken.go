package issuer

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/tenon-auth/tenon/dpop"
)

// An identity is what an ID token will say but at_hash, which is known only when there is a token to hash.
type identity map[string]any

// identity gathers the ID token of a plan (OpenID Connect Core §2), nil when its scope has no openid. It comes before the commit,
// so that what cannot be told costs the client nothing. What it says of the login is what it said when the grant was made
// (§12.2); the nonce belongs to the first one only. Claims of scopes are told at the userinfo endpoint (§5.4).
func (i *Issuer) identity(ctx context.Context, p *plan) (identity, error) {
	s := p.authorization.Standing
	if s == nil || !p.authorization.Scope.Has(identityScope) {
		return nil, nil
	}
	if want := p.caller.IDTokenAlgorithm; want != "" && want != string(p.key.algorithm()) {
		return nil, fmt.Errorf("issuer: client %s wants ID tokens signed with %s, and the signing key is for %s", p.caller.ID, want, p.key.algorithm())
	}
	g := s.Grant.Value
	profile, err := i.identityClaims(ctx, g.Person, nil, g.Identity.IDToken) // OpenID Connect Core §5.5
	if err != nil {
		return nil, err
	}
	claims := identity{}
	maps.Copy(claims, profile)
	claims["iss"] = i.cfg.Issuer
	claims["sub"] = p.authorization.Subject
	claims["aud"] = p.caller.ID // alone, so that no azp is needed
	claims["exp"] = p.expires.Unix()
	claims["iat"] = p.now.Unix()
	claims["auth_time"] = g.Authentication.Time.Unix()
	for name, value := range map[string]string{"nonce": s.Nonce, "acr": g.Authentication.ACR, "sid": g.SessionID} {
		if value != "" {
			claims[name] = value
		}
	}
	if len(g.Authentication.AMR) > 0 {
		claims["amr"] = g.Authentication.AMR
	}
	return claims, nil
}

// sign makes the ID token that goes with an access token. Its typ keeps it from being taken for one (RFC 8725 §3.11).
func (claims identity) sign(key *signingKey, accessToken string) (string, error) {
	if claims == nil {
		return "", nil
	}
	claims["at_hash"] = halfHash(key.algorithm(), accessToken)
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return key.sign(idTokenType, payload)
}

// halfHash is the left half of the hash that goes with the algorithm (OpenID Connect Core §3.1.3.6). Ed25519 hashes with SHA-512.
func halfHash(alg dpop.Algorithm, token string) string {
	if alg == dpop.EdDSA || alg == dpop.Ed25519 {
		digest := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(digest[:32])
	}
	digest := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(digest[:16])
}

package issuer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/verifier"
)

// serveUserInfo is the userinfo endpoint (OpenID Connect Core §5.3): an API of this issuer, in front of which the verifier stands as
// before any other. url is its public URL: the alias, when that was called.
func (i *Issuer) serveUserInfo(url string) endpoint {
	v := i.userInfo[url]
	return func(w http.ResponseWriter, r *http.Request, e *Event) error {
		if r.Method != http.MethodGet && r.Method != http.MethodPost {
			return wrongMethod(http.MethodGet, http.MethodPost) // OpenID Connect Core §5.3.1
		}
		access, err := i.admit(v, w, r)
		if access != nil {
			e.ClientID, e.Thumbprint = access.Claims.ClientID, cmp.Or(access.Thumbprint, access.CertificateThumbprint)
			if access.NextNonce != "" {
				w.Header().Set("DPoP-Nonce", access.NextNonce) // RFC 9449 §8.2
			}
			err = i.tellAbout(w, r, access, e)
		}
		if err == nil {
			return nil
		}
		e.refused(err)
		e.Status = v.Respond(w, r, err) // the challenges are the verifier's, as at every API
		return nil
	}
}

// admit lets the request through as an API does, and refuses a token in its body besides.
func (i *Issuer) admit(v *verifier.Verifier, w http.ResponseWriter, r *http.Request) (*verifier.Access, error) {
	if err := i.checkNoTokenInBody(w, r); err != nil {
		return nil, err
	}
	request, err := v.NewRequest(r)
	if err != nil {
		return nil, err
	}
	return v.Verify(r.Context(), request)
}

// checkNoTokenInBody refuses a token in the form of a POST (RFC 6750 §2.2): tokens come in the header field only (FAPI 2.0 §5.3.4 (1)).
func (i *Issuer) checkNoTokenInBody(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost || checkFormType(r.Header) != nil {
		return nil // nothing there is read
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, i.cfg.Limits.Form))
	if err != nil {
		return tenon.Refuse(tenon.InvalidRequest, "form", "the body could not be read, or is larger than %d bytes", i.cfg.Limits.Form)
	}
	f, err := parseForm(string(body))
	if err != nil {
		return err
	}
	if f.get("access_token") != "" {
		return tenon.Refuse(tenon.InvalidRequest, "headers", "send the access token in the Authorization field, not in the body")
	}
	return nil
}

// tellAbout answers a request whose token is good.
func (i *Issuer) tellAbout(w http.ResponseWriter, r *http.Request, access *verifier.Access, e *Event) error {
	if err := access.Need(identityScope); err != nil {
		return err // OpenID Connect Core §5.3.1
	}
	claims, err := i.userClaims(r.Context(), access)
	if err != nil {
		return err
	}
	client, err := i.clients.find(r.Context(), access.Claims.ClientID)
	if err != nil {
		return gone(err)
	}
	if client.UserInfoAlgorithm == "" {
		return writeJSON(w, e, http.StatusOK, claims)
	}
	claims["iss"], claims["aud"] = i.cfg.Issuer, client.ID // OpenID Connect Core §5.3.2
	return i.writeSigned(w, e, claims, dpop.Algorithm(client.UserInfoAlgorithm))
}

// userClaims gives what the client may know about the person who gave the token. The grant has been looked at before; it may have
// ended since.
func (i *Issuer) userClaims(ctx context.Context, access *verifier.Access) (map[string]any, error) {
	t, err := i.remembered(ctx, access.Claims)
	if err != nil {
		return nil, gone(err)
	}
	if t.record.Value.Grant == "" {
		return nil, tenon.Refuse(tenon.InvalidToken, "person", "the token is the client's own: there is nobody to tell about")
	}
	grant, err := personGrants.Get(ctx, i.cfg.Store, t.record.Value.Grant)
	if err != nil {
		return nil, gone(err)
	}
	claims, err := i.identityClaims(ctx, grant.Value.Person, access.Claims.Scope, grant.Value.Identity.UserInfo)
	if err != nil {
		return nil, gone(err)
	}
	claims["sub"] = access.Claims.Subject // OpenID Connect Core §5.3.2
	return claims, nil
}

// gone is the answer when what a token rests on ended after the token was found to be good.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, errNotGiven) {
		return tenon.Refuse(tenon.InvalidToken, "revoked", "the token was revoked: get a new one")
	}
	return unavailable(err)
}

// writeSigned writes claims as a JWT (OpenID Connect Core §5.3.2). Its typ keeps it from being taken for an access token.
func (i *Issuer) writeSigned(w http.ResponseWriter, e *Event, claims map[string]any, alg dpop.Algorithm) error {
	key, err := i.cfg.Signing.active(i.cfg.Now())
	if err != nil {
		return err
	}
	if key.algorithm() != alg {
		return fmt.Errorf("issuer: the client is registered for userinfo signed with %s, and the signing key is for %s", alg, key.algorithm())
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	signed, err := key.sign(userInfoType, payload)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/jwt")
	e.Status = http.StatusOK
	_, _ = io.WriteString(w, signed) // who has gone away needs no answer
	return nil
}

// userInfoType is the typ of a signed answer.
const userInfoType = "JWT"

// newUserInfo makes the verifiers of the userinfo endpoint, by its URLs. They know the issuer's keys, tokens and revocations at first
// hand, and remember proofs where the token endpoint does.
func (i *Issuer) newUserInfo() (map[string]*verifier.Verifier, error) {
	all := map[string]*verifier.Verifier{}
	for _, base := range []string{i.urls.issuer, i.urls.alias} {
		if base == "" {
			continue
		}
		v, err := verifier.New(verifier.Config{
			Issuer: i.cfg.Issuer, Audience: i.urls.userInfo(), Origin: strings.TrimSuffix(base, i.urls.path),
			Keys: i.keys, Revocation: ownTokens{i}, TokenRules: verifier.TokenRules{Opaque: ownTokens{i}},
			DPoP: i.cfg.DPoP, Replays: storedReplays{i.cfg.Store}, Certificates: i.cfg.Certificates, Now: i.cfg.Now,
		})
		if err != nil {
			return nil, err
		}
		all[base+"/userinfo"] = v
	}
	return all, nil
}

// userInfoMetadata tells how one of the userinfo endpoints takes tokens (RFC 9728), and at which path challenges say that this is told.
func (i *Issuer) userInfoMetadata(address string) (path string, document http.Handler) {
	resource := i.urls.userInfo()
	if u, err := url.Parse(address); err == nil && address != resource {
		resource = u.Scheme + "://" + u.Host // an alias is named by its origin: the audience is elsewhere
	}
	return verifier.MetadataPath(resource), i.userInfo[address].Metadata()
}

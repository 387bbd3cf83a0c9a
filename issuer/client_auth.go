package issuer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// A caller is a client that has authenticated.
type caller struct {
	*registered
	assertion *assertion // to be spent; nil when the client authenticated with its certificate, or is public
}

// failedClient is the one answer to an unknown client, a wrong method and a bad credential: a stranger learns nothing about
// which clients exist. The cause is for the log.
func failedClient(reason string, cause error) *tenon.Error {
	return tenon.Refuse(tenon.InvalidClient, reason, "unknown client, or the credential is not one of its registered ones").Because(cause)
}

// authenticate finds out which client is calling. Exactly one method may be used (RFC 6749 §2.3).
func (i *Issuer) authenticate(ctx context.Context, req *call, held *possession, now time.Time) (*caller, error) {
	if err := checkOneMethod(req); err != nil {
		return nil, err
	}
	f := req.form
	id := f.get("client_id")
	c, err := i.publicCaller(ctx, f)
	switch {
	case err != nil || c != nil:
	case f.get("client_assertion") != "":
		c, err = i.authenticateJWT(ctx, f, now)
	case held.certificate == nil:
		return nil, tenon.Refuse(tenon.InvalidClient, "no_credential", "the client did not authenticate: use one of %s", strings.Join(i.authMethods(), ", "))
	case id == "":
		return nil, tenon.Refuse(tenon.InvalidRequest, "client_id", "client_id is needed with a client certificate") // RFC 8705 §2
	default:
		c, err = i.authenticateTLS(ctx, id, held, now)
	}
	if err != nil {
		return nil, err
	}
	if c.Disabled { // told to who has proved to be the client, and to nobody else
		return nil, tenon.Refuse(tenon.InvalidClient, "disabled", "this client is disabled")
	}
	return c, nil
}

// checkOneMethod refuses what is not offered and what is offered twice.
func checkOneMethod(req *call) error {
	f := req.form
	secret, assertion := f.get("client_secret") != "", f.get("client_assertion") != ""
	header := len(req.authorization) > 0
	assertionType := f.get("client_assertion_type")
	switch {
	case len(req.authorization) > 1 || header && (secret || assertion) || secret && assertion:
		return tenon.Refuse(tenon.InvalidRequest, "two_methods", "use one client authentication method, not several") // RFC 6749 §2.3
	case header:
		scheme, _, _ := strings.Cut(req.authorization[0], " ")
		return challenge(scheme, tenon.Refuse(tenon.InvalidClient, "method", "authentication in the Authorization header is not offered")) // FAPI 2.0 §5.3.2.1 (6)
	case secret:
		return tenon.Refuse(tenon.InvalidClient, "method", "client secrets are not taken") // FAPI 2.0 §5.3.2.1 (6)
	case assertionType != "" && assertionType != assertionTypeJWT:
		return tenon.Refuse(tenon.InvalidClient, "assertion_type", "client_assertion_type must be %s", assertionTypeJWT) // RFC 7523 §2.2
	case assertion != (assertionType != ""):
		return tenon.Refuse(tenon.InvalidRequest, "assertion_type", "client_assertion and client_assertion_type come together") // RFC 7521 §4.2
	}
	return nil
}

// client reads a registration for one of the methods. A client that does not exist is not told apart from one that must use
// another method.
func (i *Issuer) client(ctx context.Context, id string, methods ...string) (*registered, error) {
	c, err := i.clients.find(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, failedClient("unknown_client", nil)
	case err != nil:
		return nil, unavailable(err)
	case !slices.Contains(methods, c.AuthMethod):
		return nil, failedClient("method", errors.New("the client is registered for "+c.AuthMethod))
	}
	return c, nil
}

// authMethods is what the configuration makes possible, for the metadata and for refusals.
func (i *Issuer) authMethods() []string {
	methods := []string{PrivateKeyJWT}
	if i.cfg.Profile == OAuth2 {
		methods = append(methods, NoAuth)
	}
	if i.cfg.Certificates != nil {
		if i.cfg.ClientCAs != nil {
			methods = append(methods, TLSClientAuth)
		}
		methods = append(methods, SelfSignedTLSAuth)
	}
	return methods
}

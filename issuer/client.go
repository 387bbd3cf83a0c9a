package issuer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/mtls"
)

// The client authentication methods (RFC 7591 §2, RFC 8705 §2).
const (
	PrivateKeyJWT     = "private_key_jwt"
	TLSClientAuth     = "tls_client_auth"
	SelfSignedTLSAuth = "self_signed_tls_client_auth"
	NoAuth            = "none" // a public client: profile oauth2 only, and its tokens are bound to a DPoP key
)

// The grant types (RFC 6749 §4.1.3, §4.4.2, §6).
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	ClientCredentials = "client_credentials"
)

// The values of [Identity].SubjectType (OpenID Connect Core §8).
const (
	PublicSubjects   = "public"
	PairwiseSubjects = "pairwise"
)

// The values of [Service].TokenFormat.
const (
	JWTFormat    = "jwt"
	OpaqueFormat = "opaque"
)

// A Client is a registration. Its JSON names are those of RFC 7591 §2, RFC 8705 §2.1.2 and §3.4, and RFC 9449 §5.2.
type Client struct {
	ID         string             `json:"client_id"`
	Name       string             `json:"client_name,omitempty"` // for people
	AuthMethod string             `json:"token_endpoint_auth_method"`
	Algorithm  string             `json:"token_endpoint_auth_signing_alg,omitempty"` // of assertions; private_key_jwt only
	JWKS       jose.JSONWebKeySet `json:"jwks,omitzero"`                             // public keys; with x5c for self_signed_tls_client_auth

	mtls.Subject // of the certificate; tls_client_auth only

	GrantTypes       []string    `json:"grant_types"` // may be empty for an API that only introspects
	Scope            tenon.Scope `json:"-"`           // all it may ask for, and what it gets when it does not ask; "scope", space-delimited
	Resources        []string    `json:"resources"`   // audiences it may ask for; the first is what it gets when it does not ask
	DPoPBound        bool        `json:"dpop_bound_access_tokens,omitempty"`
	CertificateBound bool        `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	Bearer           bool        `json:"bearer,omitempty"`   // may have tokens bound to nothing; profile oauth2 only
	Disabled         bool        `json:"disabled,omitempty"` // known and refused

	CodeFlow
	Identity
	Service
}

// CodeFlow is what a client that people authorize is registered for.
type CodeFlow struct {
	RedirectURIs []string `json:"redirect_uris,omitempty"`               // where people are sent back to, letter by letter
	DetailTypes  []string `json:"authorization_details_types,omitempty"` // RFC 9396 §10
}

// Identity is how a client is told who a person is (OpenID Connect Registration §2).
type Identity struct {
	SubjectType       string `json:"subject_type,omitempty"`                 // "public", or "pairwise"; "" means public
	Sector            string `json:"sector_identifier,omitempty"`            // the host that pairwise subjects are for; "" means that of the one redirect URI's host
	IDTokenAlgorithm  string `json:"id_token_signed_response_alg,omitempty"` // "" means that of the signing key
	UserInfoAlgorithm string `json:"userinfo_signed_response_alg,omitempty"` // "" means plain JSON
}

// Service is about the tokens themselves: the form in which a client gets them, and the APIs that a client is.
type Service struct {
	TokenFormat string   `json:"access_token_format,omitempty"` // "jwt", or "opaque"; "" means what the resource wants, and else jwt
	Serves      []string `json:"serves,omitempty"`              // the APIs that this client is: it may introspect their tokens (RFC 7662 §2.1)
}

// A registration is the JSON form of a Client: scope is text there (RFC 7591 §2).
type registration struct {
	plainClient
	Scope string `json:"scope,omitempty"`
}

type plainClient Client // Client without its methods

// MarshalJSON writes the registration.
func (c Client) MarshalJSON() ([]byte, error) {
	return json.Marshal(registration{plainClient(c), c.Scope.String()})
}

// UnmarshalJSON reads a registration. A member that is not known here is an error: it may be a restriction.
func (c *Client) UnmarshalJSON(data []byte) error {
	var r registration
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	scope, err := tenon.ParseScope(r.Scope)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	*c = Client(r.plainClient)
	c.Scope = scope
	return nil
}

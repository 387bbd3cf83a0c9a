package issuer

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer/people"
)

// statusListSize is how many tokens one status list is about: 16 KiB before compression.
const statusListSize = 1 << 17

// urls are the public addresses of the endpoints.
type urls struct {
	issuer string
	alias  string // of the mTLS listener with the issuer's path; "" for none
	path   string // of the issuer, "" or beginning with a slash
}

// newURLs takes what checkIssuer and checkOrigin have accepted.
func newURLs(issuer, mtlsOrigin string) urls {
	u := urls{issuer: issuer}
	if parsed, err := url.Parse(issuer); err == nil {
		u.path = parsed.Path
	}
	if mtlsOrigin != "" {
		u.alias = mtlsOrigin + u.path
	}
	return u
}

// status is where the state of a token is published.
func (u urls) status(index uint64) *tenon.StatusReference {
	return &tenon.StatusReference{Index: index % statusListSize, URI: u.statusList(index / statusListSize)}
}

func (u urls) statusList(n uint64) string { return u.issuer + "/status/" + strconv.FormatUint(n, 10) }

// wellKnown gives the paths of the metadata. RFC 8414 §3.1 puts the well-known part before the issuer's path, OpenID Connect
// Discovery §4.1 after it; clients of both kinds ask either way.
func (u urls) wellKnown() []string {
	const oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	paths := []string{oauth + u.path, u.path + openid}
	if u.path != "" {
		paths = append(paths, openid+u.path, u.path+oauth) // RFC 8414 §5
	}
	return paths
}

// A document is the authorization server metadata (RFC 8414 §2). Only what works is in it; a list without elements is left out
// (RFC 8414 §3.2), response_types_supported too while there is no authorization endpoint. A member whose default would be wrong
// is always there.
type document struct {
	Issuer string `json:"issuer"`
	endpoints
	flow
	clientAuthentication
	ProofAlgorithms  []dpop.Algorithm `json:"dpop_signing_alg_values_supported,omitempty"` // RFC 9449 §5.1
	CertificateBound bool             `json:"tls_client_certificate_bound_access_tokens"`  // RFC 8705 §3.3
	*openID                           // nil while nobody can log in
}

// endpoints are where everything is.
type endpoints struct {
	Authorization string            `json:"authorization_endpoint,omitempty"`
	Pushed        string            `json:"pushed_authorization_request_endpoint,omitempty"` // RFC 9126 §5
	Token         string            `json:"token_endpoint"`
	Introspection string            `json:"introspection_endpoint"`
	Revocation    string            `json:"revocation_endpoint"`
	UserInfo      string            `json:"userinfo_endpoint,omitempty"`
	JWKS          string            `json:"jwks_uri"`
	Aliases       map[string]string `json:"mtls_endpoint_aliases,omitempty"` // RFC 8705 §5
}

// flow is how clients get tokens. The members without omitempty have defaults that are not true here.
type flow struct {
	GrantTypes    []string `json:"grant_types_supported"`
	ResponseTypes []string `json:"response_types_supported,omitempty"`
	ResponseModes []string `json:"response_modes_supported,omitempty"`
	Challenges    []string `json:"code_challenge_methods_supported,omitempty"`
	RequirePushed bool     `json:"require_pushed_authorization_requests"` // RFC 9126 §5
	ISS           bool     `json:"authorization_response_iss_parameter_supported"`
	RequestObject bool     `json:"request_parameter_supported"`
	RequestURI    bool     `json:"request_uri_parameter_supported"` // false, and the default would be true (OIDC Discovery §3)
	RequireSigned bool     `json:"require_signed_request_object"`
	DetailTypes   []string `json:"authorization_details_types_supported,omitempty"` // RFC 9396 §10
	Scopes        []string `json:"scopes_supported,omitempty"`
	AuthLevels    []string `json:"acr_values_supported,omitempty"` // RFC 9470 §7
}

// clientAuthentication is how clients show who they are. Each list has client_secret_basic as its default, which is not taken.
type clientAuthentication struct {
	Token                   []string         `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms         []dpop.Algorithm `json:"token_endpoint_auth_signing_alg_values_supported"`
	Introspection           []string         `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []dpop.Algorithm `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	Revocation              []string         `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []dpop.Algorithm `json:"revocation_endpoint_auth_signing_alg_values_supported"`
}

// openID is what OpenID Connect Discovery §3 adds.
type openID struct {
	SubjectTypes       []string         `json:"subject_types_supported"`
	IDTokenAlgorithms  []dpop.Algorithm `json:"id_token_signing_alg_values_supported"` // without RS256, which FAPI 2.0 §5.4.1 forbids
	UserInfoAlgorithms []dpop.Algorithm `json:"userinfo_signing_alg_values_supported"`
	ClaimsParameter    bool             `json:"claims_parameter_supported"`
	Claims             []string         `json:"claims_supported"`
	Prompts            []string         `json:"prompt_values_supported"`
}

func (i *Issuer) metadata() (document, error) {
	d := document{
		Issuer:               i.cfg.Issuer,
		endpoints:            i.endpoints(i.urls.issuer),
		flow:                 flow{GrantTypes: grantTypes(i.grants)},
		clientAuthentication: i.clientAuthentication(),
		CertificateBound:     i.cfg.Certificates != nil,
	}
	d.JWKS = i.cfg.Issuer + "/jwks"
	if i.cfg.DPoP != nil {
		d.ProofAlgorithms = i.cfg.DPoP.Algorithms()
	}
	if i.urls.alias != "" {
		d.Aliases = i.endpoints(i.urls.alias).called()
	}
	if i.browser == nil {
		return d, nil
	}
	d.Authorization = i.cfg.Issuer + "/authorize"
	d.ResponseTypes, d.ResponseModes, d.Challenges = []string{"code"}, []string{"query"}, []string{"S256"}
	d.RequirePushed, d.ISS = true, true // RFC 9126 §5, RFC 9207 §3
	if i.cfg.Details != nil {
		d.DetailTypes = i.cfg.Details.Names()
	}
	d.Scopes = append([]string{identityScope}, slices.DeleteFunc(slices.Clone(i.cfg.Scopes), func(s string) bool { return s == identityScope })...)
	d.AuthLevels = people.ACRs()
	var err error
	d.openID, err = i.openID()
	return d, err
}

// endpoints are those that clients call, below the given URL.
func (i *Issuer) endpoints(url string) endpoints {
	e := endpoints{Token: url + "/token", Introspection: url + "/introspect", Revocation: url + "/revoke"}
	if i.browser != nil {
		e.Pushed, e.UserInfo = url+"/par", url+"/userinfo"
	}
	return e
}

// called gives the endpoints by their names in the metadata.
func (e endpoints) called() map[string]string {
	all := map[string]string{
		"pushed_authorization_request_endpoint": e.Pushed, "token_endpoint": e.Token, "introspection_endpoint": e.Introspection,
		"revocation_endpoint": e.Revocation, "userinfo_endpoint": e.UserInfo,
	}
	maps.DeleteFunc(all, func(_, url string) bool { return url == "" })
	return all
}

// clientAuthentication is the same everywhere, but that an API that introspects is never public.
func (i *Issuer) clientAuthentication() clientAuthentication {
	all, algorithms := i.authMethods(), dpop.Algorithms()
	confidential := slices.DeleteFunc(slices.Clone(all), func(m string) bool { return m == NoAuth })
	return clientAuthentication{all, algorithms, confidential, algorithms, all, algorithms}
}

// openID tells what the key that signs now can do, and which claims there can be about a person.
func (i *Issuer) openID() (*openID, error) {
	key, err := i.cfg.Signing.active(i.cfg.Now())
	if err != nil {
		return nil, err
	}
	algorithms := []dpop.Algorithm{key.algorithm()}
	claims := append([]string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"}, personClaims()...)
	return &openID{
		SubjectTypes: []string{PublicSubjects, PairwiseSubjects}, IDTokenAlgorithms: algorithms, UserInfoAlgorithms: algorithms,
		ClaimsParameter: true, Claims: claims, Prompts: prompts(),
	}, nil
}

// personClaims are the claims that the directory can have about a person.
func personClaims() []string {
	return []string{
		"name", "given_name", "family_name", "preferred_username", "locale", "updated_at",
		"email", "email_verified", "phone_number", "phone_number_verified", "address",
	}
}

// metadataMaxAge is how long a copy of the metadata may be kept.
const metadataMaxAge = 5 * time.Minute

func (i *Issuer) serveMetadata(w http.ResponseWriter, r *http.Request, e *Event) error {
	d, err := i.metadata()
	if err != nil {
		return err
	}
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return servePublic(w, r, e, public{"application/json", body, metadataMaxAge})
}

func (i *Issuer) serveJWKS(w http.ResponseWriter, r *http.Request, e *Event) error {
	body, err := json.Marshal(i.cfg.Signing.published())
	if err != nil {
		return err
	}
	return servePublic(w, r, e, public{"application/json", body, i.cfg.Signing.maxAge()})
}

// maxAge is how long a copy of the key set may be kept: a key is published for longer than that before it signs.
func (k *Keyring) maxAge() time.Duration { return min(metadataMaxAge, k.cfg.PublishBefore/2) }

// public is a document that anybody may read and keep for a while.
type public struct {
	mediaType string
	body      []byte
	maxAge    time.Duration
}

func servePublic(w http.ResponseWriter, r *http.Request, e *Event, p public) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return wrongMethod(http.MethodGet, http.MethodHead)
	}
	w.Header().Set("Content-Type", p.mediaType)
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(max(0, p.maxAge)/time.Second)))
	e.Status = http.StatusOK
	if r.Method == http.MethodGet {
		_, _ = w.Write(p.body) // who has gone away needs no answer
	}
	return nil
}

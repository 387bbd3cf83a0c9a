package issuer

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
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
	Issuer           string            `json:"issuer"`
	TokenEndpoint    string            `json:"token_endpoint"`
	JWKSURI          string            `json:"jwks_uri"`
	GrantTypes       []string          `json:"grant_types_supported"`
	AuthMethods      []string          `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms   []dpop.Algorithm  `json:"token_endpoint_auth_signing_alg_values_supported"`
	ProofAlgorithms  []dpop.Algorithm  `json:"dpop_signing_alg_values_supported,omitempty"` // RFC 9449 §5.1
	CertificateBound bool              `json:"tls_client_certificate_bound_access_tokens"`  // RFC 8705 §3.3
	RequestURI       bool              `json:"request_uri_parameter_supported"`             // false, and the default would be true (OIDC Discovery §3)
	Aliases          map[string]string `json:"mtls_endpoint_aliases,omitempty"`             // RFC 8705 §5
}

func (i *Issuer) metadata() document {
	d := document{
		Issuer:           i.cfg.Issuer,
		TokenEndpoint:    i.cfg.Issuer + "/token",
		JWKSURI:          i.cfg.Issuer + "/jwks",
		GrantTypes:       grantTypes(i.grants),
		AuthMethods:      i.authMethods(),
		AuthAlgorithms:   dpop.Algorithms(),
		CertificateBound: i.cfg.Certificates != nil,
	}
	if i.cfg.DPoP != nil {
		d.ProofAlgorithms = i.cfg.DPoP.Algorithms()
	}
	if i.urls.alias != "" {
		d.Aliases = map[string]string{"token_endpoint": i.urls.alias + "/token"}
	}
	return d
}

// metadataMaxAge is how long a copy of the metadata may be kept.
const metadataMaxAge = 5 * time.Minute

func (i *Issuer) serveMetadata(w http.ResponseWriter, r *http.Request, e *Event) error {
	body, err := json.Marshal(i.metadata())
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

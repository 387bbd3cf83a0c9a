package verifier

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon/dpop"
)

// metadata is the protected resource metadata document (RFC 9728 §2).
type metadata struct {
	Resource             string           `json:"resource"`
	AuthorizationServers []string         `json:"authorization_servers"`
	BearerMethods        []string         `json:"bearer_methods_supported"`
	CertificateBound     bool             `json:"tls_client_certificate_bound_access_tokens"`
	ProofAlgorithms      []dpop.Algorithm `json:"dpop_signing_alg_values_supported,omitempty"`
	ProofRequired        bool             `json:"dpop_bound_access_tokens_required"`
}

// Metadata serves the protected resource metadata document. Mount it in front of the middleware, at [MetadataPath] of the Audience:
//
//	mux.Handle(verifier.MetadataPath("https://api.example.com"), v.Metadata())
//
// Challenges point there, so that a client can find out which issuer to ask.
func (v *Verifier) Metadata() http.Handler {
	document := metadata{
		Resource:             v.resource,
		AuthorizationServers: []string{v.config.Issuer},
		BearerMethods:        []string{"header"}, // FAPI 2.0 §5.3.4 (1), (2)
		CertificateBound:     v.config.Certificates != nil,
		ProofRequired:        v.config.Certificates == nil,
	}
	if v.config.DPoP != nil {
		document.ProofAlgorithms = v.config.DPoP.Algorithms()
	}
	body, err := json.Marshal(document)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case err != nil: // strings and booleans have a JSON form
			w.WriteHeader(http.StatusInternalServerError)
			return
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json") // RFC 9728 §3.2
		w.Header().Set("Access-Control-Allow-Origin", "*") // public, and read by clients in browsers
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(append(body, '\n')) // the caller is gone when this fails
	})
}

const wellKnown = "/.well-known/oauth-protected-resource"

// MetadataPath gives the path of the metadata document of a resource identifier: the well-known name comes before the resource's own
// path (RFC 9728 §3.1). Text that is no URL has the path of a resource at the root.
func MetadataPath(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Host == "" {
		return wellKnown
	}
	return wellKnown + strings.TrimSuffix(u.EscapedPath(), "/")
}

// metadataURL is where a client finds the document.
func (v *Verifier) metadataURL() string {
	u, err := url.Parse(v.resource)
	if err != nil {
		return v.resource // an https URL that New has parsed
	}
	return u.Scheme + "://" + u.Host + MetadataPath(v.resource)
}

// resource chooses the resource identifier: the audience, when that is an https URL under the origin as RFC 8707 has it, or else the
// origin. Clients compare it with the URL that they call (RFC 9728 §3.3).
func resource(c Config) string {
	audience, err := url.Parse(c.Audience)
	if err != nil {
		return c.Origin
	}
	origin, err := url.Parse(c.Origin)
	if err != nil || sameOrigin(origin, audience) != nil || audience.RawQuery != "" || audience.Fragment != "" || audience.User != nil {
		return c.Origin
	}
	return c.Audience
}

package verifier_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/verifier"
)

func TestMetadata(t *testing.T) {
	algorithms := []any{"ES256", "PS256", "EdDSA", "Ed25519"}
	for _, tt := range []struct {
		name   string
		config attackConfig
		want   map[string]any
	}{
		{"both", attackConfig{}, map[string]any{
			"tls_client_certificate_bound_access_tokens": true, "dpop_signing_alg_values_supported": algorithms, "dpop_bound_access_tokens_required": false,
		}},
		{"DPoP only", attackConfig{Certs: "off"}, map[string]any{
			"tls_client_certificate_bound_access_tokens": false, "dpop_signing_alg_values_supported": algorithms, "dpop_bound_access_tokens_required": true,
		}},
		{"certificates only", attackConfig{DPoP: "off"}, map[string]any{
			"tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens_required": false,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			newStage(t, tt.config).verifiers[0].Metadata().ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource", nil))
			var got map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			tt.want["resource"] = testOrigin
			tt.want["authorization_servers"] = []any{testIssuer}
			tt.want["bearer_methods_supported"] = []any{"header"}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			checkHeader(t, w, http.Header{"Content-Type": {"application/json"}, "Access-Control-Allow-Origin": {"*"}})
		})
	}
}

func TestMetadataMethods(t *testing.T) {
	handler := newStage(t, attackConfig{}).verifiers[0].Metadata()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// TestMetadataPath has the examples of RFC 9728 §3.1.
func TestMetadataPath(t *testing.T) {
	for resource, want := range map[string]string{
		"https://resource.example.com":            "/.well-known/oauth-protected-resource",
		"https://resource.example.com/":           "/.well-known/oauth-protected-resource",
		"https://resource.example.com/resource1":  "/.well-known/oauth-protected-resource/resource1",
		"https://resource.example.com/resource1/": "/.well-known/oauth-protected-resource/resource1",
		"payments": "/.well-known/oauth-protected-resource",
		"::":       "/.well-known/oauth-protected-resource",
	} {
		if got := verifier.MetadataPath(resource); got != want {
			t.Errorf("%s: %s, want %s", resource, got, want)
		}
	}
}

// TestResource: what clients compare with the URL that they call is under the origin (RFC 9728 §3.3).
func TestResource(t *testing.T) {
	for _, tt := range []struct{ audience, origin, resource, hint string }{
		{"https://api.example.com", "https://api.example.com", "https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"},
		{"https://api.example.com/v1", "https://api.example.com", "https://api.example.com/v1", "https://api.example.com/.well-known/oauth-protected-resource/v1"},
		{"https://gw.example.com/pay", "https://gw.example.com/pay", "https://gw.example.com/pay", "https://gw.example.com/.well-known/oauth-protected-resource/pay"},
		{"payments", "https://api.example.com", "https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"},
		{"https://other.example.com", "https://api.example.com", "https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"},
		{"https://api.example.com?a", "https://api.example.com", "https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"},
		{"::", "https://api.example.com", "https://api.example.com", "https://api.example.com/.well-known/oauth-protected-resource"},
	} {
		c := newStage(t, attackConfig{}).verifierConfig()
		c.Audience, c.Origin = tt.audience, tt.origin
		v := must(verifier.New(c))
		w := httptest.NewRecorder()
		v.Metadata().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if !strings.Contains(w.Body.String(), `"resource":"`+tt.resource+`"`) {
			t.Errorf("%s at %s: %s", tt.audience, tt.origin, w.Body)
		}
		w = httptest.NewRecorder()
		v.Middleware(unreachable(t)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("WWW-Authenticate"); !strings.Contains(got, `resource_metadata="`+tt.hint+`"`) {
			t.Errorf("%s at %s: %s", tt.audience, tt.origin, got)
		}
	}
}

package verifier_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/tenon-auth/tenon/verifier"
)

func TestDiscovery(t *testing.T) {
	const tenant = testIssuer + "/t1"
	document := func(issuer, keys string) page {
		return page{body: fmt.Sprintf(`{"issuer": %q, "jwks_uri": %q}`, issuer, keys)}
	}
	for _, tt := range []struct {
		name, issuer, address string
		page                  page
		found                 bool
	}{
		{"RFC 8414", testIssuer, issuerMetadata, document(testIssuer, issuerKeys), true},
		{"RFC 8414 with a path", tenant, issuerMetadata + "/t1", document(tenant, issuerKeys), true},
		{"OpenID Connect", testIssuer, testIssuer + "/.well-known/openid-configuration", document(testIssuer, issuerKeys), true},
		{"OpenID Connect with a path", tenant, tenant + "/.well-known/openid-configuration", document(tenant, issuerKeys), true},
		{"of another issuer", testIssuer, issuerMetadata, document("https://evil.example", issuerKeys), false},
		{"of an issuer with a slash more", testIssuer, issuerMetadata, document(testIssuer+"/", issuerKeys), false},
		{"without an issuer", testIssuer, issuerMetadata, page{body: `{"jwks_uri": "` + issuerKeys + `"}`}, false},
		{"issuer twice", testIssuer, issuerMetadata, page{body: `{"issuer": "x", "issuer": "` + testIssuer + `", "jwks_uri": "` + issuerKeys + `"}`}, false},
		{"keys elsewhere", testIssuer, issuerMetadata, document(testIssuer, "https://evil.example/jwks"), false},
		{"keys without TLS", testIssuer, issuerMetadata, document(testIssuer, "http://as.example.com/jwks"), false},
		{"no keys", testIssuer, issuerMetadata, document(testIssuer, ""), false},
		{"an error page", testIssuer, issuerMetadata, page{status: http.StatusForbidden}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &fakeWeb{}
			w.set(issuerKeys, page{body: keySetJSON("issuer")})
			w.set("https://evil.example/jwks", page{body: keySetJSON("issuer")})
			w.set("http://as.example.com/jwks", page{body: keySetJSON("issuer")})
			w.set(tt.address, tt.page)
			keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: tt.issuer, HTTP: w.client(), Now: newClock().Now}))
			found, err := keys.Keys(t.Context(), "issuer")
			if (err == nil) != tt.found || (len(found) > 0) != tt.found {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

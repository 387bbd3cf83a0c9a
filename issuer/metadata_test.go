package issuer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store/bolt"
)

// Both documents are the same, and hold what testdata/metadata says: nothing that does not work (FAPI 2.0 §5.3.2.1 (1)).
func TestMetadata(t *testing.T) {
	tests := map[string]setup{
		"clients": {},
		"people":  {edit: func(c *issuer.Config) { openPeople(t, c); c.Scopes = []string{"openid", "accounts", "payments"} }},
		"oauth2":  {profile: issuer.OAuth2, edit: func(c *issuer.Config) { openPeople(t, c); c.Details = nil }},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			v := newServer(t, s)
			want, err := os.ReadFile("testdata/metadata/" + name + ".json")
			must(t, err)
			for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
				answer, body := v.get(v.url + path)
				var pretty bytes.Buffer
				must(t, json.Indent(&pretty, body, "", "  "))
				got := strings.NewReplacer(v.alias.URL, "@alias", v.url, "@issuer").Replace(pretty.String()) + "\n"
				if diff := cmp.Diff(string(want), got); diff != "" || answer.StatusCode != 200 {
					t.Errorf("%s: %d %s", path, answer.StatusCode, diff)
				}
				if answer.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(answer.Header.Get("Cache-Control"), "public, max-age=") ||
					answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Strict-Transport-Security") == "" {
					t.Errorf("%s: headers %v", path, answer.Header)
				}
			}
		})
	}
}

// Every endpoint that is published answers with something else than 404, at its alias too.
func TestPublishedEndpointsAreThere(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { openPeople(t, c) }})
	var d map[string]any
	v.getJSON(v.url+"/.well-known/oauth-authorization-server", &d)
	addresses := map[string]any{}
	for name, value := range d {
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			addresses[name] = value
		}
	}
	for name, value := range d["mtls_endpoint_aliases"].(map[string]any) {
		addresses["alias of "+name] = value
	}
	if len(addresses) != 12 {
		t.Errorf("%d endpoints: %v", len(addresses), addresses)
	}
	for name, address := range addresses {
		if answer, _ := v.get(address.(string)); answer.StatusCode == http.StatusNotFound {
			t.Errorf("%s: there is nothing at %s", name, address)
		}
	}
}

// What is published as claims is what the directory can say of a person.
func TestClaimsSupported(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { openPeople(t, c) }})
	var d struct {
		Claims []string `json:"claims_supported"`
	}
	v.getJSON(v.url+"/.well-known/openid-configuration", &d)
	whole := people.Person{Username: "a", Profile: people.Profile{
		Name: "a", GivenName: "a", FamilyName: "a", Email: "a", Phone: "a", Locale: "a", Address: people.Address{Country: "a"}, Updated: v.clock.Now(),
	}}
	for name := range whole.Claims() {
		if !slices.Contains(d.Claims, name) {
			t.Errorf("%s is not published", name)
		}
	}
	if want := len(whole.Claims()) + 11; len(d.Claims) != want {
		t.Errorf("%d claims are published, want %d: %v", len(d.Claims), want, d.Claims)
	}
}

// Only what works is published.
func TestMetadataFollowsTheConfiguration(t *testing.T) {
	tests := map[string]struct {
		edit    func(*issuer.Config)
		missing []string
		methods []string
	}{
		"no DPoP": {
			func(c *issuer.Config) { c.DPoP = nil },
			[]string{"dpop_signing_alg_values_supported"},
			[]string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"},
		},
		"no CAs": {func(c *issuer.Config) { c.ClientCAs = nil }, nil, []string{"private_key_jwt", "self_signed_tls_client_auth"}},
		"no certificates": {
			func(c *issuer.Config) { c.Certificates, c.ClientCAs, c.MTLSOrigin = nil, nil, "" },
			[]string{"mtls_endpoint_aliases"},
			[]string{"private_key_jwt"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := newServer(t, setup{edit: test.edit})
			var d map[string]any
			v.getJSON(v.url+"/.well-known/oauth-authorization-server", &d)
			for _, member := range test.missing {
				if d[member] != nil {
					t.Errorf("%s is published", member)
				}
			}
			methods, err := json.Marshal(d["token_endpoint_auth_methods_supported"])
			must(t, err)
			if want, _ := json.Marshal(test.methods); string(methods) != string(want) {
				t.Errorf("methods %s, want %s", methods, want)
			}
			if d["tls_client_certificate_bound_access_tokens"] != slices.Contains(test.methods, "self_signed_tls_client_auth") {
				t.Errorf("tls_client_certificate_bound_access_tokens is %v", d["tls_client_certificate_bound_access_tokens"])
			}
		})
	}
}

// An issuer with a path: the metadata at both places, everything else below the path (RFC 8414 §3.1, OIDC Discovery §4.1).
func TestIssuerWithPath(t *testing.T) {
	v := newServer(t, setup{path: "/tenants/t1"})
	for _, address := range []string{
		v.main.URL + "/.well-known/oauth-authorization-server/tenants/t1", v.url + "/.well-known/openid-configuration",
		v.main.URL + "/.well-known/openid-configuration/tenants/t1", v.url + "/.well-known/oauth-authorization-server",
	} {
		var d map[string]any
		v.getJSON(address, &d)
		if d["issuer"] != v.url {
			t.Errorf("%s is that of %v", address, d["issuer"])
		}
	}
	p := v.register("c", nil)
	token := p.accepted(message{})
	if token.claims.Issuer != v.url || !strings.HasPrefix(token.claims.Status.URI, v.url+"/status/") {
		t.Errorf("claims %+v", token.claims)
	}
	p.accepted(message{alias: true}) // htu is the alias with the path
	if answer, _ := v.get(v.main.URL + "/.well-known/oauth-authorization-server"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("metadata without the path: %d", answer.StatusCode)
	}
}

func TestPublicDocumentsTakeGetOnly(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	for _, path := range []string{"/jwks", "/status/0", "/.well-known/oauth-authorization-server"} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405} {
			got := p.send(message{target: v.url + path, method: method, proof: part{Omit: true}})
			if got.status != want || want == 405 && got.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
			}
			if method == "HEAD" && got.raw != "" {
				t.Errorf("HEAD %s has a body", path)
			}
		}
	}
}

// Scripts in a browser can call, and read what DPoP needs; no cookie is ever looked at.
func TestCrossOrigin(t *testing.T) {
	v := newServer(t, withNonces(dpop.RequireNonce))
	p := v.register("c", nil)
	got := p.send(message{header: http.Header{"Origin": {"https://app.example"}}})
	if got.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
		t.Errorf("headers %v", got.header)
	}
	if got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed")
	}
	preflight := p.do(p.request(message{method: "OPTIONS", proof: part{Omit: true}, header: http.Header{
		"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"dpop"},
	}}), nil)
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Methods") != "POST" ||
		!strings.Contains(preflight.header.Get("Access-Control-Allow-Headers"), "DPoP") {
		t.Errorf("preflight %d %v", preflight.status, preflight.header)
	}
	if got := p.send(message{method: "OPTIONS"}); got.status != 405 {
		t.Errorf("OPTIONS that is no preflight: %d", got.status)
	}
}

// The alias listener has nothing but the endpoints that clients call directly, and paths are taken as they are.
func TestNothingElseIsServed(t *testing.T) {
	v := newServer(t, setup{})
	for _, address := range []string{
		v.alias.URL + "/jwks", v.alias.URL + "/.well-known/openid-configuration", v.alias.URL + "/status/0",
		v.url + "//token", v.url + "/x/../token", v.url + "/token/", v.url + "/status/00", v.url + "/status/-1", v.url + "/authorize",
	} {
		if answer, _ := v.get(address); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", address, answer.StatusCode)
		}
	}
}

// configWith makes an issuer from a good configuration with one change.
func configWith(t *testing.T, edit func(*issuer.Config)) error {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "s.db")})
	must(t, err)
	defer db.Close()
	book := newBook(t, db, nil)
	keyring, err := issuer.OpenKeyring(context.Background(), issuer.KeyringConfig{Store: db, Log: book, Signers: issuer.KeyFiles(t.TempDir())})
	must(t, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	must(t, err)
	cfg := issuer.Config{Issuer: "https://as.example.com", Store: db, Log: issuer.BindingLog{Book: book}, Signing: keyring, DPoP: checker, MutualTLS: issuer.MutualTLS{Certificates: mtls.TLS{}}}
	edit(&cfg)
	_, err = issuer.New(cfg)
	return err
}

func TestConfigurationFaults(t *testing.T) {
	tests := map[string]func(*issuer.Config){
		"no issuer":                  func(c *issuer.Config) { c.Issuer = "" },
		"http":                       func(c *issuer.Config) { c.Issuer = "http://as.example.com" },
		"query":                      func(c *issuer.Config) { c.Issuer = "https://as.example.com?x" },
		"fragment":                   func(c *issuer.Config) { c.Issuer = "https://as.example.com#" },
		"trailing slash":             func(c *issuer.Config) { c.Issuer = "https://as.example.com/" },
		"user":                       func(c *issuer.Config) { c.Issuer = "https://u@as.example.com" },
		"dot segments":               func(c *issuer.Config) { c.Issuer = "https://as.example.com/a/../b" },
		"empty segment":              func(c *issuer.Config) { c.Issuer = "https://as.example.com//b" },
		"escapes":                    func(c *issuer.Config) { c.Issuer = "https://as.example.com/a%2fb" },
		"route pattern":              func(c *issuer.Config) { c.Issuer = "https://as.example.com/{x}" },
		"mtls origin with path":      func(c *issuer.Config) { c.MTLSOrigin = "https://mtls.example.com/x" },
		"mtls origin http":           func(c *issuer.Config) { c.MTLSOrigin = "http://mtls.example.com" },
		"no store":                   func(c *issuer.Config) { c.Store = nil },
		"no keyring":                 func(c *issuer.Config) { c.Signing = nil },
		"no binding at all":          func(c *issuer.Config) { c.DPoP, c.Certificates = nil, nil },
		"alias without certificates": func(c *issuer.Config) { c.Certificates, c.MTLSOrigin = nil, "https://mtls.example.com" },
		"people without pages":       func(c *issuer.Config) { openPeople(t, c); c.Pages = nil },
		"people without sessions":    func(c *issuer.Config) { openPeople(t, c); c.Sessions = nil },
		"people without secrets":     func(c *issuer.Config) { openPeople(t, c); c.Secrets = nil },
		"two scopes in one":          func(c *issuer.Config) { openPeople(t, c); c.Scopes = []string{"a b"} },
		"requests for 10 minutes":    func(c *issuer.Config) { c.Codes.Request = 10 * time.Minute },
		"requests for a second":      func(c *issuer.Config) { c.Codes.Request = time.Second },
		"codes for 61 seconds":       func(c *issuer.Config) { c.Codes.Code = 61 * time.Second },
		"codes for no time":          func(c *issuer.Config) { c.Codes.Code = -1 },
		"grants for a minute":        func(c *issuer.Config) { c.Codes.Grant = time.Minute },
		"a grace of an hour":         func(c *issuer.Config) { c.Codes.Grace = time.Hour },
		"little room for requests":   func(c *issuer.Config) { c.Limits.WaitingPerClient = 2047 },
		"unknown profile":            func(c *issuer.Config) { c.Profile = 7 },
		"tokens for a day":           func(c *issuer.Config) { c.Tokens.Lifetime = 24 * time.Hour },
		"negative lifetime":          func(c *issuer.Config) { c.Tokens.Lifetime = -time.Second },
		"status ttl of a second":     func(c *issuer.Config) { c.Tokens.StatusTTL = time.Second },
	}
	for name, edit := range tests {
		if err := configWith(t, edit); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := configWith(t, func(*issuer.Config) {}); err != nil {
		t.Errorf("the good one: %v", err)
	}
	err := configWith(t, func(c *issuer.Config) { c.Issuer, c.Profile, c.Tokens.Lifetime = "", 9, -1 })
	if err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Errorf("not every fault is told at once: %v", err)
	}
}

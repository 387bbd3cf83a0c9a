package issuer_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// A member is one that the registry of authorization server metadata knows (RFC 8414 §7.1).
type member struct {
	Spec     string `json:"spec"`
	Kind     string `json:"kind"`
	Required bool   `json:"required"`
}

// kinds tell what is wrong with the value of a member, "" when nothing is.
var kinds = map[string]func(value any) string{
	"issuer":  func(v any) string { return wrongURL(v) },
	"url":     func(v any) string { return wrongURL(v) },
	"boolean": func(v any) string { return unless(isBool(v), "not true or false") },
	"list":    func(v any) string { return wrongList(v, nil) },
	"methods": func(v any) string {
		return wrongList(v, []string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "none"})
	},
	"algorithms": func(v any) string {
		var all []string
		for _, alg := range dpop.Algorithms() {
			all = append(all, string(alg))
		}
		return wrongList(v, all)
	},
	"urls": func(v any) string {
		all, ok := v.(map[string]any)
		for name, address := range all {
			if fault := wrongURL(address); fault != "" {
				return name + ": " + fault
			}
		}
		return unless(ok && len(all) > 0, "no object with members")
	},
}

// Whatever is published is a member that a specification defines, of the kind that it says, whatever the configuration. The
// documents are the golden ones of TestMetadata, with everything on and with everything off.
func TestMetadataMembersAreRegistered(t *testing.T) {
	var registered map[string]member
	readJSON(t, "testdata/members/registered.json", &registered)
	documents, err := filepath.Glob("testdata/metadata/*.json")
	must(t, err)
	if len(documents) == 0 {
		t.Fatal("there are no documents")
	}
	for _, path := range documents {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var d map[string]any
			readJSON(t, path, &d)
			for name, value := range d {
				m, ok := registered[name]
				if !ok {
					t.Errorf("%s is in no specification that we know", name)
					continue
				}
				if fault := kinds[m.Kind](value); fault != "" {
					t.Errorf("%s is %v: %s (%s)", name, value, fault, m.Spec)
				}
			}
			for name, m := range registered {
				if m.Required && d[name] == nil {
					t.Errorf("%s is missing (%s)", name, m.Spec)
				}
			}
			for _, fault := range contradictions(d) {
				t.Error(fault)
			}
		})
	}
}

// contradictions finds members that one cannot have without another.
func contradictions(d map[string]any) []string {
	var faults []string
	both := func(a, b bool, what string) {
		if a != b {
			faults = append(faults, what)
		}
	}
	grants := func(name string) bool { return has(d["grant_types_supported"], name) }
	there := func(name string) bool { return d[name] != nil }
	both(grants("authorization_code"), there("authorization_endpoint"), "authorization_code and authorization_endpoint")
	both(there("authorization_endpoint"), there("response_types_supported"), "authorization_endpoint and response_types_supported")                            // RFC 8414 §2
	both(there("authorization_endpoint"), has(d["code_challenge_methods_supported"], "S256"), "authorization_endpoint and S256")                               // FAPI 2.0 §5.3.2.1
	both(grants("urn:ietf:params:oauth:grant-type:device_code"), there("device_authorization_endpoint"), "the device grant and its endpoint")                  // RFC 8628 §4
	both(grants("urn:openid:params:grant-type:ciba"), there("backchannel_authentication_endpoint"), "the backchannel grant and its endpoint")                  // CIBA §4
	both(there("backchannel_authentication_endpoint"), there("backchannel_token_delivery_modes_supported"), "the backchannel endpoint and its delivery modes") // CIBA §4
	both(d["request_parameter_supported"] == true, there("request_object_signing_alg_values_supported"), "request objects and their algorithms")               // RFC 9101 §9
	both(has(d["response_modes_supported"], "jwt"), there("authorization_signing_alg_values_supported"), "signed responses and their algorithms")              // JARM §4
	both(has(d["scopes_supported"], "openid"), there("subject_types_supported"), "openid and what OpenID Connect needs")                                       // OpenID Connect Discovery §3
	both(d["backchannel_logout_session_supported"] == true, d["backchannel_logout_supported"] == true, "logout of sessions and logout")                        // Back-Channel Logout §2.1
	for _, endpoint := range []string{"token", "introspection", "revocation"} {                                                                                // none may be left out: the default is client_secret_basic
		name := endpoint + "_endpoint_auth_methods_supported"
		both(there(endpoint+"_endpoint"), there(name), name)
		both(has(d[name], "private_key_jwt"), there(endpoint+"_endpoint_auth_signing_alg_values_supported"), name+" and its algorithms")
	}
	return faults
}

// has reports whether a JSON list has a text.
func has(list any, text string) bool {
	all, _ := list.([]any)
	return slices.Contains(all, any(text))
}

func isBool(v any) bool {
	_, ok := v.(bool)
	return ok
}

func unless(good bool, fault string) string {
	if good {
		return ""
	}
	return fault
}

// wrongURL takes the names that golden documents have for the server's addresses.
func wrongURL(v any) string {
	text, _ := v.(string)
	text = strings.NewReplacer("@issuer", "https://as.example.com", "@alias", "https://mtls.as.example.com").Replace(text)
	u, err := url.Parse(text)
	return unless(err == nil && u.Scheme == "https" && u.Host != "" && u.Fragment == "" && u.RawQuery == "", "not an https URL")
}

// wrongList wants texts that come once, of the allowed ones if any are given.
func wrongList(v any, allowed []string) string {
	all, ok := v.([]any)
	if !ok || len(all) == 0 {
		return "not a list with elements" // RFC 8414 §3.2
	}
	for n, element := range all {
		text, ok := element.(string)
		switch {
		case !ok || text == "":
			return "not a list of texts"
		case slices.Contains(all[:n], element):
			return text + " comes twice"
		case allowed != nil && !slices.Contains(allowed, text):
			return text + " is not allowed"
		}
	}
	return ""
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(data, v))
}

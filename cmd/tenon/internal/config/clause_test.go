package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

// verdicts gives the findings that are not "meets", as "setting clause verdict".
func verdicts(c *config.Config) []string {
	var list []string
	for _, f := range c.Findings() {
		if f.Verdict != config.Meets {
			list = append(list, strings.Join([]string{f.Setting, f.Clause, string(f.Verdict)}, " | "))
		}
	}
	return list
}

const aClient = `clients:
  - {id: a, token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: a.example.com, resources: [https://api.example.com], %s}
`

func TestFindings(t *testing.T) {
	withMTLS := minimal + "mtls: {listen: :9444, client_ca: [ca.pem]}\n"
	client := func(with string) string { return strings.Replace(aClient, "%s", with, 1) }
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"the defaults meet everything": {minimal, nil},
		"certificates too":             {withMTLS, nil},
		"bearer tokens": {
			withMTLS + "profile: oauth2\n" + client("scope: x, bearer: true"),
			[]string{"profile | FAPI 2.0 §5.3.2.1 (4) | beware", "clients[0].bearer | FAPI 2.0 §5.3.2.1 (4) | breaks", "profile | FAPI 2.0 §5.3.2.1 (9) | breaks"},
		},
		"a client that proves nothing": {
			minimal + "profile: oauth2\nclients:\n  - {id: a, token_endpoint_auth_method: none, grant_types: [authorization_code], redirect_uris: [\"http://127.0.0.1/cb\"], scope: x, resources: [https://api.example.com], dpop_bound_access_tokens: true}\n",
			[]string{
				"profile | FAPI 2.0 §5.3.2.1 (4) | beware", "clients[0].token_endpoint_auth_method | FAPI 2.0 §5.3.2.1 (3) | breaks",
				"profile | FAPI 2.0 §5.3.2.1 (9) | breaks",
			},
		},
		"nobody logs in":                 {minimal + "login: {people: off}\n", nil},
		"people stay logged in for long": {minimal + "login: {session_lifetime: 25h}\n", []string{"login.session_lifetime | own rule | beware"}},
		"a client without a scope": {
			withMTLS + client("scope: x") + "  - {id: b, token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: b.example.com, resources: [https://api.example.com]}\n",
			[]string{"clients[1].scope | FAPI 2.0 §5.3.2.1 (14) | beware"},
		},
		"operators' listener for everybody": {minimal + "operations: {listen: :9440}\n", []string{"operations.listen | own rule | beware"}},
		"no nonces":                         {minimal + "dpop: {nonce: off}\n", []string{"dpop.nonce | RFC 9449 §11.2 | beware"}},
		"nonces offered":                    {minimal + "dpop: {nonce: offer}\n", []string{"dpop.nonce | RFC 9449 §11.2 | beware"}},
		"keys published late":               {minimal + "signing: {publish_before: 14m}\n", []string{"signing.publish_before | own rule | beware"}},
		"revocations seen late":             {minimal + "status_list: {ttl: 61s}\n", []string{"status_list.ttl | FAPI 2.0 §5.3.4 (3) | beware"}},
		"no bounds": {
			minimal + "limits: {requests_per_client: 0, unauthenticated_per_address: 0}\n",
			[]string{"limits.requests_per_client | own rule | beware", "limits.unauthenticated_per_address | own rule | beware"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, verdicts(parse(t, c.text))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFixedNamesWhatNeedsARestart(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []string
	}{
		"nothing":            {"", "", nil},
		"written as default": {"", "listen: 127.0.0.1:9443\n", nil},
		"an address":         {"", "listen: 127.0.0.1:9999\n", []string{"listen"}},
		"two groups":         {"", "signing: {algorithm: PS256}\noperations: {listen: off}\n", []string{"operations", "signing"}},
		"inside a group":     {"", "limits: {connections: 5, body: 8KiB}\n", []string{"limits.connections"}},
		"nonces":             {"", "dpop: {nonce: offer, max_age: 30s}\n", []string{"dpop.nonce"}},
		"an origin":          {"mtls: {listen: :1, origin: https://m.example.com}\n", "mtls: {listen: :1, origin: https://n.example.com}\n", []string{"mtls.origin"}},
		"what may change":    {"", "access_token_lifetime: 2m\nstatus_list: {ttl: 5s}\nlog: {level: debug}\n", nil},
		"authorities":        {"mtls: {listen: :1, client_ca: [a.pem]}\n", "mtls: {listen: :1, client_ca: [b.pem]}\n", nil},
		"the issuer's own":   {"", "data: elsewhere\nprofile: oauth2\n", []string{"profile", "data"}},
		"the log's form":     {"", "log: {format: json}\n", []string{"log.format"}},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := parseAt(t, "/x/tenon.yaml", minimal+c.before), parseAt(t, "/x/tenon.yaml", minimal+c.after)
			if diff := cmp.Diff(c.want, config.Fixed(before, after)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	other := parseAt(t, "/x/tenon.yaml", strings.ReplaceAll(minimal, "server.pem", "other.pem"))
	if diff := cmp.Diff([]string{"tls"}, config.Fixed(parseAt(t, "/x/tenon.yaml", minimal), other)); diff != "" {
		t.Errorf("another certificate file: %s", diff)
	}
}

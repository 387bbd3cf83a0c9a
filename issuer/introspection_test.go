package issuer_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

const notActive = `{"active":false}`

// api registers an API, which may ask about tokens for what it serves and gets none itself.
func (v *server) api(id string, serves ...string) *party {
	v.t.Helper()
	return v.register(id, func(p *party) {
		p.record.GrantTypes, p.record.Scope, p.record.Resources, p.record.Serves = nil, nil, nil, serves
	})
}

// asking is the question about a token.
func (v *server) asking(token string) message {
	return message{target: v.url + "/introspect", proof: part{Omit: true}, form: url.Values{"grant_type": nil, "token": {token}}}
}

// active asks about a token and gives what is told of it, nil for nothing.
func (p *party) active(token string) map[string]any {
	t := p.server.t
	t.Helper()
	got := p.send(p.server.asking(token))
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answered %d %s %v: %v", got.status, got.raw, got.header, got.event.Err)
	}
	if got.raw == notActive { // not a letter more (RFC 7662 §2.2)
		return nil
	}
	var told map[string]any
	mustJSON(t, []byte(got.raw), &told)
	if told["active"] != true {
		t.Fatalf("told about a token that is not active: %s", got.raw)
	}
	return told
}

// token gets an access token with a request that must succeed.
func (p *party) token(m message) string {
	t := p.server.t
	t.Helper()
	got := p.send(m)
	if got.status != 200 {
		t.Fatalf("a good request was answered %d %s: %v", got.status, got.raw, got.event.Err)
	}
	return got.body.AccessToken
}

func selfSigned(t testing.TB) *certs.Leaf {
	t.Helper()
	leaf, err := certs.SelfSigned("self", 0)
	must(t, err)
	return leaf
}

// What an API is told about a person's token, to the letter, whatever the token looks like (RFC 7662 §2.2, RFC 9470 §6.2).
func TestIntrospectionTellsWhatATokenSays(t *testing.T) {
	for _, format := range []string{issuer.JWTFormat, issuer.OpaqueFormat} {
		t.Run(format, func(t *testing.T) {
			f := newFlow(t, setup{})
			p := f.app("app", func(p *party) { p.record.TokenFormat = format })
			api := f.api("api", "https://unrelated.example.com", resource)
			before := f.clock.Now().Unix()
			got := f.redeem(p, url.Values{"authorization_details": {payment("10.00")}})
			told := api.active(got.body.AccessToken)
			thumbprint, err := dpop.Thumbprint(p.proofs.Public())
			must(t, err)
			for _, unpredictable := range []string{"jti", "status", "tlog"} {
				if told[unpredictable] == nil {
					t.Errorf("%s is not told", unpredictable)
				}
				delete(told, unpredictable)
			}
			var details any
			mustJSON(t, []byte(payment("10.00")), &details)
			want := map[string]any{
				"active": true, "token_type": "DPoP", "iss": f.url, "sub": f.person.Subject, "client_id": "app",
				"aud": []any{resource, f.url + "/userinfo"}, "iat": float64(before), "exp": float64(before + 300),
				"scope": "openid accounts payments", "cnf": map[string]any{"jkt": thumbprint},
				"auth_time": float64(f.approval.AuthTime.Unix()), "acr": "urn:tenon:acr:mfa", "amr": []any{"pwd", "otp", "mfa"},
				"authorization_details": details,
			}
			if diff := cmp.Diff(want, told); diff != "" { // and so no username (ours: an API knows people by sub)
				t.Error(diff)
			}
			if format == issuer.OpaqueFormat && strings.Count(got.body.AccessToken, ".") == 2 {
				t.Error("the opaque token is a JWT")
			}
		})
	}
}

func TestIntrospectionTellsAboutCertificates(t *testing.T) {
	v := newServer(t, setup{})
	api := v.api("api", resource)
	p := v.register("c", func(p *party) { p.leaf, p.record.CertificateBound = selfSigned(t), true })
	token := p.send(message{alias: true, proof: part{Omit: true}}).body.AccessToken
	told := api.active(token)
	cnf, _ := told["cnf"].(map[string]any)
	if told["token_type"] != "Bearer" || len(cnf) != 1 || cnf["x5t#S256"] == nil || told["sub"] != "c" || told["auth_time"] != nil { // RFC 8705 §3.2
		t.Errorf("told %v", told)
	}
}

// Whatever is no good token for who asks is answered alike, so that the answer tells nothing (RFC 7662 §2.2).
func TestIntrospectionOfWhatIsNotActive(t *testing.T) {
	f := newFlow(t, setup{})
	p, api := f.app("app", nil), f.api("api", resource)
	opaque := f.app("opaque", func(p *party) { p.record.TokenFormat = issuer.OpaqueFormat })
	tokens, hidden := f.redeem(p, nil), f.redeem(opaque, nil)
	good, handle := tokens.body.AccessToken, hidden.body.AccessToken
	elsewhere := f.register("machine", nil).send(message{form: url.Values{"resource": {"https://other.example.com"}}}).body.AccessToken
	uri, _ := f.push(p, message{}, nil)
	for name, token := range map[string]string{
		"an invention":                      "nonsense",
		"an invented handle":                "tno_0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"a handle with another secret":      handle[:len(handle)-4] + "AAAA",
		"a handle without its secret":       handle[:strings.IndexByte(handle, '.')+1],
		"a handle with a zero before":       strings.Replace(handle, "tno_", "tno_0", 1),
		"a handle in another case":          strings.ToUpper(handle),
		"a handle and more":                 handle + "A",
		"a handle with padding":             handle + "=",
		"a token for another API":           elsewhere,
		"a refresh token":                   tokens.body.Refresh,
		"an ID token":                       tokens.body.IDToken,
		"a code":                            f.code(p, nil).code,
		"a request_uri":                     uri,
		"a client assertion":                p.assertion(part{}),
		"a proof":                           p.proof(f.url+"/introspect", message{}),
		"a token with its signature cut":    good[:len(good)-10],
		"a token with another signature":    good[:strings.LastIndexByte(good, '.')] + elsewhere[strings.LastIndexByte(elsewhere, '.'):],
		"a token with other claims":         spliced(good, elsewhere),
		"a token signed by somebody else":   resigned(t, good),
		"a token with a space after it":     good + " ",
		"a token that has the opaque index": "tno_" + good,
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			if told := api.active(token); told != nil {
				t.Errorf("told %v", told)
			}
		})
	}
	f.server.t = t
	if api.active(good) == nil || api.active(handle) == nil {
		t.Error("the good ones are not active")
	}
	if f.api("other", "https://api.example.com/").active(good) != nil {
		t.Error("an API whose name is a little different was told")
	}
}

// resigned is a JWT with the same header and claims by another key.
func resigned(t testing.TB, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	must(t, err)
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	return sign(t, ecKey(t), "", text{string(header), string(payload)})
}

// spliced puts the claims of one JWT under the header and the signature of another.
func spliced(signed, claims string) string {
	a, b := strings.Split(signed, "."), strings.Split(claims, ".")
	return a[0] + "." + b[1] + "." + a[2]
}

// What ends a token ends it for whoever asks, at once.
func TestIntrospectionSeesEveryEnd(t *testing.T) {
	for name, end := range map[string]func(*flow, string){
		"it expires": func(f *flow, _ string) { f.clock.advance(5 * time.Minute) },
		"an operator revokes it": func(f *flow, token string) {
			_, err := f.admin.Revoke(f.t.Context(), issuer.Revocation{Token: token})
			must(f.t, err)
		},
		"an operator ends the person's grants": func(f *flow, _ string) {
			_, err := f.admin.Revoke(f.t.Context(), issuer.Revocation{Person: f.person.Subject})
			must(f.t, err)
		},
		"the client is disabled": func(f *flow, _ string) {
			_, err := f.admin.Revoke(f.t.Context(), issuer.Revocation{ClientID: "app"})
			must(f.t, err)
		},
		"the client is registered as disabled": func(f *flow, _ string) {
			client, err := f.admin.Client(f.t.Context(), "app")
			must(f.t, err)
			client.Disabled = true
			_, err = f.admin.UpdateClient(f.t.Context(), client)
			must(f.t, err)
		},
		"the client is removed": func(f *flow, _ string) { must(f.t, f.admin.RemoveClient(f.t.Context(), "app")) },
		"the person is disabled": func(f *flow, _ string) {
			f.person.Disabled = true
			_, err := f.people.Update(f.t.Context(), f.person)
			must(f.t, err)
		},
		"the person is removed": func(f *flow, _ string) { must(f.t, f.people.Remove(f.t.Context(), f.person.Subject)) },
	} {
		for _, format := range []string{issuer.JWTFormat, issuer.OpaqueFormat} {
			t.Run(name+"/"+format, func(t *testing.T) {
				f := newFlow(t, setup{})
				p, api := f.app("app", func(p *party) { p.record.TokenFormat = format }), f.api("api", resource)
				token := f.redeem(p, nil).body.AccessToken
				if api.active(token) == nil {
					t.Fatal("not active from the start")
				}
				end(f, token)
				if told := api.active(token); told != nil {
					t.Errorf("still active: %v", told)
				}
				if got := f.userInfo(p, token); got.status != 401 {
					t.Errorf("userinfo still answers %d %s", got.status, got.raw)
				}
			})
		}
	}
}

// Every row of the endpoint's refusals: none tells anything about the token.
func TestIntrospectionRefusals(t *testing.T) {
	v := newServer(t, setup{})
	p, api := v.register("c", nil), v.api("api", resource)
	token := p.token(message{})
	for _, tt := range []struct {
		name   string
		by     *party
		edit   func(*message)
		status int
		code   tenon.Code
		reason string
	}{
		{"an ordinary client", p, nil, 403, tenon.AccessDenied, "serves"},                                                                                                    // RFC 7662 §2.3
		{"nobody", api, func(m *message) { m.assertion.Omit = true }, 401, tenon.InvalidClient, "no_credential"},                                                             // RFC 7662 §2.3
		{"somebody else's key", api, func(m *message) { m.assertion.Key = "other" }, 401, tenon.InvalidClient, "signature"},                                                  // RFC 7662 §2.3
		{"an assertion for this endpoint", api, func(m *message) { m.assertion.Claims = map[string]any{"aud": "@issuer/introspect"} }, 401, tenon.InvalidClient, "audience"}, // FAPI 2.0 §5.3.2.1 (8)
		{"an access token as credential", api, func(m *message) {
			m.assertion.Omit, m.header = true, map[string][]string{"Authorization": {"Bearer " + token}}
		}, 401, tenon.InvalidClient, "method"},
		{"no token", api, func(m *message) { delete(m.form, "token") }, 400, tenon.InvalidRequest, "token"}, // RFC 7662 §2.1
		{"an empty token", api, func(m *message) { m.form.Set("token", "") }, 400, tenon.InvalidRequest, "token"},
		{"two tokens", api, func(m *message) { m.form.Add("token", token) }, 400, tenon.InvalidRequest, "form"},
		{"the token in the URL", api, func(m *message) { m.target += "?token=" + token }, 400, tenon.InvalidRequest, "form"}, // RFC 7662 §4
		{"GET", api, func(m *message) { m.method = "GET" }, 405, tenon.InvalidRequest, "method"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v.t = t
			m := v.asking(token)
			if tt.edit != nil {
				tt.edit(&m)
			}
			got := tt.by.refused(m, tt.status, tt.code, tt.reason)
			if strings.Contains(got.raw, "active") || strings.Contains(got.raw, token) {
				t.Errorf("the refusal tells about the token: %s", got.raw)
			}
			if tt.status == 405 && got.header.Get("Allow") != "POST" {
				t.Errorf("Allow is %q", got.header.Get("Allow"))
			}
		})
	}
	v.t = t
	for _, hint := range []string{"access_token", "refresh_token", "nonsense"} { // RFC 7662 §2.1: a hint is a hint
		m := v.asking(token)
		m.form.Set("token_type_hint", hint)
		if got := api.send(m); got.status != 200 || got.raw == notActive {
			t.Errorf("with the hint %s: %d %s", hint, got.status, got.raw)
		}
	}
}

// A question uses its assertion up, everywhere; a refused one, and a challenge for a nonce, use up nothing.
func TestIntrospectionSpendsItsAssertionOnce(t *testing.T) {
	v := newServer(t, withNonces(dpop.RequireNonce))
	p := v.register("both", func(p *party) { p.record.Serves = []string{resource} })
	m := v.asking("nonsense")
	m.assertion = part{Raw: p.assertion(part{})}
	challenged := m
	challenged.proof = part{}
	nonce := p.refused(challenged, 400, tenon.UseDPoPNonce, "nonce").header.Get("DPoP-Nonce")
	empty := m
	empty.form = url.Values{"grant_type": nil}
	p.refused(empty, 400, tenon.InvalidRequest, "token")
	if got := p.send(m); got.status != 200 || got.raw != notActive {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	p.refused(m, 401, tenon.InvalidClient, "replay")
	p.refused(message{assertion: m.assertion, nonce: nonce}, 401, tenon.InvalidClient, "replay")
}

// What cannot be known is not answered: neither "active" nor "not active".
func TestIntrospectionOutage(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	p, api := v.register("c", nil), v.api("api", resource)
	token := p.token(message{})
	outage := errors.New("disk")
	for _, kind := range []string{"tokens", "revoked", "clients", "commit"} {
		t.Run(kind, func(t *testing.T) {
			v.t = t
			hooks.get = func(k store.Key) error {
				if string(k.Kind) == kind {
					return outage
				}
				return nil
			}
			if kind == "commit" {
				hooks.commit = func(*store.Change) error { return outage }
			}
			if got := api.refused(v.asking(token), 503, tenon.Unavailable, "unavailable"); got.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			*hooks = hookedStore{Store: hooks.Store}
			if api.active(token) == nil {
				t.Error("not active after the outage")
			}
		})
	}
}

// A client that authenticates with its certificate asks at the alias, and nothing is written for it.
func TestIntrospectionWithACertificate(t *testing.T) {
	v := newServer(t, setup{})
	token := v.register("c", nil).token(message{})
	api := v.register("api", func(p *party) {
		p.leaf, p.key = selfSigned(t), nil
		p.record.AuthMethod, p.record.Algorithm, p.record.JWKS = issuer.SelfSignedTLSAuth, "", publicSet(p.leaf.Key)
		p.record.JWKS.Keys[0].Certificates = append(p.record.JWKS.Keys[0].Certificates, p.leaf.Certificate)
		p.record.GrantTypes, p.record.Scope, p.record.Resources, p.record.Serves = nil, nil, nil, []string{resource}
	})
	m := v.asking(token)
	m.alias, m.target = true, v.alias.URL+"/introspect"
	got := api.send(m)
	var told struct{ Active bool }
	must(t, json.Unmarshal([]byte(got.raw), &told))
	if got.status != 200 || !told.Active {
		t.Errorf("%d %s", got.status, got.raw)
	}
	m.noLeaf = true
	api.refused(m, 401, tenon.InvalidClient, "no_credential")
}

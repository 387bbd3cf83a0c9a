package issuer_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

const proofAlgorithms = `algs="ES256 PS256 EdDSA Ed25519"`

// A question is a request to the userinfo endpoint in the making. What is empty is as a good client would have it.
type question struct {
	method, target string
	scheme         string // "-" sends no Authorization field
	body           string // a form
	nonce          string
	noProof        bool
	key            *dpop.Key // of the proof, instead of the client's
	edit           func(*http.Request)
	leaf           bool // to the alias, with the client's certificate
}

// ask sends a question with a token.
func (f *flow) ask(p *party, token string, q question) reply {
	f.t.Helper()
	r := f.userInfoRequest(p, token, q)
	leaf := p.leaf
	if !q.leaf {
		leaf = nil
	}
	got := p.do(r, leaf)
	got.event = f.event()
	return got
}

// userInfo asks as a good client does.
func (f *flow) userInfo(p *party, token string) reply {
	f.t.Helper()
	return f.ask(p, token, question{})
}

func (f *flow) userInfoRequest(p *party, token string, q question) *http.Request {
	f.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	if q.target == "" {
		q.target = f.url + "/userinfo"
		if q.leaf {
			q.target = f.alias.URL + f.path + "/userinfo"
		}
	}
	r, err := http.NewRequestWithContext(f.t.Context(), q.method, q.target, strings.NewReader(q.body))
	must(f.t, err)
	if q.body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if q.scheme == "" {
		q.scheme = "DPoP"
	}
	if q.scheme != "-" {
		r.Header.Set("Authorization", q.scheme+" "+token)
	}
	if !q.noProof {
		r.Header.Set("DPoP", f.proofFor(p, token, q))
	}
	if q.edit != nil {
		q.edit(r)
	}
	return r
}

func (f *flow) proofFor(p *party, token string, q question) string {
	f.t.Helper()
	key := q.key
	if key == nil {
		var err error
		key, err = dpop.NewKey(p.proofs, dpop.ES256)
		must(f.t, err)
	}
	proof, err := key.Proof(dpop.Target{Method: q.method, URL: q.target, AccessToken: token, Nonce: q.nonce, Time: f.clock.Now()})
	must(f.t, err)
	return proof
}

// everything fills in all that the directory can know about the person.
func (f *flow) everything() {
	f.t.Helper()
	f.person.Profile = people.Profile{
		Name: "Alice Liddell", GivenName: "Alice", FamilyName: "Liddell", Email: "alice@example.com", EmailVerified: true,
		Phone: "+44 1865 000000", Locale: "en-GB", Address: people.Address{Locality: "Oxford", Country: "GB"},
	}
	var err error
	f.person, err = f.people.Update(f.t.Context(), f.person)
	must(f.t, err)
}

// Scope and the claims parameter say which claims are told, and nothing else is (OpenID Connect Core §5.4, §5.5).
func TestUserInfoTellsWhatWasAskedFor(t *testing.T) {
	f := newFlow(t, setup{})
	f.everything()
	p := f.app("app", func(p *party) {
		p.record.Scope = tenon.Scope{"openid", "profile", "email", "address", "phone", "accounts"}
	})
	sub := f.person.Subject
	address := map[string]any{"locality": "Oxford", "country": "GB"}
	profile := map[string]any{
		"sub": sub, "name": "Alice Liddell", "given_name": "Alice", "family_name": "Liddell", "preferred_username": "alice", "locale": "en-GB",
		"updated_at": float64(f.person.Updated.Unix()),
	}
	for _, tt := range []struct {
		name, scope, claims string
		want                map[string]any
	}{
		{"openid alone", "openid accounts", "", map[string]any{"sub": sub}},
		{"profile", "openid profile", "", profile},
		{"email", "openid email", "", map[string]any{"sub": sub, "email": "alice@example.com", "email_verified": true}},
		{"address", "openid address", "", map[string]any{"sub": sub, "address": address}},
		{"phone", "openid phone", "", map[string]any{"sub": sub, "phone_number": "+44 1865 000000", "phone_number_verified": false}},
		{"claims: null", "openid", `{"userinfo": {"given_name": null, "email": null}}`, map[string]any{"sub": sub, "given_name": "Alice", "email": "alice@example.com"}},
		{"claims: essential", "openid", `{"userinfo": {"locale": {"essential": true}}}`, map[string]any{"sub": sub, "locale": "en-GB"}},
		{"claims: essential and not known", "openid", `{"userinfo": {"birthdate": {"essential": true}}}`, map[string]any{"sub": sub}}, // §5.5.1
		{"claims: the value", "openid", `{"userinfo": {"locale": {"value": "en-GB"}}}`, map[string]any{"sub": sub, "locale": "en-GB"}},
		{"claims: another value", "openid", `{"userinfo": {"locale": {"value": "de"}}}`, map[string]any{"sub": sub}},
		{"claims: one of the values", "openid", `{"userinfo": {"locale": {"values": ["de", "en-GB"]}}}`, map[string]any{"sub": sub, "locale": "en-GB"}},
		{"claims: none of the values", "openid", `{"userinfo": {"locale": {"values": ["de", "fr"]}}}`, map[string]any{"sub": sub}},
		{"claims: another value than the scope's", "openid email", `{"userinfo": {"email": {"value": "x@example.com"}}}`, map[string]any{"sub": sub, "email": "alice@example.com", "email_verified": true}},
		{"claims: unknown", "openid", `{"userinfo": {"shoe_size": null, "iss": null, "password": null}}`, map[string]any{"sub": sub}},
		{"claims: for the ID token", "openid", `{"id_token": {"email": null}}`, map[string]any{"sub": sub}},
		{"claims beside a scope", "openid address", `{"userinfo": {"given_name": null}}`, map[string]any{"sub": sub, "address": address, "given_name": "Alice"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.server.t = t
			extra := url.Values{"scope": {tt.scope}}
			if tt.claims != "" {
				extra.Set("claims", tt.claims)
			}
			got := f.userInfo(p, f.redeem(p, extra).body.AccessToken)
			var told map[string]any
			mustJSON(t, []byte(got.raw), &told)
			if diff := cmp.Diff(tt.want, told); got.status != 200 || diff != "" {
				t.Errorf("%d\n%s", got.status, diff)
			}
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%v", got.header)
			}
		})
	}
}

// sub is what the ID token says, also when it is pairwise (OpenID Connect Core §5.3.2, §8).
func TestUserInfoSubject(t *testing.T) {
	f := newFlow(t, setup{})
	for name, edit := range map[string]func(*party){
		"public":   nil,
		"pairwise": func(p *party) { p.record.SubjectType, p.record.Sector = issuer.PairwiseSubjects, "app.example.com" },
		"opaque":   func(p *party) { p.record.TokenFormat = issuer.OpaqueFormat },
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			p := f.app(name, edit)
			tokens := f.redeem(p, nil)
			var told map[string]any
			mustJSON(t, []byte(f.userInfo(p, tokens.body.AccessToken).raw), &told)
			if want := f.idToken(tokens.body.IDToken)["sub"]; want == "" || told["sub"] != want {
				t.Errorf("sub is %v, the ID token says %v", told["sub"], want)
			}
			if name == "pairwise" && told["sub"] == f.person.Subject {
				t.Error("the subject is not pairwise")
			}
		})
	}
}

// A signed answer is a JWT of the issuer for the client (OpenID Connect Core §5.3.2), and no access token.
func TestUserInfoSigned(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", func(p *party) { p.record.UserInfoAlgorithm = "ES256" })
	token := f.redeem(p, url.Values{"scope": {"openid"}}).body.AccessToken
	got := f.userInfo(p, token)
	if got.status != 200 || got.header.Get("Content-Type") != "application/jwt" || got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s %v: %v", got.status, got.raw, got.header, got.event.Err)
	}
	verifies(t, f.server, got.raw, dpop.ES256)
	header, claims := opened(t, got.raw)
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "typ": "JWT", "kid": f.keyring.List()[0].ID}, header); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"iss": f.url, "aud": "app", "sub": f.person.Subject}, claims); diff != "" {
		t.Error(diff)
	}
}

// GET and POST, with DPoP and with a certificate, at both listeners (OpenID Connect Core §5.3.1, RFC 8705 §3).
func TestUserInfoIsAskedInEveryWay(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	bound := f.app("bound", func(p *party) { p.leaf, p.record.CertificateBound = selfSigned(t), true })
	withKey := f.redeem(app, nil).body.AccessToken
	m := f.code(bound, nil).redemption()
	m.alias, m.proof.Omit = true, true
	withCertificate := bound.token(m)
	for _, tt := range []struct {
		name  string
		by    *party
		token string
		q     question
	}{
		{"GET", app, withKey, question{}},
		{"POST without a body", app, withKey, question{method: "POST"}},
		{"POST with an empty form", app, withKey, question{method: "POST", edit: func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }}},
		{"POST with a form about something else", app, withKey, question{method: "POST", body: "schema=openid"}},
		{"a scheme in another case", app, withKey, question{scheme: "dpop"}},
		{"DPoP at the alias", app, withKey, question{leaf: true}},
		{"a certificate", bound, withCertificate, question{leaf: true, scheme: "Bearer", noProof: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.server.t = t
			got := f.ask(tt.by, tt.token, tt.q)
			if got.status != 200 || !strings.Contains(got.raw, f.person.Subject) {
				t.Errorf("%d %s: %v", got.status, got.raw, got.event.Err)
			}
			if e := got.event; e.Endpoint != "userinfo" || e.ClientID != tt.by.record.ID || e.Thumbprint == "" || e.Status != 200 {
				t.Errorf("event %+v", e)
			}
		})
	}
}

// Every row of spec'd refusals: status, challenge and body (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1).
func TestUserInfoRefusals(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	bound := f.app("bound", func(p *party) { p.leaf, p.record.CertificateBound = selfSigned(t), true })
	m := f.code(bound, nil).redemption()
	m.alias, m.proof.Omit = true, true
	withCertificate := bound.token(m)
	machine := f.register("machine", nil).token(message{})
	ownResource := func(id string, scope tenon.Scope) string {
		return f.register(id, func(p *party) {
			p.record.Resources, p.record.Scope, p.proofs = []string{f.url + "/userinfo"}, scope, bound.proofs
		}).token(message{})
	}
	p.proofs = bound.proofs // so that all tokens are bound to one key
	tokens := f.redeem(p, nil)
	token := tokens.body.AccessToken
	narrow := f.redeem(p, url.Values{"scope": {"accounts"}}).body.AccessToken
	noIdentity, nobody := ownResource("no-identity", tenon.Scope{"accounts"}), ownResource("nobody", tenon.Scope{"openid"})
	thief := must1(dpop.GenerateKey(dpop.ES256))
	used := f.proofFor(p, token, question{method: "GET", target: f.url + "/userinfo"})
	if got := f.ask(p, token, question{edit: func(r *http.Request) { r.Header.Set("DPoP", used) }}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.raw)
	}
	hint := fmt.Sprintf(`resource_metadata="%s/.well-known/oauth-protected-resource/userinfo"`, f.url)
	for _, tt := range []struct {
		name   string
		token  string
		q      question
		status int
		code   tenon.Code
		reason string
		scheme string // the challenge's, "both" for one of each
	}{
		{"no credentials", "", question{scheme: "-", noProof: true}, 401, "", "scheme", "both"},
		{"a proof alone", "", question{scheme: "-"}, 401, "", "scheme", "both"},
		{"Basic", "YTpi", question{scheme: "Basic", noProof: true}, 401, "", "scheme", "both"},
		{"malformed", "nonsense.a.b", question{}, 401, tenon.InvalidToken, "token", "DPoP"},
		{"an unknown handle", "tno_0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", question{}, 401, tenon.InvalidToken, "inactive", "DPoP"},
		{"a refresh token", tokens.body.Refresh, question{}, 401, tenon.InvalidToken, "inactive", "DPoP"},
		{"an ID token", tokens.body.IDToken, question{}, 401, tenon.InvalidToken, "typ", "DPoP"},
		{"signed by somebody else", resigned(t, token), question{}, 401, tenon.InvalidToken, "signature", "DPoP"},
		{"for another audience", machine, question{}, 401, tenon.InvalidToken, "audience", "DPoP"},
		{"without openid", narrow, question{}, 401, tenon.InvalidToken, "audience", "DPoP"},
		{"for userinfo, without openid", noIdentity, question{}, 403, tenon.InsufficientScope, "scope", "DPoP"}, // RFC 6750 §3.1
		{"a client's own", nobody, question{}, 401, tenon.InvalidToken, "person", "DPoP"},
		{"bound, as Bearer", token, question{scheme: "Bearer"}, 401, tenon.InvalidToken, "downgrade", "DPoP"},
		{"bound, as Bearer without a proof", token, question{scheme: "Bearer", noProof: true}, 401, tenon.InvalidToken, "downgrade", "DPoP"},
		{"another key", token, question{key: thief}, 401, tenon.InvalidToken, "jkt", "DPoP"},
		{"no proof", token, question{noProof: true}, 401, tenon.InvalidDPoPProof, "no_proof", "DPoP"},
		{"two proofs", token, question{edit: func(r *http.Request) { r.Header.Add("DPoP", used) }}, 401, tenon.InvalidDPoPProof, "headers", "DPoP"},
		{"a used proof", token, question{edit: func(r *http.Request) { r.Header.Set("DPoP", used) }}, 401, tenon.InvalidDPoPProof, "replay", "DPoP"},
		{"a proof for the token endpoint", token, question{edit: func(r *http.Request) {
			r.Header.Set("DPoP", f.proofFor(p, token, question{method: "GET", target: f.url + "/token"}))
		}}, 401, tenon.InvalidDPoPProof, "htu", "DPoP"},
		{"a proof for POST", token, question{edit: func(r *http.Request) {
			r.Header.Set("DPoP", f.proofFor(p, token, question{method: "POST", target: f.url + "/userinfo"}))
		}}, 401, tenon.InvalidDPoPProof, "htm", "DPoP"},
		{"bound to a certificate, and none came", withCertificate, question{scheme: "Bearer", noProof: true}, 401, tenon.InvalidToken, "certificate", "Bearer"},
		{"two Authorization fields", token, question{edit: func(r *http.Request) { r.Header.Add("Authorization", "DPoP "+token) }}, 400, tenon.InvalidRequest, "headers", "both"},
		{"the token in the query", token, question{target: f.url + "/userinfo?access_token=" + token, scheme: "-"}, 400, tenon.InvalidRequest, "headers", "both"},
		{"the token in the body", token, question{method: "POST", body: "access_token=" + token, scheme: "-"}, 400, tenon.InvalidRequest, "headers", "both"}, // RFC 6750 §2.2
		{"the token in the body too", token, question{method: "POST", body: "access_token=" + token}, 400, tenon.InvalidRequest, "headers", "both"},
		{"a parameter twice", token, question{method: "POST", body: "a=1&a=2"}, 400, tenon.InvalidRequest, "form", "both"},
		{"a large body", token, question{method: "POST", body: "a=" + strings.Repeat("x", 1<<20)}, 400, tenon.InvalidRequest, "form", "both"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.server.t = t
			got := f.ask(p, tt.token, tt.q)
			if got.status != tt.status || got.body.Code != tt.code || got.event.Reason != tt.reason || got.event.Status != tt.status {
				t.Errorf("answered %d %s (%s), want %d %s (%s): %v", got.status, got.raw, got.event.Reason, tt.status, tt.code, tt.reason, got.event.Err)
			}
			checkRefusal(t, got)
			if (got.raw == "") != (tt.code == "") {
				t.Errorf("the body is %q", got.raw)
			}
			checkChallenges(t, got, tt.scheme, tt.code, hint)
		})
	}
}

// checkChallenges compares whole WWW-Authenticate fields.
func checkChallenges(t *testing.T, got reply, scheme string, code tenon.Code, hint string) {
	t.Helper()
	says := ""
	if code != "" {
		says = fmt.Sprintf(`error=%q, error_description=%q, `, code, got.body.Description)
	}
	if got.status != 401 {
		hint = ""
	}
	var want []string
	for _, s := range []string{"DPoP", "Bearer"} {
		if scheme != s && scheme != "both" {
			continue
		}
		parameters := says
		if code == tenon.InsufficientScope {
			parameters += `scope="openid", `
		}
		if s == "DPoP" {
			parameters += proofAlgorithms + ", "
		}
		want = append(want, strings.TrimSuffix(s+" "+parameters+hint, ", "))
	}
	if diff := cmp.Diff(want, got.header.Values("WWW-Authenticate")); diff != "" {
		t.Error(diff)
	}
}

// opened gives what a JWT says, without a look at its signature.
func opened(t testing.TB, compact string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %s", compact)
	}
	for n, into := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[n])
		must(t, err)
		mustJSON(t, data, into)
	}
	return header, claims
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// An expired token is refused in the scheme that it came with.
func TestUserInfoWithAnExpiredToken(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.AccessToken
	f.clock.advance(5 * time.Minute)
	got := f.userInfo(p, token)
	if got.status != 401 || got.event.Reason != "expired" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), `DPoP error="invalid_token"`) {
		t.Errorf("%d %s", got.status, got.header)
	}
}

// A nonce is asked for, given, and renewed as at any API, and a challenge uses up nothing (RFC 9449 §8.2, §9).
func TestUserInfoNonces(t *testing.T) {
	f := newFlow(t, withNonces(dpop.RequireNonce))
	p := f.app("app", nil)
	nonce := p.send(message{form: url.Values{"grant_type": {"authorization_code"}}}).header.Get("DPoP-Nonce")
	m := f.code(p, nil).redemption()
	m.nonce = nonce
	token := p.token(m)
	challenged := f.userInfo(p, token)
	next := challenged.header.Get("DPoP-Nonce")
	if challenged.status != 401 || challenged.body.Code != tenon.UseDPoPNonce || next == "" || len(challenged.header.Values("DPoP-Nonce")) != 1 ||
		!strings.HasPrefix(challenged.header.Get("WWW-Authenticate"), `DPoP error="use_dpop_nonce"`) {
		t.Fatalf("%d %s %v", challenged.status, challenged.raw, challenged.header)
	}
	if got := f.ask(p, token, question{nonce: next}); got.status != 200 || got.header.Get("DPoP-Nonce") != "" {
		t.Errorf("with a fresh nonce: %d %s, DPoP-Nonce %q", got.status, got.raw, got.header.Get("DPoP-Nonce"))
	}
	f.clock.advance(4 * time.Minute)
	if got := f.ask(p, token, question{nonce: next}); got.status != 200 || got.header.Get("DPoP-Nonce") == "" || got.header.Get("DPoP-Nonce") == next {
		t.Errorf("with an aging nonce: %d %s, DPoP-Nonce %q", got.status, got.raw, got.header.Get("DPoP-Nonce"))
	}
}

// A proof is good once, also when many send it at the same time.
func TestUserInfoProofIsGoodOnce(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.AccessToken
	proof := f.proofFor(p, token, question{method: "GET", target: f.url + "/userinfo"})
	const callers = 64
	statuses := make(chan int, callers)
	for range callers {
		r := f.userInfoRequest(p, token, question{noProof: true, edit: func(r *http.Request) { r.Header.Set("DPoP", proof) }})
		go func() { statuses <- p.do(r, nil).status }()
	}
	accepted := 0
	for range callers {
		if <-statuses == 200 {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d were answered", accepted)
	}
}

// An issuer with a path has its userinfo endpoint below it, and its description where RFC 9728 §3.1 puts it.
func TestUserInfoBelowAPath(t *testing.T) {
	f := newFlow(t, setup{path: "/tenant/one"})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.AccessToken
	if got := f.userInfo(p, token); got.status != 200 {
		t.Errorf("%d %s: %v", got.status, got.raw, got.event.Err)
	}
	if got := f.ask(p, token, question{leaf: true}); got.status != 200 {
		t.Errorf("at the alias: %d %s: %v", got.status, got.raw, got.event.Err)
	}
	hint := `resource_metadata="` + f.main.URL + `/.well-known/oauth-protected-resource/tenant/one/userinfo"`
	if got := f.ask(p, token, question{scheme: "-", noProof: true}).header.Get("WWW-Authenticate"); !strings.HasSuffix(got, hint) {
		t.Errorf("challenge %s, want %s", got, hint)
	}
	answer, data := f.get(f.main.URL + "/.well-known/oauth-protected-resource/tenant/one/userinfo")
	if answer.StatusCode != 200 || !strings.Contains(string(data), `"resource":"`+f.url+`/userinfo"`) {
		t.Errorf("%d %s", answer.StatusCode, data)
	}
}

// Scripts of other origins may ask, and read what they need (OpenID Connect Core §5.3, RFC 9449 §7.1).
func TestUserInfoCrossOrigin(t *testing.T) {
	f := newFlow(t, setup{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, f.url+"/userinfo", nil)
	must(t, err)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "GET")
	r.Header.Set("Access-Control-Request-Headers", "authorization,dpop")
	got := f.app("app", nil).do(r, nil)
	allowed := strings.ToLower(got.header.Get("Access-Control-Allow-Headers"))
	if got.status != http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(allowed, "authorization") ||
		!strings.Contains(allowed, "dpop") || !strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "GET") || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
}

func TestUserInfoTakesNoOtherMethod(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	for _, method := range []string{"PUT", "DELETE", "PATCH"} {
		got := f.ask(p, "x", question{method: method})
		if got.status != 405 || got.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
}

// Challenges lead to a description of the endpoint (RFC 9728 §3.3).
func TestUserInfoDescribesItself(t *testing.T) {
	f := newFlow(t, setup{})
	var described struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
	}
	answer, data := f.get(f.url + "/.well-known/oauth-protected-resource/userinfo")
	mustJSON(t, data, &described)
	if answer.StatusCode != 200 || described.Resource != f.url+"/userinfo" || !cmp.Equal(described.Servers, []string{f.url}) {
		t.Errorf("%d %s", answer.StatusCode, data)
	}
}

// What cannot be known is not answered, and not taken for the caller's fault.
func TestUserInfoOutage(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p := f.app("app", nil)
	token := f.redeem(p, nil).body.AccessToken
	outage := errors.New("disk")
	for _, kind := range []store.Kind{"tokens", "revoked", "clients", "grants", "commit"} {
		t.Run(string(kind), func(t *testing.T) {
			f.server.t = t
			hooks.get = func(k store.Key) error {
				if k.Kind == kind {
					return outage
				}
				return nil
			}
			if kind == "commit" {
				hooks.commit = func(*store.Change) error { return outage }
			}
			got := f.userInfo(p, token)
			if got.status != 503 || got.body.Code != tenon.Unavailable || got.header.Get("Retry-After") == "" || got.header.Get("WWW-Authenticate") != "" {
				t.Errorf("%d %s %v", got.status, got.raw, got.header)
			}
			*hooks = hookedStore{Store: hooks.Store}
			if got := f.userInfo(p, token); got.status != 200 {
				t.Errorf("after the outage: %d %s", got.status, got.raw)
			}
		})
	}
}

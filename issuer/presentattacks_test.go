package issuer_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// A presentAttack is one entry of testdata/attacks/present: a token, or what is not one, presented to an endpoint that takes tokens.
type presentAttack struct {
	attack
	Endpoint string // "introspect", "revoke", "userinfo"
	Token    string // what is presented, see tokens; "@" and a name in texts stand for it too
	Says     string // the whole body of the answer
	Ends     bool   // the token is not active any more
}

// presentChecks are the reasons that the three endpoints refuse with.
var presentChecks = []string{
	"serves", "token", "no_credential", "signature", "audience", "replay", "typ", "form", "method", "two_methods", "headers", "downgrade", "jkt", "ath",
	"htm", "htu", "iat", "no_proof", "inactive", "scope", "person", "alg", "size", "unbound", "certificate", "unknown_client", "disabled", "scheme", "crit", "key",
}

// TestPresentAttacks presents every entry over TLS, and looks after each whether what is good is good still.
func TestPresentAttacks(t *testing.T) {
	f := newPresentFixture(t)
	attackSet[presentAttack]{
		files: "testdata/attacks/present/*.json", least: 90, checks: presentChecks,
		named: func(a presentAttack) (id, check string) { return a.ID, a.Expect.Check },
		stage: func(a presentAttack) func(*testing.T) { return func(t *testing.T) { f.play(t, a) } },
	}.run(t)
}

// A presentFixture is a zoo with clients of every kind, and tokens that are made anew for each entry.
type presentFixture struct {
	*zoo
	parties map[string]*party
	tokens  map[string]func() string
	good    string // a token that is good all the time
}

func newPresentFixture(t *testing.T) *presentFixture {
	z := newZoo(t)
	z.app.record.ID = "app"
	f := &presentFixture{zoo: z, parties: map[string]*party{"app": z.app, "api": z.api}}
	f.parties["other api"] = f.flow.api("other-api", "https://other.example.com")
	f.parties["other app"] = f.flow.app("other-app", nil)
	f.parties["machine"] = f.register("machine", func(p *party) { p.proofs = z.app.proofs })
	f.parties["own"] = f.register("own", func(p *party) {
		p.proofs, p.record.Resources, p.record.Scope = z.app.proofs, []string{f.url + "/userinfo"}, []string{"openid", "accounts"}
	})
	f.parties["disabled api"] = f.register("disabled-api", func(p *party) {
		p.record.GrantTypes, p.record.Scope, p.record.Resources, p.record.Serves = nil, nil, nil, []string{resource}
		p.record.Disabled = true
	})
	f.parties["bound"] = f.flow.app("bound", func(p *party) { p.leaf, p.record.CertificateBound = selfSigned(t), true })
	f.tokens = z.kinds()
	maps.Copy(f.tokens, f.spoilt())
	f.good = f.tokens["access token"]()
	return f
}

// spoilt are tokens that are good but for one thing.
func (f *presentFixture) spoilt() map[string]func() string {
	access := f.tokens["access token"]
	jws := func(edit func(header map[string]any), key any, alg string) func() string {
		return func() string {
			header, claims := opened(f.t, access())
			edit(header)
			return sign(f.t, key, alg, text{asJSON(f.t, header), asJSON(f.t, claims)})
		}
	}
	set := func(member string, value any) func(map[string]any) {
		return func(header map[string]any) { header[member] = value }
	}
	own := f.spy.opened
	foreign := ecKey(f.t)
	return map[string]func() string{
		"nothing":      func() string { return "" },
		"rubbish":      func() string { return "rubbish" },
		"resigned":     func() string { return resigned(f.t, access()) },
		"cut":          func() string { token := access(); return token[:len(token)-10] },
		"unsigned":     func() string { token := access(); return token[:strings.LastIndexByte(token, '.')+1] },
		"alg none":     jws(set("alg", "none"), nil, ""),
		"alg HS256":    jws(set("alg", "HS256"), asSecret(own.Public().(*ecdsa.PublicKey)), ""),
		"alg RS256":    jws(set("alg", "RS256"), own, ""),
		"other kid":    jws(set("kid", "other"), own, ""),
		"own jwk":      jws(set("jwk", map[string]any{"kty": "EC"}), foreign, ""),
		"crit":         jws(set("crit", []string{"x"}), own, ""),
		"b64 false":    jws(set("b64", false), foreign, ""),
		"typ JWT":      jws(set("typ", "JWT"), own, ""),
		"other issuer": func() string { return f.reissued(access(), map[string]any{"iss": "https://elsewhere.example.com"}) },
		"other jti":    func() string { return f.reissued(access(), map[string]any{"jti": "0"}) },
		"other index": func() string {
			return f.reissued(access(), map[string]any{"tlog": map[string]any{"o": "as.example.com/log", "i": 0}})
		},
		"no index":     func() string { return f.reissued(access(), map[string]any{"tlog": nil}) },
		"no cnf":       func() string { return f.reissued(access(), map[string]any{"cnf": nil}) },
		"future":       func() string { return f.reissued(access(), map[string]any{"nbf": f.clock.Now().Unix() + 600}) },
		"for machines": func() string { return f.parties["machine"].token(message{}) },
		"elsewhere": func() string {
			return f.parties["machine"].token(message{form: url.Values{"resource": {"https://other.example.com"}}})
		},
		"no openid": func() string { return f.parties["own"].token(message{form: url.Values{"scope": {"accounts"}}}) },
		"nobody's":  func() string { return f.parties["own"].token(message{}) },
		"revoked": func() string {
			token := access()
			f.app.revoke(f.revoking(token))
			return token
		},
		"ended": func() string {
			tokens := f.redeem(f.app, nil)
			f.app.revoke(f.revoking(tokens.body.Refresh))
			return tokens.body.AccessToken
		},
		"certificate's": func() string {
			m := f.flow.code(f.parties["bound"], nil).redemption()
			m.alias, m.proof.Omit = true, true
			return f.parties["bound"].token(m)
		},
		"opaque, another secret": func() string { token := f.tokens["opaque access token"](); return token[:len(token)-2] + "AA" },
		"opaque, another index":  func() string { return "tno_0." + strings.SplitN(f.tokens["opaque access token"](), ".", 2)[1] },
	}
}

// asSecret is a public key as everybody can write it down, for who takes it for a secret.
func asSecret(key *ecdsa.PublicKey) []byte { return must1(key.Bytes()) }

// reissued is a token with other claims by the issuer's own key: what only a thief of that could make. nil removes a claim.
func (f *presentFixture) reissued(token string, change map[string]any) string {
	_, claims := opened(f.t, token)
	for name, value := range change {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return f.issued("at+jwt", claims)
}

// play presents one entry.
func (f *presentFixture) play(t *testing.T, a presentAttack) {
	f.server.t = t
	p := f.parties[a.Client]
	if p == nil || f.tokens[a.Token] == nil {
		t.Fatalf("no client %q, or no token %q", a.Client, a.Token)
	}
	token := f.tokens[a.Token]()
	var got reply
	if a.Endpoint == "userinfo" {
		got = f.presentToUserInfo(p, token, a)
	} else {
		got = f.presentTo(p, token, a)
	}
	e := a.Expect
	if got.status != e.Status || got.body.Code != e.Error || got.event.Reason != e.Check || got.event.Status != e.Status {
		t.Errorf("%s\nanswered %d %s (%s)\nwant %d %s (%s); cause: %v", a.About, got.status, got.raw, got.event.Reason, e.Status, e.Error, e.Check, got.event.Err)
	}
	if a.Says != "" && a.Says != "*" && got.raw != a.Says {
		t.Errorf("the body is %q, want %q", got.raw, a.Says)
	}
	for name, want := range e.Header {
		if value := got.header.Get(name); value == "" || !strings.HasPrefix(value, strings.TrimSuffix(want, "*")) {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	checkRefusal(t, got)
	f.stillGood(a, token)
}

// stillGood looks whether the attack has ended what it must not end, and whether good requests work.
func (f *presentFixture) stillGood(a presentAttack, token string) {
	f.t.Helper()
	if a.Token == "access token" || a.Token == "opaque access token" {
		if active := f.api.active(token) != nil; active == a.Ends {
			f.t.Errorf("afterwards the token is active: %v", active)
		}
	}
	if f.api.active(f.good) == nil || f.userInfo(f.app, f.good).status != 200 {
		f.t.Error("afterwards a good token is not good")
	}
}

// presentTo sends an entry for the introspection or the revocation endpoint.
func (f *presentFixture) presentTo(p *party, token string, a presentAttack) reply {
	s := a.Sent
	m := message{
		target: f.url + "/" + a.Endpoint, form: url.Values{"grant_type": nil, "token": {token}}, assertion: s.Assertion, proof: s.Proof,
		proofFields: s.ProofFields, method: s.Method, header: http.Header(s.Header), body: p.filled(s.Body),
	}
	if s.Proof.Claims == nil && s.ProofFields == nil && s.Proof.Raw == "" {
		m.proof.Omit = true
	}
	for name, values := range s.Form {
		m.form[name] = nil
		for _, value := range values {
			m.form[name] = append(m.form[name], p.filled(strings.ReplaceAll(value, "@present", token)))
		}
	}
	if s.Query != "" {
		m.target += "?" + strings.ReplaceAll(s.Query, "@present", token)
	}
	if s.Before == "same assertion" {
		m.assertion.Raw = p.assertion(part{})
		first := f.revoking("rubbish")
		first.assertion = m.assertion
		p.revoke(first)
	}
	return p.send(m)
}

// presentToUserInfo sends an entry for the userinfo endpoint. Its proof is forged like any other.
func (f *presentFixture) presentToUserInfo(p *party, token string, a presentAttack) reply {
	s := a.Sent
	q := question{method: s.Method, target: f.url + "/userinfo", body: strings.ReplaceAll(s.Body, "@present", token), noProof: true, leaf: s.Alias}
	if q.method == "" {
		q.method = http.MethodGet
	}
	if s.Alias {
		q.target = f.alias.URL + f.path + "/userinfo"
	}
	proof := f.forgedProof(p, token, q, s.Proof)
	if s.Query != "" {
		q.target += "?" + strings.ReplaceAll(s.Query, "@present", token)
	}
	q.edit = func(r *http.Request) {
		if !s.Proof.Omit {
			r.Header["Dpop"] = []string{proof}
		}
		for name, values := range s.Header {
			r.Header[name] = nil
			for _, value := range values {
				r.Header[name] = append(r.Header[name], strings.NewReplacer("@present", token, "@proof", proof).Replace(value))
			}
		}
	}
	if s.Before == "same proof" {
		f.ask(p, token, q)
	}
	return f.ask(p, token, q)
}

func (f *presentFixture) forgedProof(p *party, token string, q question, change part) string {
	key, err := dpop.NewKey(p.proofs, dpop.ES256)
	must(f.t, err)
	header := map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": json.RawMessage(key.JWK())}
	claims := map[string]any{"htm": q.method, "htu": q.target, "iat": "@now+0", "jti": "@new", "ath": dpop.AccessTokenHash(token)}
	if change.Key == "thief" { // who has the token and a key of his own
		thief, err := dpop.GenerateKey(dpop.ES256)
		must(f.t, err)
		proof, err := thief.Proof(dpop.Target{Method: q.method, URL: q.target, AccessToken: token, Time: f.clock.Now()})
		must(f.t, err)
		return proof
	}
	return p.jwt(p.proofs, header, claims, change)
}

package issuer_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
)

// An ID token of ours says who is meant, also one that has expired; nothing else does (OpenID Connect Core §3.1.2.1, §3.1.2.2).
func TestIDTokenHint(t *testing.T) {
	for _, subjects := range []string{issuer.PublicSubjects, issuer.PairwiseSubjects} {
		t.Run(subjects, func(t *testing.T) {
			f := newFlow(t, setup{})
			app := f.app("app", func(p *party) { p.record.SubjectType = subjects })
			other := f.app("other", nil)
			got := f.redeem(app, nil)
			hint, token := got.body.IDToken, got.body.AccessToken
			f.clock.advance(time.Hour)
			if r := f.pushed(app, url.Values{"id_token_hint": {hint}}); r.Asked.Subject != f.person.Subject {
				t.Errorf("the hint means %q", r.Asked.Subject)
			}
			sub, _ := f.idToken(hint)["sub"].(string)
			if r := f.pushed(app, url.Values{"claims": {`{"id_token":{"sub":{"value":"` + sub + `"}}}`}}); r.Asked.Subject != f.person.Subject {
				t.Errorf("the claim means %q", r.Asked.Subject)
			}
			for name, bad := range map[string]string{
				"an access token": token, "no signature": hint[:strings.LastIndexByte(hint, '.')+1], "cut short": hint[:len(hint)-4],
				"too long": hint + strings.Repeat("A", 8<<10),
			} {
				if got := app.send(f.hinting(bad)); got.event.Reason != "id_token_hint" || got.body.Code != tenon.InvalidRequest {
					t.Errorf("%s: %d %s", name, got.status, got.raw)
				}
			}
			other.refused(f.hinting(hint), http.StatusBadRequest, tenon.InvalidRequest, "id_token_hint")
			two := f.hinting(hint)
			two.form.Set("claims", `{"id_token":{"sub":{"value":"person:x"}}}`)
			app.refused(two, http.StatusBadRequest, tenon.InvalidRequest, "id_token_hint")
		})
	}
}

// One change at a time of a hint that is good: even our own signature makes no ID token of what is none.
func TestHintIsAnIDTokenOfOurs(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	made := func(typ string, change map[string]any) string {
		now := f.clock.Now().Unix()
		claims := map[string]any{"iss": f.url, "aud": "app", "sub": f.person.Subject, "iat": now, "exp": now + 60}
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		compact, err := f.issuer.SignAs(typ, claims)
		must(t, err)
		return compact
	}
	good := made("JWT", nil)
	parts, others := strings.Split(good, "."), strings.Split(made("JWT", map[string]any{"sub": "person:x"}), ".")
	for name, bad := range map[string]string{
		"typ of an access token":    made("at+jwt", nil),
		"no typ":                    made("", nil),
		"another issuer":            made("JWT", map[string]any{"iss": "https://as.evil.example"}),
		"another client":            made("JWT", map[string]any{"aud": "other"}),
		"other clients":             made("JWT", map[string]any{"aud": []string{"a", "b"}}),
		"no audience":               made("JWT", map[string]any{"aud": nil}),
		"nobody":                    made("JWT", map[string]any{"sub": nil}),
		"no exp: an answer, signed": made("JWT", map[string]any{"exp": nil}),
		"no iat":                    made("JWT", map[string]any{"iat": nil}),
		"another payload":           parts[0] + "." + others[1] + "." + parts[2],
		"a client's own signature":  app.assertion(part{Header: map[string]any{"typ": "JWT"}, Claims: map[string]any{"aud": "app", "iss": "@issuer"}}),
		"signed by nobody":          parts[0] + "." + parts[1] + ".",
	} {
		if got := app.send(f.hinting(bad)); got.event.Reason != "id_token_hint" || got.body.Code != tenon.InvalidRequest {
			t.Errorf("%s: %d %s", name, got.status, got.raw)
		}
	}
	for name, hint := range map[string]string{
		"as it is": good, "expired": made("JWT", map[string]any{"exp": 1}), "an audience more": made("JWT", map[string]any{"aud": []string{"app", "x"}}),
	} {
		if got := app.send(f.hinting(hint)); got.status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, got.status, got.event.Err)
		}
	}
}

// hinting is a pushed request with an id_token_hint.
func (f *flow) hinting(hint string) message {
	_, challenge := challenged()
	return message{target: f.url + "/par", form: url.Values{
		"grant_type": nil, "response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"id_token_hint": {hint},
	}}
}

// A pairwise subject of one sector says nothing in another.
func TestPairwiseSubjectOfAnotherSector(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", func(p *party) { p.record.SubjectType = issuer.PairwiseSubjects })
	other := f.app("other", func(p *party) {
		p.record.SubjectType, p.record.Sector = issuer.PairwiseSubjects, "other.example.com"
	})
	sub, _ := f.idToken(f.redeem(app, nil).body.IDToken)["sub"].(string)
	asking := func(value string) message {
		m := f.hinting("")
		m.form.Set("claims", `{"id_token":{"sub":{"value":"`+value+`"}}}`)
		return m
	}
	other.refused(asking(sub), http.StatusBadRequest, tenon.InvalidRequest, "sub")
	app.refused(asking(f.person.Subject), http.StatusBadRequest, tenon.InvalidRequest, "sub")
	if got := app.send(asking(sub)); got.status != http.StatusCreated {
		t.Errorf("its own: %d %s", got.status, got.raw)
	}
}

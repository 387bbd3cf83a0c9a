package browser_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

// A filled form is one that would do something.
type filled struct {
	path   string
	fields url.Values
}

// forms are all the forms that there are, each made by somebody with this name on a stage of their own. with holds the form of the
// open page, filled in.
var forms = []struct {
	name string
	make func(s *stage, b *tab, username string) filled
}{
	{"login", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.visit(s.push(nil))
		return b.fill("username", username, "password", password, "do", "login")
	}},
	{"login, cancelled", func(s *stage, b *tab, username string) filled {
		b.visit(s.push(nil))
		return b.fill("do", "cancel")
	}},
	{"login with a passkey", func(s *stage, b *tab, username string) filled {
		key := s.passkey(s.person(username), true)
		b.visit(s.push(nil))
		return b.answer(key)
	}},
	{"second factor", func(s *stage, b *tab, username string) filled {
		secret, _ := s.codes(s.person(username))
		b.visit(s.push(nil))
		b.login(username)
		return b.fill("code", s.code(secret), "do", "login")
	}},
	{"second factor with a passkey", func(s *stage, b *tab, username string) filled {
		p := s.person(username)
		s.codes(p)
		key := s.passkey(p, true)
		b.visit(s.push(nil))
		b.login(username)
		return b.answer(key)
	}},
	{"choice of the account", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.signIn(username)
		s.clock.advance(time.Second)
		b.visit(s.push(func(r *browser.Request) { r.Asked.Prompt = []string{"select_account"} }))
		return b.fill("do", "cancel")
	}},
	{"consent", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.visit(s.push(nil))
		b.login(username)
		return b.fill("do", "approve")
	}},
	{"refusal", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.visit(s.push(nil))
		b.login(username)
		return b.fill("do", "deny")
	}},
	{"login to the own page", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.get("/account")
		return b.fill("username", username, "password", password, "do", "login")
	}},
	{"logout", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.signIn(username)
		return b.fill("do", "logout")
	}},
	{"new passkey", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.signIn(username)
		return b.answer(peopletest.New(origin))
	}},
	{"name of a passkey", func(s *stage, b *tab, username string) filled {
		p := s.person(username)
		s.passkey(p, true)
		b.signIn(username)
		b.send("do", "rename-passkey")
		return b.fill("name", "Stolen", "do", "name")
	}},
	{"removal of a passkey", func(s *stage, b *tab, username string) filled {
		s.passkey(s.person(username), true)
		b.signIn(username)
		return b.fill("do", "remove-passkey")
	}},
	{"new password", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.signIn(username)
		b.get("/account/password")
		return b.fill("current", password, "password", "Another-Lantern-77", "repeat", "Another-Lantern-77", "do", "change")
	}},
	{"one-time codes on", func(s *stage, b *tab, username string) filled {
		s.person(username)
		b.signIn(username)
		b.get("/account/codes")
		f := b.fill("code", "", "do", "confirm")
		f.fields.Set("code", s.code(f.fields.Get("secret")))
		return f
	}},
	{"one-time codes off", func(s *stage, b *tab, username string) filled {
		s.signInWithCode(b, username)
		return b.fill("do", "remove-codes")
	}},
	{"new recovery codes", func(s *stage, b *tab, username string) filled {
		s.signInWithCode(b, username)
		return b.fill("do", "new-recovery-codes")
	}},
	{"end of a session", func(s *stage, b *tab, username string) filled {
		s.person(username)
		s.tab().signIn(username)
		b.signIn(username)
		return b.fill("do", "end-session")
	}},
	{"end of other sessions", func(s *stage, b *tab, username string) filled {
		s.person(username)
		s.tab().signIn(username)
		b.signIn(username)
		return b.fill("do", "end-other-sessions")
	}},
	{"end of a grant", func(s *stage, b *tab, username string) filled {
		s.grants.add(s.person(username).Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}})
		b.signIn(username)
		return b.fill("do", "end-grant")
	}},
}

// fill fills in the form of the open page that has the last of the values.
func (b *tab) fill(values ...string) filled {
	b.t.Helper()
	action, fields := b.page.form(b.t, values[len(values)-2], values[len(values)-1])
	for i := 0; i < len(values); i += 2 {
		fields.Set(values[i], values[i+1])
	}
	return filled{action, fields}
}

// answer fills in the form of a passkey.
func (b *tab) answer(a *peopletest.Authenticator) filled {
	b.t.Helper()
	action, fields, options := b.page.ceremony(b.t)
	answer := a.Login
	if strings.Contains(options, "pubKeyCredParams") {
		answer = a.Register
	}
	fields.Set("response", string(must(answer([]byte(options)))(b.t)))
	return filled{action, fields}
}

func (s *stage) signInWithCode(b *tab, username string) {
	s.t.Helper()
	secret, _ := s.codes(s.person(username))
	b.get("/login")
	b.login(username)
	b.send("code", s.code(secret), "do", "login")
	b.expect(http.StatusOK, "account")
}

// done reports whether the newest event tells of something done.
func (s *stage) done() bool { return s.last().Done != "" }

func TestEveryFormNeedsItsSeal(t *testing.T) {
	seal := func(to string) func(*stage, *tab, *filled) {
		return func(_ *stage, _ *tab, f *filled) { f.fields.Set("csrf", to) }
	}
	for _, attack := range []struct {
		name string
		do   func(s *stage, b *tab, f *filled)
	}{
		{"without", func(_ *stage, _ *tab, f *filled) { f.fields.Del("csrf") }},
		{"empty", seal("")},
		{"made up", seal(strings.Repeat("A", 54))},
		{"one bit off", func(_ *stage, _ *tab, f *filled) {
			was := f.fields.Get("csrf")
			flipped := map[bool]string{true: "B", false: "A"}[was[20] == 'A']
			f.fields.Set("csrf", was[:20]+flipped+was[21:])
		}},
		{"expired", func(s *stage, _ *tab, _ *filled) { s.clock.advance(30 * time.Minute) }},
		{"of another browser", func(_ *stage, b *tab, _ *filled) {
			b.cookies["__Host-tenon-visit"] = strings.Repeat("x", 43)
			delete(b.cookies, "__Host-tenon-session")
		}},
		{"of another form", func(_ *stage, b *tab, f *filled) {
			other := b.another()
			path := "/account/password"
			if f.path == path {
				path = "/account/codes"
			}
			other.get(path)
			f.fields.Set("csrf", csrf.FindStringSubmatch(other.page.body)[1])
		}},
		{"made with another key", func(s *stage, _ *tab, _ *filled) { s.secrets[0] = []byte(strings.Repeat("o", 32)) }},
	} {
		for _, form := range forms {
			t.Run(attack.name+"/"+form.name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				tab := s.tab()
				f := form.make(s, tab, "alice")
				attack.do(s, tab, &f)
				if p := tab.post(f.path, f.fields); p.status != http.StatusForbidden && p.kind != "login" && p.kind != "error" {
					t.Errorf("answered with %d %q", p.status, p.kind)
				}
				if s.done() || s.last().Reason != "csrf" && s.last().Reason != "expired" && s.last().Reason != "" {
					t.Errorf("event %+v", s.last())
				}
				s.untouched()
			})
		}
	}
	for _, form := range forms {
		t.Run("untouched/"+form.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tab := s.tab()
			f := form.make(s, tab, "alice")
			before := len(s.events)
			if tab.post(f.path, f.fields); s.events[before].Done == "" {
				t.Errorf("the good form did nothing: %+v", s.events[before])
			}
		})
	}
}

// Another person's seal is of no use, though all else is right.
func TestSealOfAnotherPerson(t *testing.T) {
	for _, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			victim := s.tab()
			s.person("victim")
			victim.signIn("victim")
			f := form.make(s, s.tab(), "mallory")
			victim.post(f.path, f.fields)
			if s.done() {
				t.Errorf("event %+v", s.last())
			}
			s.untouched()
		})
	}
}

// The seal holds what the form was about: a form for one request says nothing about another.
func TestSealIsForOneRequest(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	one, two := s.push(nil), s.push(nil)
	tab := s.tab()
	tab.visit(one)
	tab.login("alice")
	f := tab.fill("do", "approve")
	tab.visit(two)
	f.fields.Set("request_uri", two.URI)
	tab.post(f.path, f.fields)
	tab.expect(http.StatusForbidden, "consent")
	s.untouched()
}

// A form that is not ours ends no request, not even one that a visit would end without a question.
func TestForeignFormEndsNoRequest(t *testing.T) {
	for name, edit := range map[string]func(*browser.Request){
		"approved before": func(r *browser.Request) {},
		"refused at once": func(r *browser.Request) { r.Asked.Prompt, r.Scope = []string{"none"}, tenon.Scope{"payments"} },
	} {
		s := newStage(t)
		s.grants.add(s.person("alice").Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}, Scope: tenon.Scope{"openid", "accounts"}})
		tab := s.tab()
		tab.signIn("alice")
		r := s.push(edit)
		post := httptest.NewRequest(http.MethodPost, origin+base+"/consent", strings.NewReader(url.Values{"do": {"approve"}, "client_id": {"shop"}, "request_uri": {r.URI}}.Encode()))
		post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := tab.once(post); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), base+"/authorize?") {
			t.Errorf("%s: %d %s", name, p.status, p.header.Get("Location"))
		}
		s.untouched()
	}
}

// The newest key seals, and all that are known open.
func TestKeysRotate(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	tab := s.tab()
	tab.visit(s.push(nil))
	s.secrets = [][]byte{[]byte(strings.Repeat("n", 32)), s.secrets[0]}
	tab.login("alice")
	tab.expect(http.StatusOK, "consent")
	s.secrets = s.secrets[:1]
	tab.send("do", "approve")
	tab.expectAway("code=")
}

// A proxy may call us by another name than browsers do. The issuer's is what counts.
func TestFormsThroughAProxy(t *testing.T) {
	for from, good := range map[string]bool{origin: true, "https://evil.example": false} {
		s := newStage(t)
		s.person("alice")
		tab := s.tab()
		tab.visit(s.push(nil))
		tab.edit = func(r *http.Request) {
			r.Host = "10.0.0.7:8080"
			if r.Method == http.MethodPost { // an old browser
				r.Header.Set("Origin", from)
				r.Header.Del("Sec-Fetch-Site")
			}
		}
		if tab.login("alice"); (tab.page.kind == "consent") != good {
			t.Errorf("from %s: %d %q", from, tab.page.status, tab.page.kind)
		}
	}
}

func TestFormsFromElsewhere(t *testing.T) {
	for _, c := range []struct {
		name         string
		origin, site string
		good         bool
	}{
		{"our own page", origin, "same-origin", true},
		{"our own page, without telling its origin", "null", "same-origin", true},
		{"the person alone", "", "none", true},
		{"no browser", "", "", true},
		{"an old browser on our own page", origin, "", true},
		{"another site", "https://evil.example", "cross-site", false},
		{"another site in an old browser", "https://evil.example", "", false},
		{"another host of ours", "https://www.as.example", "same-site", false},
		{"another host of ours in an old browser", "https://www.as.example", "", false},
		{"a sandbox in an old browser", "null", "", false},
		{"another port in an old browser", "https://as.example:8443", "", false},
	} {
		for _, form := range forms {
			t.Run(c.name+"/"+form.name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				tab := s.tab()
				f := form.make(s, tab, "alice")
				r := httptest.NewRequest(http.MethodPost, origin+base+f.path, strings.NewReader(f.fields.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				p := tab.once(r)
				if c.good != s.done() || !c.good && (p.status != http.StatusForbidden || s.last().Reason != "origin") {
					t.Errorf("status %d, event %+v", p.status, s.last())
				}
			})
		}
	}
}

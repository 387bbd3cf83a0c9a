package browser_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
)

// A history is how somebody signed in before the request came.
type history string

const (
	stranger history = "nobody"
	half     history = "password without the code that is missing"
	plain    history = "password"
	codes    history = "password and code"
	synced   history = "synced passkey"
	bound    history = "device-bound passkey"
)

// live signs somebody in as in a history, and gives the browser.
func (s *stage) live(h history) (*tab, people.Person) {
	s.t.Helper()
	p := s.person("alice")
	s.person("bob")
	tab := s.tab()
	switch h {
	case plain:
		tab.signIn("alice")
	case half, codes:
		secret, _ := s.codes(p)
		tab.get("/login")
		tab.login("alice")
		tab.expect(http.StatusOK, "second")
		if h == codes {
			tab.send("code", s.code(secret), "do", "login")
			tab.expect(http.StatusOK, "account")
		}
	case synced, bound:
		key := s.passkey(p, h == synced)
		tab.get("/login")
		tab.touch(key)
		tab.expect(http.StatusOK, "account")
	}
	return tab, p
}

// OpenID Connect Core §3.1.2.1 to §3.1.2.6, RFC 9470 §5. The login was ten minutes before the request, and what is asked for
// has been allowed before, unless the name says otherwise.
func TestWhatComesNext(t *testing.T) {
	seconds := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	type row struct {
		name    string
		history history
		asked   browser.Asked
		fresh   bool // nothing was allowed before
		want    string
	}
	prompt := func(p ...string) browser.Asked { return browser.Asked{Prompt: p} }
	acr := func(values ...string) browser.Asked { return browser.Asked{ACR: values} }
	none := func(a browser.Asked) browser.Asked { a.Prompt = []string{"none"}; return a }
	for _, c := range []row{
		{"nobody is signed in", stranger, browser.Asked{}, false, "login"},
		{"signed in", plain, browser.Asked{}, false, "code="},
		{"signed in, asked for the first time", plain, browser.Asked{}, true, "consent"},
		{"half signed in", half, browser.Asked{}, false, "second"},

		{"prompt=none, nobody", stranger, prompt("none"), false, "error=login_required"},
		{"prompt=none, half signed in", half, prompt("none"), false, "error=login_required"},
		{"prompt=none, signed in", plain, prompt("none"), false, "code="},
		{"prompt=none, for the first time", plain, prompt("none"), true, "error=consent_required"},
		{"prompt=login", plain, prompt("login"), false, "login"},
		{"prompt=login, half signed in before", half, prompt("login"), false, "login"},
		{"prompt=consent", plain, prompt("consent"), false, "consent"},
		{"prompt=select_account", plain, prompt("select_account"), false, "choose"},
		{"prompt=select_account, nobody", stranger, prompt("select_account"), false, "login"},
		{"prompt=login select_account consent", plain, prompt("login", "select_account", "consent"), false, "login"},
		{"prompt=select_account consent", plain, prompt("select_account", "consent"), false, "choose"},

		{"max_age in time", plain, browser.Asked{MaxAge: seconds(601)}, false, "code="},
		{"max_age just in time", plain, browser.Asked{MaxAge: seconds(600)}, false, "code="},
		{"max_age too late", plain, browser.Asked{MaxAge: seconds(599)}, false, "login"},
		{"max_age=0 is prompt=login", plain, browser.Asked{MaxAge: seconds(0)}, false, "login"},
		{"max_age too late, prompt=none", plain, none(browser.Asked{MaxAge: seconds(599)}), false, "error=login_required"},

		{"acr reached", codes, acr(people.ACRMulti), false, "code="},
		{"acr more than reached", bound, acr(people.ACRPassword), false, "code="},
		{"acr, one of them reached", plain, acr(people.ACRHardware, people.ACRPassword), false, "code="},
		{"acr above a password, with a passkey at hand", plain + " and a passkey", acr(people.ACRMulti), false, "second"},
		{"acr above a password, silently", plain + " and a passkey", none(acr(people.ACRMulti)), false, "error=interaction_required"},
		{"acr above a password, with nothing at hand", plain, acr(people.ACRMulti), false, "error=unmet_authentication_requirements"},
		{"acr above codes", codes, acr(people.ACRPhishing), false, "error=unmet_authentication_requirements"},
		{"acr above a synced passkey", synced, acr(people.ACRHardware), false, "error=unmet_authentication_requirements"},
		{"acr phr by a synced passkey", synced, acr(people.ACRPhishing), false, "code="},
		{"acr phrh by a bound one", bound, acr(people.ACRHardware), false, "code="},
		{"acr that nobody knows", stranger, acr("urn:example:gold"), false, "error=unmet_authentication_requirements"},
		{"acr that nobody knows beside one that is known", plain, acr("urn:example:gold", people.ACRPassword), false, "code="},
		{"acr essential, not to be had", plain, browser.Asked{ACR: []string{people.ACRHardware}, ACREssential: true}, false, "error=unmet_authentication_requirements"},
		{"acr essential, nobody yet", stranger, browser.Asked{ACR: []string{people.ACRMulti}, ACREssential: true}, false, "login"},

		{"the subject of the hint", plain, browser.Asked{Subject: "alice"}, false, "code="},
		{"another than the subject of the hint", plain, browser.Asked{Subject: "bob"}, false, "login"},
		{"another than the subject of the hint, silently", plain, none(browser.Asked{Subject: "bob"}), false, "error=login_required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			h, more := strings.CutSuffix(string(c.history), " and a passkey")
			tab, p := s.live(history(h))
			if more {
				s.passkey(p, true)
			}
			s.clock.advance(10 * time.Minute)
			if c.history == half { // it would have ended
				s.clock.advance(-time.Minute)
			}
			if !c.fresh {
				s.grants.add(p.Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}, Scope: tenon.Scope{"openid", "accounts"}})
			}
			if c.asked.Subject != "" {
				c.asked.Subject = must(s.people.Find(t.Context(), c.asked.Subject))(t).Subject
			}
			tab.visit(s.push(func(r *browser.Request) { r.Asked = c.asked }))
			if strings.Contains(c.want, "=") {
				tab.expectAway(c.want)
				return
			}
			tab.expect(http.StatusOK, c.want)
			s.untouched()
		})
	}
}

func TestPromptLoginIsSatisfiedByALoginForThisRequest(t *testing.T) {
	for _, asked := range []browser.Asked{{Prompt: []string{"login"}}, {MaxAge: new(time.Duration)}, {Prompt: []string{"login", "select_account"}}} {
		s := newStage(t)
		tab, _ := s.live(plain)
		s.clock.advance(time.Minute)
		r := s.push(func(r *browser.Request) { r.Asked = asked })
		tab.visit(r)
		tab.expect(http.StatusOK, "login")
		s.clock.advance(time.Second)
		tab.login("alice")
		tab.expect(http.StatusOK, "consent")
		s.clock.advance(time.Minute) // the person reads
		tab.send("do", "approve")
		tab.expectAway("code=")
		if got := s.outcome().Approval.AuthTime; got.Before(r.Created) {
			t.Errorf("auth_time %v is before the request", got)
		}
	}
}

// A yes counts only while the login is recent enough for it.
func TestLoginBecomesTooOldWhileThePersonReads(t *testing.T) {
	s := newStage(t)
	tab, _ := s.live(plain)
	s.clock.advance(time.Minute)
	maxAge := 2 * time.Minute
	tab.visit(s.push(func(r *browser.Request) { r.Asked.MaxAge = &maxAge }))
	tab.expect(http.StatusOK, "consent")
	s.clock.advance(65 * time.Second)
	tab.send("do", "approve")
	tab.expect(http.StatusOK, "login")
	s.untouched()
}

func TestStepUp(t *testing.T) {
	for _, c := range []struct {
		name string
		want string // acr asked for
		with func(*stage, *tab, people.Person)
		acr  string // acr reached
		amr  []string
	}{
		{"by a synced passkey", people.ACRMulti, func(s *stage, b *tab, p people.Person) {
			b.touch(s.passkey(p, true))
		}, people.ACRPhishing, []string{"swk", "user", "mfa"}},
		{"by a bound passkey", people.ACRHardware, func(s *stage, b *tab, p people.Person) {
			b.touch(s.passkey(p, false))
		}, people.ACRHardware, []string{"hwk", "user", "mfa"}},
		{"by a code", people.ACRMulti, func(s *stage, b *tab, p people.Person) {
			secret, _ := s.codes(p)
			b.visit(s.push(func(r *browser.Request) { r.Asked.ACR = []string{people.ACRMulti} }))
			b.send("code", s.code(secret), "do", "login")
		}, people.ACRMulti, []string{"pwd", "otp", "mfa"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			tab, p := s.live(plain)
			s.clock.advance(time.Minute)
			s.passkey(p, c.want != people.ACRHardware) // so that the page is shown
			r := s.push(func(r *browser.Request) { r.Asked.ACR = []string{c.want} })
			tab.visit(r)
			tab.expect(http.StatusOK, "second")
			if strings.Contains(tab.page.body, `name="code"`) {
				t.Error("the page asks for a code that would not do")
			}
			before := tab.cookies["__Host-tenon-session"]
			c.with(s, tab, p)
			tab.expect(http.StatusOK, "consent")
			if tab.cookies["__Host-tenon-session"] == before {
				t.Error("the session's secret stayed the same")
			}
			tab.send("do", "approve")
			got := s.outcome().Approval
			if got.ACR != c.acr || !slices.Equal(got.AMR, c.amr) {
				t.Errorf("acr %s amr %v, want %s %v", got.ACR, got.AMR, c.acr, c.amr)
			}
			if again := slices.Contains(c.amr, "user"); got.AuthTime.After(r.Created.Add(-time.Second)) != again {
				t.Errorf("auth_time is %v, a code leaves that of the password, and a passkey is a login of its own", got.AuthTime)
			}
		})
	}
}

func TestSecondFactor(t *testing.T) {
	for _, c := range []struct {
		name string
		give func(s *stage, b *tab, p people.Person, secret string, recovery []string)
		acr  string
		amr  []string
	}{
		{"code", func(s *stage, b *tab, _ people.Person, secret string, _ []string) {
			b.send("code", s.code(secret), "do", "login")
		}, people.ACRMulti, []string{"pwd", "otp", "mfa"}},
		{"recovery code", func(_ *stage, b *tab, _ people.Person, _ string, recovery []string) {
			b.send("code", recovery[3], "do", "login")
		}, people.ACRMulti, []string{"pwd", "otp", "mfa"}},
		{"passkey", func(s *stage, b *tab, p people.Person, _ string, _ []string) {
			key := s.passkey(p, false)
			b.send("code", "111111", "do", "login") // the page again, with the button
			b.touch(key)
		}, people.ACRHardware, []string{"pwd", "hwk", "user", "mfa"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			p := s.person("alice")
			secret, recovery := s.codes(p)
			tab := s.tab()
			tab.visit(s.push(nil))
			tab.login("alice")
			tab.expect(http.StatusOK, "second")
			if strings.Contains(tab.page.body, "Ms alice") {
				t.Error("the page tells a name to somebody who has but a password")
			}
			if tab.cookies[deviceCookie] != "" {
				t.Error("a password alone makes the browser known")
			}
			for _, path := range []string{"/account", "/account/password", "/account/codes", "/account/passkeys"} {
				if b := tab.another(); b.get(path).kind != "second" {
					t.Errorf("%s shows %q to somebody who has but a password", path, b.page.kind)
				}
			}
			tab.send("code", "000000", "do", "login")
			tab.expect(http.StatusUnprocessableEntity, "second")
			c.give(s, tab, p, secret, recovery)
			tab.expect(http.StatusOK, "consent")
			tab.send("do", "approve")
			if got := s.outcome().Approval; got.ACR != c.acr || !slices.Equal(got.AMR, c.amr) {
				t.Errorf("acr %s amr %v, want %s %v", got.ACR, got.AMR, c.acr, c.amr)
			}
		})
	}
}

func TestSecondFactorOfSomebodyElse(t *testing.T) {
	s := newStage(t)
	s.codes(s.person("alice"))
	foreign := s.passkey(s.person("mallory"), true)
	s.passkey(must(s.people.Find(t.Context(), "alice"))(t), true)
	tab := s.tab()
	tab.visit(s.push(nil))
	tab.login("alice")
	tab.touch(foreign)
	tab.expect(http.StatusUnprocessableEntity, "second")
	tab.another().get("/account")
	s.untouched()
	if tab.get("/account").kind != "second" {
		t.Error("somebody else's passkey completed the login")
	}
}

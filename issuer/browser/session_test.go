package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
)

const (
	sessionCookie = "__Host-tenon-session"
	visitCookie   = "__Host-tenon-visit"
	deviceCookie  = "__Host-tenon-device"
)

// Session fixation: what a browser was given before a step is worth nothing after it.
func TestCookiesChangeAtEveryStep(t *testing.T) {
	s := newStage(t)
	p := s.person("alice")
	secret, _ := s.codes(p)
	key := s.passkey(p, false)
	tab := s.tab()
	seen := map[string]string{}
	step := func(name string) {
		t.Helper()
		for _, cookie := range []string{sessionCookie, visitCookie} {
			value := tab.cookies[cookie]
			if where := seen[value]; value != "" && where != "" {
				t.Errorf("%s: the cookie %s is still that of %s", name, cookie, where)
			}
			seen[value] = name
		}
		s.clock.advance(time.Minute)
	}
	tab.visit(s.push(func(r *browser.Request) {
		r.Asked.ACR, r.Expires = []string{people.ACRHardware}, r.Expires.Add(time.Hour)
	}))
	step("the first page")
	tab.login("alice")
	tab.expect(http.StatusOK, "second")
	step("the password")
	tab.send("code", s.code(secret), "do", "login")
	tab.expect(http.StatusOK, "second") // a code does not reach phrh
	step("the code")
	tab.touch(key)
	tab.expect(http.StatusOK, "consent")
	step("the passkey")
	tab.get("/account/password")
	tab.send("current", password, "password", "Another-Lantern-77", "repeat", "Another-Lantern-77", "do", "change")
	tab.expect(http.StatusOK, "account")
	step("the new password")
	tab.send("do", "logout")
	tab.expect(http.StatusOK, "done")
	step("the logout")
	for _, old := range []string{"the password", "the code", "the passkey", "the new password"} {
		for value, name := range seen {
			if name != old || len(value) != 43 {
				continue
			}
			other := s.tab()
			other.cookies[sessionCookie] = value
			if other.get("/account").kind != "login" {
				t.Errorf("the cookie of %s still opens a session", old)
			}
		}
	}
}

func TestPlantedSessionCookie(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	s.person("mallory")
	attacker, victim := s.tab(), s.tab()
	attacker.signIn("mallory")
	victim.cookies[sessionCookie] = attacker.cookies[sessionCookie]
	victim.get("/account")
	victim.expect(http.StatusOK, "account")
	victim.visit(s.push(func(r *browser.Request) { r.Asked.Prompt = []string{"login"}; r.Created = r.Created.Add(time.Second) }))
	s.clock.advance(time.Minute)
	victim.send("username", "alice", "password", password, "do", "login")
	victim.expect(http.StatusOK, "consent")
	if attacker.get("/account"); strings.Contains(attacker.page.body, "alice") || attacker.page.kind != "login" {
		t.Error("the attacker's cookie sees the victim's session, or lives on in it")
	}
}

// Login CSRF: nobody can sign another's browser in to an account of their own.
func TestLoginIntoTheAttackersAccount(t *testing.T) {
	s := newStage(t)
	s.person("mallory")
	attacker, victim := s.tab(), s.tab()
	attacker.get("/login")
	f := attacker.fill("username", "mallory", "password", password, "do", "login")
	victim.get("/login")
	victim.post(f.path, f.fields)
	victim.expect(http.StatusForbidden, "login")
	if victim.cookies[sessionCookie] != "" {
		t.Error("the victim is signed in as the attacker")
	}
}

func TestCookiesThatAreNotOurs(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"there twice":  func(r *http.Request) { r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "x"}) },
		"unknown":      func(r *http.Request) { replaceCookie(r, strings.Repeat("A", 43)) },
		"no secret":    func(r *http.Request) { replaceCookie(r, "a/b c") },
		"far too long": func(r *http.Request) { replaceCookie(r, strings.Repeat("A", 4000)) },
	} {
		s := newStage(t)
		s.person("alice")
		tab := s.tab()
		tab.signIn("alice")
		tab.edit = spoil
		if tab.get("/account").kind != "login" {
			t.Errorf("%s: shows %q", name, tab.page.kind)
		}
	}
}

func replaceCookie(r *http.Request, value string) {
	r.Header.Del("Cookie")
	r.Header.Set("Cookie", sessionCookie+"="+value)
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(*stage, people.Person){
		"with the person":  func(s *stage, p people.Person) { _ = s.people.Remove(s.t.Context(), p.Subject) },
		"disabled":         func(s *stage, p people.Person) { p.Disabled = true; must(s.people.Update(s.t.Context(), p))(s.t) },
		"by the operator":  func(s *stage, p people.Person) { _ = s.sessions.EndAll(s.t.Context(), p.Subject) },
		"after a lifetime": func(s *stage, _ people.Person) { s.clock.advance(48 * time.Hour) },
	} {
		s := newStage(t)
		p := s.person("alice")
		tab := s.tab()
		r := s.push(func(r *browser.Request) { r.Expires = r.Expires.Add(100 * time.Hour) })
		tab.visit(r)
		tab.login("alice")
		tab.expect(http.StatusOK, "consent")
		end(s, p)
		tab.send("do", "approve")
		tab.expect(http.StatusForbidden, "login")
		s.untouched()
		if _, kept := tab.cookies[sessionCookie]; kept {
			t.Errorf("%s: the cookie stays", name)
		}
	}
}

func TestKnownDeviceIsNotShutOut(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	owner, stranger := s.tab(), s.tab()
	owner.signIn("alice")
	if owner.cookies[deviceCookie] == "" {
		t.Fatal("the browser is not known")
	}
	owner.send("do", "logout")
	stranger.get("/login")
	throttled := false
	for range 30 {
		stranger.send("username", "alice", "password", "wrong", "do", "login")
		throttled = throttled || stranger.page.status == http.StatusTooManyRequests
	}
	if !throttled || stranger.page.header.Get("Retry-After") == "" || !strings.Contains(stranger.page.body, `role="alert"`) {
		t.Errorf("the stranger got %d, Retry-After %q", stranger.page.status, stranger.page.header.Get("Retry-After"))
	}
	if s.last().Reason != "throttled" {
		t.Errorf("event %+v", s.last())
	}
	stranger.login("alice") // the right password is not looked at either
	stranger.expect(http.StatusTooManyRequests, "login")
	owner.signIn("alice")
}

// Nobody learns who has an account: the answers differ in nothing but what is random in all of them.
func TestUnknownNameLooksLikeAWrongPassword(t *testing.T) {
	s := newStage(t)
	s.person("known1")
	disabled := s.person("known2")
	disabled.Disabled = true
	must(s.people.Update(t.Context(), disabled))(t)
	s.codes(s.person("known3"))
	must(s.people.Add(t.Context(), people.Person{Username: "known4"}))(t) // without a password
	r := s.push(nil)
	answer := func(username, password string) (page, map[string]string) {
		tab := s.tab()
		tab.visit(r)
		tab.send("username", username, "password", password, "do", "login")
		p := *tab.page
		p.body = strings.ReplaceAll(p.body, username, "NAME")
		for _, secret := range random.FindAllStringSubmatch(p.body, -1) {
			p.body = strings.ReplaceAll(p.body, secret[1], "RANDOM")
		}
		p.header.Del("Set-Cookie")
		p.header.Del("Content-Length") // the length of the name
		return p, tab.jar()
	}
	want, cookies := answer("nobody", "wrong")
	if want.status != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", want.status)
	}
	for _, name := range []string{"known1", "known2", "known3", "known4", "K n o w n"} {
		got, have := answer(name, "wrong")
		if got.status != want.status || got.body != want.body || len(have) != len(cookies) || len(got.header) != len(want.header) {
			t.Errorf("%s: the answer tells something:\n%+v\n%+v", name, got, want)
		}
		for h := range want.header {
			if got.header.Get(h) != want.header.Get(h) {
				t.Errorf("%s: %s is %q, want %q", name, h, got.header.Get(h), want.header.Get(h))
			}
		}
	}
	if got, _ := answer("known2", password); got.body != want.body || got.status != want.status {
		t.Error("a disabled person with the right password gets another answer")
	}
}

func TestVisitsOfStrangersLeaveNothing(t *testing.T) {
	s := newStage(t)
	r := s.push(nil)
	records, writes, _ := s.drawer.state()
	for i := range 10_000 {
		tab := s.tab()
		switch i % 6 {
		case 0:
			tab.visit(r)
		case 1:
			tab.get("/account")
		case 2:
			tab.get("/login")
		case 3:
			tab.cookies[sessionCookie] = strings.Repeat("A", 43)
			tab.visit(r)
		case 4:
			tab.get("/authorize?client_id=shop&request_uri=urn%3Aunknown")
		case 5:
			tab.visit(r)
			tab.send("username", "nobody", "password", "wrong", "do", "login")
		}
	}
	if nowRecords, nowWrites, _ := s.drawer.state(); nowRecords != records || nowWrites != writes {
		t.Errorf("%d records and %d writes more", nowRecords-records, nowWrites-writes)
	}
}

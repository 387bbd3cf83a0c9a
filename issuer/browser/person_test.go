package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
)

func TestPasskeyAlone(t *testing.T) {
	s := newStage(t)
	p := s.person("alice")
	s.codes(p) // a passkey is two factors by itself
	key := s.passkey(p, true)
	tab := s.tab()
	tab.visit(s.push(func(r *browser.Request) { r.Asked.Subject = p.Subject }))
	used := tab.page
	tab.touch(key)
	tab.expect(http.StatusOK, "consent")
	if done := s.events[len(s.events)-2].Done; done != browser.DidPasskey {
		t.Errorf("done is %q", done)
	}
	tab.send("do", "approve")
	if got := s.outcome().Approval; got.Subject != p.Subject || got.ACR != people.ACRPhishing {
		t.Errorf("approval %+v", got)
	}
	again := s.tab()
	again.visit(s.push(nil))
	action, fields, _ := again.page.ceremony(t)
	_, old, options := used.ceremony(t)
	fields.Set("state", old.Get("state"))
	fields.Set("response", string(must(key.Login([]byte(options)))(t)))
	again.post(action, fields)
	again.expect(http.StatusUnprocessableEntity, "login") // a challenge works once
}

func TestSomebodyElseThanTheHint(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	mallory := s.person("mallory")
	key := s.passkey(mallory, true)
	for name, enter := range map[string]func(*tab){
		"password": func(b *tab) { b.login("mallory") },
		"passkey":  func(b *tab) { b.touch(key) },
	} {
		tab := s.tab()
		tab.visit(s.push(func(r *browser.Request) { r.Asked.Subject = alice.Subject }))
		if strings.Contains(tab.page.body, "alice") {
			t.Error("the page tells who the hint is about")
		}
		enter(tab)
		tab.expectAway("error=login_required") // OpenID Connect Core §3.1.2.2
		if tab.cookies["__Host-tenon-session"] != "" {
			t.Errorf("%s: somebody else has a session now", name)
		}
	}
}

func TestChooseAccount(t *testing.T) {
	ask := func(r *browser.Request) { r.Asked.Prompt = []string{"select_account"} }
	t.Run("continue", func(t *testing.T) {
		s := newStage(t)
		tab, alice := s.live(plain)
		s.clock.advance(time.Minute)
		tab.visit(s.push(ask))
		tab.expect(http.StatusOK, "choose")
		tab.send("do", "continue")
		tab.expect(http.StatusOK, "consent")
		tab.send("do", "approve")
		tab.expectAway("code=")
		if got := s.outcome().Approval; got.Subject != alice.Subject {
			t.Errorf("approved by %s", got.Subject)
		}
	})
	t.Run("somebody else", func(t *testing.T) {
		s := newStage(t)
		tab, _ := s.live(plain)
		s.clock.advance(time.Minute)
		tab.visit(s.push(ask))
		tab.send("do", "other")
		tab.expect(http.StatusOK, "login")
		tab.send("username", "bob", "password", "wrong", "do", "login")
		tab.expect(http.StatusUnprocessableEntity, "login")
		if !strings.Contains(tab.page.body, `value="bob"`) {
			t.Error("the page asks for alice again")
		}
		tab.login("bob")
		tab.expect(http.StatusOK, "consent")
		tab.send("do", "approve")
		bob := must(s.people.Find(t.Context(), "bob"))(t)
		if got := s.outcome().Approval; got.Subject != bob.Subject {
			t.Errorf("approved by %s", got.Subject)
		}
		if left := must(s.sessions.Of(t.Context(), must(s.people.Find(t.Context(), "alice"))(t).Subject))(t); len(left) != 0 {
			t.Errorf("alice still has %d sessions in this browser", len(left))
		}
	})
	t.Run("cancel", func(t *testing.T) {
		s := newStage(t)
		tab, _ := s.live(plain)
		s.clock.advance(time.Minute)
		tab.visit(s.push(ask))
		tab.send("do", "cancel")
		tab.expectAway("error=access_denied")
	})
}

func TestLoginHint(t *testing.T) {
	for hint, shown := range map[string]bool{"alice": true, `"><script>alert(1)</script>`: true, strings.Repeat("a", 400): false, "\xff": false} {
		s := newStage(t)
		tab := s.tab()
		tab.visit(s.push(func(r *browser.Request) { r.Asked.LoginHint = hint }))
		value := attributes(inputNamed(tab.page.body, "username"))["value"]
		if shown && value != hint || !shown && value != "" || strings.Contains(tab.page.body, "<script>alert") {
			t.Errorf("hint %.40q became %.40q", hint, value)
		}
	}
}

func inputNamed(body, name string) string {
	for _, m := range input.FindAllStringSubmatch(body, -1) {
		if strings.Contains(m[1], `name="`+name+`"`) {
			return m[1]
		}
	}
	return ""
}

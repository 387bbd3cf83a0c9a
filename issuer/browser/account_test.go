package browser_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

func (s *stage) factors(p people.Person) people.Factors {
	s.t.Helper()
	return must(s.people.Factors(s.t.Context(), p.Subject))(s.t)
}

// deed presses a button of the account page for one of several things.
func (b *tab) deed(do, id string) *page {
	b.t.Helper()
	f := b.fill("do", do)
	if id != "" {
		f.fields.Set("id", id)
	}
	return b.post(f.path, f.fields)
}

func (b *tab) expectNotice(t *testing.T, done string) {
	t.Helper()
	b.expect(http.StatusOK, "account")
	if !strings.Contains(b.page.body, `class="notice"`) {
		t.Error("the page does not say what was done")
	}
	if events := b.stage.events; events[len(events)-2].Done != done {
		t.Errorf("done is %q, want %q", events[len(events)-2].Done, done)
	}
	if b.get("/account"); strings.Contains(b.page.body, `class="notice"`) {
		t.Error("the page says so for ever")
	}
}

func TestPasskeysOfOnesOwn(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	tab := s.tab()
	tab.signIn("alice")
	key := peopletest.New(origin)
	tab.touch(key)
	tab.expect(http.StatusOK, "name")
	if len(s.factors(alice).Passkeys) != 1 {
		t.Fatalf("factors %+v", s.factors(alice))
	}
	tab.send("name", strings.Repeat("x", 65), "do", "name")
	tab.expect(http.StatusUnprocessableEntity, "name")
	tab.send("name", "My phone", "do", "name")
	tab.expectNotice(t, browser.DidRenamePasskey)
	passkey := s.factors(alice).Passkeys[0]
	if passkey.Name != "My phone" {
		t.Errorf("name %q", passkey.Name)
	}
	tab.deed("rename-passkey", passkey.ID)
	tab.expect(http.StatusOK, "name")
	if !strings.Contains(tab.page.body, `value="My phone"`) {
		t.Error("the present name is not in the field")
	}
	other := s.tab()
	other.get("/login")
	other.touch(key)
	other.expect(http.StatusOK, "account") // it works
	tab.get("/account")
	tab.deed("remove-passkey", passkey.ID)
	tab.expectNotice(t, browser.DidRemovePasskey)
	if len(s.factors(alice).Passkeys) != 0 {
		t.Error("the passkey is still there")
	}
	tab.get("/account/passkeys?id=" + passkey.ID)
	tab.expect(http.StatusOK, "account")
}

func TestPasskeyAnswerThatIsWrong(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	tab := s.tab()
	tab.signIn("alice")
	tab.touch(peopletest.New("https://evil.example"))
	tab.expect(http.StatusUnprocessableEntity, "account")
	if len(s.factors(alice).Passkeys) != 0 {
		t.Error("it was kept")
	}
}

// A passkey's id is no secret: another person's is not there.
func TestWhatBelongsToSomebodyElse(t *testing.T) {
	s := newStage(t)
	mallory, alice := s.person("mallory"), s.person("alice")
	s.passkey(alice, true)
	s.grants.add(alice.Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}})
	s.tab().signIn("alice")
	session := must(s.sessions.Of(t.Context(), alice.Subject))(t)[0]
	passkey := s.factors(alice).Passkeys[0]
	s.passkey(mallory, true)
	s.grants.add(mallory.Subject, browser.Grant{ID: "m", Client: browser.ClientInfo{ID: "shop"}})
	s.tab().signIn("mallory") // so that each button is there
	tab := s.tab()
	tab.signIn("mallory")
	for do, id := range map[string]string{"remove-passkey": passkey.ID, "end-grant": "g", "end-session": session.ID} {
		tab.get("/account")
		tab.deed(do, id)
		tab.expect(http.StatusOK, "account")
	}
	tab.get("/account")
	tab.deed("rename-passkey", passkey.ID)
	tab.expect(http.StatusOK, "account")
	if len(s.factors(alice).Passkeys) != 1 || len(s.grants.all[alice.Subject]) != 1 || len(must(s.sessions.Of(t.Context(), alice.Subject))(t)) != 1 {
		t.Error("something of alice's is gone")
	}
}

func TestPasswordChange(t *testing.T) {
	const better = "Another-Lantern-77"
	for _, c := range []struct {
		name                      string
		current, password, repeat string
		status                    int
	}{
		{"good", password, better, better, http.StatusOK},
		{"the present one is wrong", "wrong", better, better, http.StatusUnprocessableEntity},
		{"the repetition differs", password, better, better + "x", http.StatusUnprocessableEntity},
		{"too short", password, "Short-7", "Short-7", http.StatusUnprocessableEntity},
		{"common", password, "password1234", "password1234", http.StatusUnprocessableEntity},
		{"the user name", password, "alice-alice-alice-7", "alice-alice-alice-7", http.StatusUnprocessableEntity},
		{"too long", password, strings.Repeat("aB3-", 300), strings.Repeat("aB3-", 300), http.StatusUnprocessableEntity},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			alice := s.person("alice")
			elsewhere, tab := s.tab(), s.tab()
			elsewhere.signIn("alice")
			tab.signIn("alice")
			tab.get("/account/password")
			tab.send("current", c.current, "password", c.password, "repeat", c.repeat, "do", "change")
			if c.status != http.StatusOK {
				tab.expect(c.status, "password")
				if elsewhere.get("/account").kind != "account" || !strings.Contains(tab.page.body, `role="alert"`) {
					t.Error("something happened, or nobody is told why not")
				}
				return
			}
			tab.expectNotice(t, browser.DidChangePassword)
			if elsewhere.get("/account").kind != "login" {
				t.Error("whoever knew the old password is still in")
			}
			if n := len(must(s.sessions.Of(t.Context(), alice.Subject))(t)); n != 1 {
				t.Errorf("%d sessions", n)
			}
			_, err := s.people.CheckPassword(t.Context(), people.Attempt{Username: "alice", Password: better})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOneTimeCodesOfOnesOwn(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	tab := s.tab()
	tab.signIn("alice")
	tab.get("/account/codes")
	tab.expect(http.StatusOK, "enroll")
	secret := tab.fill("do", "confirm").fields.Get("secret")
	if !strings.Contains(tab.page.body, "data:image/png;base64,") {
		t.Error("there is no QR code")
	}
	tab.send("code", "000000", "do", "confirm")
	tab.expect(http.StatusUnprocessableEntity, "enroll")
	if again := tab.fill("do", "confirm").fields.Get("secret"); again != secret {
		t.Error("a mistyped code costs a new key")
	}
	if s.factors(alice).TOTP {
		t.Fatal("codes are on without having worked")
	}
	tab.send("code", s.code(secret), "do", "confirm")
	tab.expect(http.StatusOK, "recovery")
	first := recoveryCode.FindAllString(tab.page.body, -1)
	if len(first) != 10 || s.factors(alice).RecoveryCodes != 10 {
		t.Fatalf("%d recovery codes shown, %d there", len(first), s.factors(alice).RecoveryCodes)
	}
	tab.get("/account/codes")
	tab.expect(http.StatusOK, "account") // they are on
	tab.send("do", "new-recovery-codes")
	tab.expect(http.StatusOK, "recovery")
	if second := recoveryCode.FindAllString(tab.page.body, -1); len(second) != 10 || second[0] == first[0] {
		t.Errorf("new recovery codes %v", second)
	}
	other := s.tab()
	other.get("/login")
	other.login("alice")
	other.expect(http.StatusOK, "second")
	tab.get("/account")
	tab.send("do", "remove-codes")
	tab.expectNotice(t, browser.DidCodesOff)
	if s.factors(alice).TOTP {
		t.Error("codes are still on")
	}
}

var recoveryCode = regexp.MustCompile(`\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}\b`)

// A key that we did not make is not taken: an attacker's would let the attacker make the codes.
func TestKeyOfSomebodyElsesMaking(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	tab := s.tab()
	tab.signIn("alice")
	tab.get("/account/codes")
	f := tab.fill("code", "", "do", "confirm")
	theirs := must(s.people.BeginTOTP(t.Context(), alice.Subject))(t).Secret
	f.fields.Set("secret", theirs)
	f.fields.Set("code", s.code(theirs))
	tab.post(f.path, f.fields)
	tab.expect(http.StatusForbidden, "account")
	if s.factors(alice).TOTP {
		t.Error("codes are on")
	}
}

func TestSessionsAndGrantsOfOnesOwn(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	s.grants.add(alice.Subject, browser.Grant{
		ID: "g1", Client: browser.ClientInfo{ID: "shop", Name: "The Shop"}, Scope: tenon.Scope{"openid", "accounts"}, Details: details(t), Created: s.clock.Now(),
	})
	one, two, own := s.tab(), s.tab(), s.tab()
	for _, b := range []*tab{one, two, own} {
		b.edit = func(r *http.Request) {
			r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		}
		b.signIn("alice")
		s.clock.advance(time.Second)
	}
	for _, want := range []string{"Firefox", "<bdi translate=\"no\">192.0.2.1</bdi>", "The Shop", "See your accounts", "Example Ltd", "1,234.50"} {
		if !strings.Contains(own.page.body, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	sessions := must(s.sessions.Of(t.Context(), alice.Subject))(t)
	own.deed("end-session", sessions[2].ID)
	own.expectNotice(t, browser.DidEndSession)
	if one.get("/account").kind != "login" || two.get("/account").kind != "account" {
		t.Error("the wrong session ended")
	}
	own.get("/account")
	own.deed("end-other-sessions", "")
	own.expectNotice(t, browser.DidEndSessions)
	if two.get("/account").kind != "login" || own.get("/account").kind != "account" {
		t.Error("the wrong session ended")
	}
	own.deed("end-grant", "g1")
	own.expectNotice(t, browser.DidEndGrant)
	if len(s.grants.all[alice.Subject]) != 0 {
		t.Error("the grant is still there")
	}
	own.deed("logout", "")
	own.expect(http.StatusOK, "done")
	if own.get("/account").kind != "login" || len(must(s.sessions.Of(t.Context(), alice.Subject))(t)) != 0 {
		t.Error("still signed in")
	}
}

// What somebody signs in with changes after a login not older than five minutes only.
func TestCredentialsNeedAFreshLogin(t *testing.T) {
	for _, c := range []struct {
		name  string
		fresh bool
		do    func(*stage, *tab)
	}{
		{"password page", true, func(_ *stage, b *tab) { b.get("/account/password") }},
		{"codes page", true, func(_ *stage, b *tab) { b.get("/account/codes") }},
		{"passkeys page", true, func(_ *stage, b *tab) { b.get("/account/passkeys") }},
		{"new passkey", true, func(_ *stage, b *tab) { b.touch(peopletest.New(origin)) }},
		{"remove-passkey", true, func(_ *stage, b *tab) { b.deed("remove-passkey", "x") }},
		{"remove-codes", true, func(_ *stage, b *tab) { b.deed("remove-codes", "") }},
		{"new-recovery-codes", true, func(_ *stage, b *tab) { b.deed("new-recovery-codes", "") }},
		{"rename-passkey", false, func(_ *stage, b *tab) { b.deed("rename-passkey", "x") }},
		{"end-other-sessions", false, func(_ *stage, b *tab) { b.deed("end-other-sessions", "") }},
		{"end-grant", false, func(_ *stage, b *tab) { b.deed("end-grant", "x") }},
		{"a new password from an old page", true, func(s *stage, b *tab) {
			s.clock.advance(-time.Second)
			b.get("/account/password")
			s.clock.advance(time.Second)
			b.send("current", password, "password", "Another-Lantern-77", "repeat", "Another-Lantern-77", "do", "change")
		}},
		{"codes from an old page", true, func(s *stage, b *tab) {
			s.clock.advance(-time.Second)
			p := must(s.people.Find(s.t.Context(), "alice"))(s.t)
			_ = s.people.RemoveTOTP(s.t.Context(), p.Subject)
			b.get("/account/codes")
			secret := b.fill("do", "confirm").fields.Get("secret")
			s.clock.advance(time.Second)
			b.send("code", s.code(secret), "do", "confirm")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, age := range []time.Duration{5 * time.Minute, 5*time.Minute + time.Second} {
				s := newStage(t)
				alice := s.person("alice")
				s.passkey(alice, true)
				s.grants.add(alice.Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}})
				secret, _ := s.codes(alice)
				s.tab().loginWithCode("alice", secret)
				s.clock.advance(time.Minute)
				tab := s.tab()
				tab.loginWithCode("alice", secret)
				s.clock.advance(age)
				tab.get("/account")
				before := s.factors(alice)
				c.do(s, tab)
				asked := tab.page.kind == "login"
				if want := c.fresh && age > 5*time.Minute; asked != want {
					t.Errorf("%v after the login: got %d %q", age, tab.page.status, tab.page.kind)
				}
				after := s.factors(alice)
				if asked && (len(after.Passkeys) != len(before.Passkeys) || !after.PasswordChanged.Equal(before.PasswordChanged)) {
					t.Error("something changed all the same")
				}
			}
		})
	}
}

// loginWithCode signs in on the own page with a password and a code.
func (b *tab) loginWithCode(username, secret string) {
	b.t.Helper()
	b.get("/login")
	b.login(username)
	b.send("code", b.stage.code(secret), "do", "login")
	b.expect(http.StatusOK, "account")
}

func TestFreshLoginLeadsBack(t *testing.T) {
	s := newStage(t)
	s.codes(s.person("alice"))
	p := must(s.people.Find(t.Context(), "alice"))(t)
	if err := s.people.RemoveTOTP(t.Context(), p.Subject); err != nil {
		t.Fatal(err)
	}
	tab := s.tab()
	tab.signIn("alice")
	s.clock.advance(time.Hour)
	tab.get("/account/password")
	tab.expect(http.StatusOK, "login")
	if f := tab.fill("do", "login"); f.fields.Get("back") != "password" {
		t.Errorf("hidden fields %v", f.fields)
	}
	tab.login("alice")
	tab.expect(http.StatusOK, "password")
}

// Where a login leads is one of our own pages, and the form's seal holds which.
func TestReturnTargetIsNotTakenFromParameters(t *testing.T) {
	for _, target := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "account/../../evil", "codes", "javascript:alert(1)", "%2f%2fevil.example"} {
		s := newStage(t)
		s.person("alice")
		tab := s.tab()
		tab.get("/account/password?back=" + target + "&return_to=" + target + "&next=" + target)
		if strings.Contains(tab.page.body, "evil") {
			t.Errorf("%s got onto the page", target)
		}
		f := tab.fill("username", "alice", "password", password, "do", "login")
		for _, name := range []string{"back", "return_to", "next", "redirect_uri", "client_uri"} {
			f.fields.Set(name, target)
		}
		p := tab.post(f.path, f.fields)
		for _, step := range append(p.steps, p.away) {
			if strings.Contains(step, "evil") || strings.Contains(step, "javascript") {
				t.Errorf("%s led to %s", target, step)
			}
		}
		if p.status != http.StatusForbidden {
			t.Errorf("%s: %d %q", target, p.status, p.kind)
		}
	}
}

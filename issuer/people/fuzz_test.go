package people_test

import (
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

// What is read as a hash is written as the same text.
func FuzzPHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=08,t=1,p=256$$")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		if again, err := people.ReadPHC(text); err == nil && again != text {
			t.Errorf("%q became %q", text, again)
		}
	})
}

// A username has one form, and that form has itself.
func FuzzUsername(f *testing.F) {
	for _, name := range []string{"ada", "ADA@Example.org", "ａｄａ", "zoe\u0308", "ß", "İ", "ﬁ", "\u202e", "א", "a\u0345", "ς", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		once, err := people.NormalizeUsername(name)
		if err != nil {
			return
		}
		twice, err := people.NormalizeUsername(once)
		if err != nil || twice != once || len(once) < 1 || len(once) > 128 || strings.ContainsAny(once, " \t\r\n\x00") {
			t.Errorf("%q became %q, which became %q (%v)", name, once, twice, err)
		}
	})
}

// A recovery code is 16 characters of the alphabet however it is written, or none.
func FuzzRecoveryCode(f *testing.F) {
	f.Add("ABCD-EFGH-JKMN-PQRS")
	f.Add("abcd efgh ilo0 pqrs")
	f.Add("\u0130BCD-EFGH-JKMN-PQRS")
	f.Fuzz(func(t *testing.T, text string) {
		code := people.ReadRecovery(text)
		if code != "" && (len(code) != 16 || people.ReadRecovery(code) != code || strings.ContainsAny(code, "ILOU- ")) {
			t.Errorf("%q became %q", text, code)
		}
	})
}

// Nobody makes a device, a session or a state that was not given out.
func FuzzWhatBrowsersKeep(f *testing.F) {
	p := newParty(f)
	p.join("ada")
	device, err := p.Device("eve")
	must(f, err)
	ceremony, err := p.BeginPasskeyLogin(f.Context())
	must(f, err)
	f.Add(device, ceremony.State)
	f.Add(strings.Repeat("A", 75), []byte(`{"challenge":"","exp":9999999999}`))
	f.Add("", []byte(nil))
	p.flood("ada", 20)
	f.Fuzz(func(t *testing.T, text string, state []byte) {
		p.t = t
		held(t, p.from(text, secret))
		p.gone(text)
		if _, _, err := p.FinishPasskeyLogin(t.Context(), state, []byte("{}")); err == nil {
			t.Error("logged in")
		}
	})
}

// Whatever a browser answers, it is refused or it is the passkey's answer.
func FuzzPasskeyAnswers(f *testing.F) {
	p := newParty(f)
	ada := p.join("ada")
	a, _ := p.passkey(ada)
	creation, err := p.BeginPasskey(f.Context(), ada.Subject)
	must(f, err)
	registration, err := peopletest.New(origin).Register(creation.Options)
	must(f, err)
	login, err := p.BeginPasskeyLogin(f.Context())
	must(f, err)
	assertion, err := a.Login(login.Options)
	must(f, err)
	_, _, err = p.FinishPasskeyLogin(f.Context(), login.State, assertion)
	must(f, err) // and so every further use of it is a replay
	f.Add(registration)
	f.Add(assertion)
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Add([]byte(`{"response":{"attestationObject":"oA","clientDataJSON":"e30"}}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		if person, _, err := p.FinishPasskeyLogin(t.Context(), login.State, response); err == nil {
			t.Errorf("logged in as %s", person.Subject)
		}
		made, err := p.FinishPasskey(t.Context(), ada.Subject, creation.State, response, "")
		if err == nil && made.ID == "" {
			t.Error("a passkey without id")
		}
	})
}

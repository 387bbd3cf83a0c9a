package people_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

func TestPassword(t *testing.T) {
	p := newParty(t)
	ada := p.join("Ada@Example.org")
	for _, username := range []string{"ada@example.org", "ADA@EXAMPLE.ORG", "ａｄａ@example.org"} {
		person, err := p.CheckPassword(t.Context(), people.Attempt{Username: username, Password: secret})
		must(t, err)
		if person.Subject != ada.Subject {
			t.Errorf("%s is %s", username, person.Subject)
		}
	}
	refused(t, p.try("ada@example.org", secret+" ", ""), "password")
	must(t, p.SetPassword(t.Context(), ada.Subject, "another sentence: cafe\u0301"))
	refused(t, p.try("ada@example.org", secret, ""), "password")
	must(t, p.try("ada@example.org", "another sentence: caf\u00e9", "")) // RFC 8265 §4.2: composed
	must(t, p.RemovePassword(t.Context(), ada.Subject))
	refused(t, p.try("ada@example.org", "another sentence: caf\u00e9", ""), "no_password")
	if err := p.SetPassword(t.Context(), "person:nobody", secret); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Nobody learns from the answer, or from the work that was done for it, who has an account.
func TestNothingTellsWhoHasAnAccount(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	off := p.join("off")
	off.Disabled = true
	_, err := p.Update(t.Context(), off)
	must(t, err)
	bare, err := p.Add(t.Context(), people.Person{Username: "bare"})
	must(t, err)
	p.passkey(bare)
	tests := map[string]struct{ username, password, reason string }{
		"a wrong password":                {"ada", "wrong", "password"},
		"a person who is not there":       {"nobody", secret, "unknown"},
		"a name that nobody can have":     {"no body\x00", secret, "unknown"},
		"no name":                         {"", secret, "unknown"},
		"a name of a megabyte":            {strings.Repeat("x", 1<<20), secret, "unknown"},
		"a disabled person, right":        {"off", secret, "disabled"},
		"a disabled person, wrong":        {"off", "wrong", "disabled"},
		"a person without a password":     {"bare", secret, "no_password"},
		"no password":                     {"ada", "", "password"},
		"a password of a megabyte":        {"ada", strings.Repeat("x", 1<<20), "password"},
		"a password with control":         {"ada", "a\x00b", "password"},
		"a password that is not in UTF-8": {"ada", "\xff", "password"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			hashes, gets, commits := p.Hashes(), p.store.gets.Load(), p.store.commits.Load()
			refused(t, p.try(tt.username, tt.password, name), tt.reason)
			if n := p.Hashes() - hashes; n != 1 {
				t.Errorf("%d passwords were hashed", n)
			}
			if n := p.store.gets.Load() - gets; n != 3 {
				t.Errorf("the store was asked %d times", n)
			}
			if n := p.store.commits.Load() - commits; n != 0 {
				t.Errorf("the store was written %d times", n)
			}
		})
	}
	must(t, p.try("ada", secret, "home"))
}

func TestWeakPasswords(t *testing.T) {
	tests := map[string]string{
		"elevenchars":                  "short",
		"élevençhars":                  "short", // characters, not bytes
		"":                             "short",
		"aaaaaaaaaaaaaaaa":             "simple",
		"abababababab":                 "simple",
		"123412341234":                 "simple",
		"ada.lovelace is great":        "username",
		"is ADA.LOVELACE great?":       "username",
		"Password1234":                 "common",
		"P@ssw0rd!2026":                "common",
		"passwordpassword1":            "common",
		"qwertyuiop123":                "common",
		"12345678901234":               "common",
		"correct horse battery":        "common",
		"Willkommen2026!":              "common",
		"a\x00bcdefghijklmno":          "characters",
		"\xffbcdefghijklmno":           "characters",
		strings.Repeat("x1y2z3", 1024): "long",
	}
	for password, reason := range tests {
		var weak *people.Weak
		err := people.JudgePassword(password, "ada.lovelace@example.org")
		if !errors.As(err, &weak) || !errors.Is(err, people.ErrWeak) || weak.Reason != reason {
			t.Errorf("%.30q: got %v, want %s", password, err, reason)
		}
	}
	for _, password := range []string{secret, "ostrich-lamp-violin", "пароль длинный очень", "tJ4&kq9!xWz2", strings.Repeat("x1y2z3", 170)} {
		must(t, people.JudgePassword(password, "ada.lovelace@example.org"))
	}
	p := newParty(t)
	ada := p.join("ada")
	if err := p.SetPassword(t.Context(), ada.Subject, "Password1234"); !errors.Is(err, people.ErrWeak) {
		t.Errorf("got %v", err)
	}
	must(t, p.try("ada", secret, ""))
}

// The hash of other tools is read (the vector is that of the reference implementation's own tests).
func TestPHC(t *testing.T) {
	const reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, err := people.MatchesPHC(reference, "password"); !ok || err != nil {
		t.Errorf("does not match: %v", err)
	}
	if ok, err := people.MatchesPHC(reference, "passwore"); ok || err != nil {
		t.Errorf("matches another: %v", err)
	}
	for name, edit := range map[string][2]string{
		"another algorithm":      {"argon2id", "argon2i"},
		"another version":        {"v=19", "v=16"},
		"a number with a zero":   {"t=2", "t=02"},
		"a number with a sign":   {"t=2", "t=+2"},
		"no passes":              {"t=2", "t=0"},
		"too many passes":        {"t=2", "t=65"},
		"too much memory":        {"m=256", "m=1048577"},
		"too little memory":      {"m=256,t=2,p=1", "m=15,t=2,p=2"},
		"no lanes":               {"p=1", "p=0"},
		"too many lanes":         {"p=1", "p=257"},
		"another order":          {"m=256,t=2", "t=2,m=256"},
		"one setting more":       {"p=1", "p=1,x=1"},
		"one part more":          {"HGi/4", "HGi/4$"},
		"padding":                {"c29tZXNhbHQ", "c29tZXNhbHQ="},
		"bits that are not zero": {"HGi/4", "HGi/5"},
		"a line break":           {"nf65", "nf\n65"},
		"a short salt":           {"c29tZXNhbHQ", "c29tZXM"},
		"a short hash":           {"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EOgLrQMR/uIPnA4r"},
		"something before it":    {"$argon2id", "x$argon2id"},
	} {
		altered := strings.Replace(reference, edit[0], edit[1], 1)
		if _, err := people.ReadPHC(altered); err == nil || altered == reference {
			t.Errorf("%s is accepted: %s", name, altered)
		}
	}
}

// A hash made at another cost is made again at the next login, and at no other time.
func TestRehash(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	dearer := newDearer(t, p)
	before := p.Hashes()
	if _, err := dearer.CheckPassword(t.Context(), people.Attempt{Username: "ada", Password: "wrong"}); !errors.Is(err, people.ErrWrong) {
		t.Fatal(err)
	}
	for i, want := range []uint64{1, 3, 4} { // wrong; right and again; right
		if got := dearer.Hashes(); got != want {
			t.Errorf("step %d: %d hashes, want %d", i, got, want)
		}
		_, err := dearer.CheckPassword(t.Context(), people.Attempt{Username: "ada", Password: secret})
		must(t, err)
	}
	must(t, p.try("ada", secret, "")) // also where the old cost still rules
	if p.Hashes()-before != 2 {
		t.Errorf("%d hashes", p.Hashes()-before)
	}
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if !f.PasswordChanged.Equal(p.clock.Now()) {
		t.Errorf("changed at %s", f.PasswordChanged)
	}
	// A password that is changed while its hash is made again stays changed.
	p.clock.advance(time.Minute)
	p.store.before = func() { must(t, p.SetPassword(t.Context(), ada.Subject, secret+" and tenons")) }
	_, err = dearer.CheckPassword(t.Context(), people.Attempt{Username: "ada", Password: secret})
	must(t, err)
	must(t, p.try("ada", secret+" and tenons", ""))
}

// newDearer is a directory on the same store where passwords cost more.
func newDearer(t *testing.T, p *party) *people.Directory {
	t.Helper()
	d, err := people.New(people.Config{
		Store: p.store, Issuer: issuerURL, Secrets: func() [][]byte { return p.secrets }, Now: p.clock.Now,
		Cost: people.Cost{Memory: 16, Passes: 2}, InsecureCost: true,
	})
	must(t, err)
	return d
}

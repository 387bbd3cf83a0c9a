package people_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
	"github.com/tenon-auth/tenon/store"
)

func TestPasskey(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	tests := map[string]struct {
		edit    func(*peopletest.Authenticator)
		methods []people.Method
		acr     string
		amr     []string
	}{
		"bound to its device": {
			func(*peopletest.Authenticator) {},
			[]people.Method{people.HardwareKey, people.UserPresence, people.MultiFactor},
			"phrh",
			[]string{"hwk", "user", "mfa"},
		},
		"synced": {
			func(a *peopletest.Authenticator) { a.Synced, a.Stateless = true, true },
			[]people.Method{people.SoftwareKey, people.UserPresence, people.MultiFactor},
			"phr",
			[]string{"swk", "user", "mfa"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, made := p.passkey(ada, tt.edit)
			if made.Synced != a.Synced || made.Name != "phone" || !made.LastUsed.IsZero() {
				t.Errorf("made %+v", made)
			}
			for range 3 {
				p.clock.advance(time.Minute)
				person, methods, err := p.present(a)
				must(t, err)
				if person.Subject != ada.Subject || !cmp.Equal(methods, tt.methods) {
					t.Errorf("%s with %v", person.Subject, methods)
				}
				if acr := people.ACR(methods); acr != tt.acr || !cmp.Equal(people.AMR(methods), tt.amr) {
					t.Errorf("acr %q, amr %v", acr, people.AMR(methods))
				}
			}
			f, err := p.Factors(t.Context(), ada.Subject)
			must(t, err)
			for _, k := range f.Passkeys {
				if k.ID == made.ID && !k.LastUsed.Equal(p.clock.Now()) {
					t.Errorf("last used %s", k.LastUsed)
				}
			}
		})
	}
}

// What the browser is asked for (Web Authentication Level 3 §5.1.8, §5.1.9).
func TestPasskeyOptions(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	_, made := p.passkey(ada)
	creation, err := p.BeginPasskey(t.Context(), ada.Subject)
	must(t, err)
	var o struct {
		RP                     struct{ ID, Name string }
		User                   struct{ ID, Name, DisplayName string }
		Challenge              string
		PubKeyCredParams       []struct{ Alg int }
		Timeout                int
		Attestation            string
		ExcludeCredentials     []struct{ ID string }
		AuthenticatorSelection struct {
			ResidentKey, UserVerification string
			RequireResidentKey            bool
		}
	}
	must(t, json.Unmarshal(creation.Options, &o))
	if o.RP.ID != "id.example" || o.RP.Name != "Bank" || o.User.Name != "ada" || o.User.DisplayName != "Someone" {
		t.Errorf("for %+v at %+v", o.User, o.RP)
	}
	s := o.AuthenticatorSelection
	if s.ResidentKey != "required" || s.UserVerification != "required" || !s.RequireResidentKey {
		t.Errorf("asks for %+v", s)
	}
	if len(o.Challenge) < 43 || len(o.PubKeyCredParams) != 3 || o.Timeout != 300_000 || o.Attestation != "none" || len(o.ExcludeCredentials) != 1 {
		t.Errorf("asks for %+v", o)
	}
	login, err := p.BeginPasskeyLogin(t.Context())
	must(t, err)
	var l struct {
		Challenge, RPID, UserVerification string
		AllowCredentials                  []any
		Timeout                           int
	}
	must(t, json.Unmarshal(login.Options, &l))
	if l.RPID != "id.example" || l.UserVerification != "required" || len(l.AllowCredentials) != 0 || len(l.Challenge) < 43 || l.Timeout != 300_000 {
		t.Errorf("asks for %+v", l)
	}
	if strings.Contains(string(login.State), l.Challenge) || made.ID == "" {
		t.Error("the state can be read")
	}
}

func TestPasskeysAreManaged(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	a, made := p.passkey(ada)
	ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
	must(t, err)
	if _, err := a.Register(ceremony.Options); err == nil {
		t.Error("the same authenticator holds two passkeys of one person")
	}
	must(t, p.RenamePasskey(t.Context(), ada.Subject, made.ID, " laptop "))
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if f.Passkeys[0].Name != "laptop" {
		t.Errorf("is called %q", f.Passkeys[0].Name)
	}
	for _, name := range []string{strings.Repeat("x", 65), "a\x00b", "\xff"} {
		if err := p.RenamePasskey(t.Context(), ada.Subject, made.ID, name); err == nil {
			t.Errorf("may be called %q", name)
		}
	}
	for _, err := range []error{
		p.RenamePasskey(t.Context(), eve.Subject, made.ID, "mine"), p.RemovePasskey(t.Context(), eve.Subject, made.ID),
		p.RemovePasskey(t.Context(), ada.Subject, "x"), p.RemovePasskey(t.Context(), ada.Subject, strings.Repeat("x", 43)),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
	must(t, p.RemovePasskey(t.Context(), ada.Subject, made.ID))
	_, _, err = p.present(a)
	refused(t, err, "unknown")
}

// The credential of a passkey that was removed may come again, and at most 32 of them.
func TestPasskeysAreBounded(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	begun, err := p.BeginPasskey(t.Context(), ada.Subject)
	must(t, err)
	for range 32 {
		p.passkey(ada)
	}
	if _, err := p.BeginPasskey(t.Context(), ada.Subject); !errors.Is(err, people.ErrFull) {
		t.Errorf("got %v", err)
	}
	response, err := peopletest.New(origin).Register(begun.Options)
	must(t, err)
	if _, err := p.FinishPasskey(t.Context(), ada.Subject, begun.State, response, ""); !errors.Is(err, people.ErrFull) {
		t.Errorf("got %v", err)
	}
}

func TestPasskeyOfADisabledPerson(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	a, _ := p.passkey(ada)
	ada.Disabled = true
	_, err := p.Update(t.Context(), ada)
	must(t, err)
	_, _, err = p.present(a)
	refused(t, err, "disabled")
	must(t, p.Remove(t.Context(), ada.Subject))
	_, _, err = p.present(a)
	refused(t, err, "unknown")
}

// Password managers add outputs of extensions that nobody asked for (Web Authentication Level 3 §9).
func TestUnsolicitedExtensions(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	add := func(response []byte, err error) []byte {
		t.Helper()
		must(t, err)
		return []byte(strings.Replace(string(response), `"clientExtensionResults":{}`, `"clientExtensionResults":{"credProps":{"rk":true},"x":{}}`, 1))
	}
	a := peopletest.New(origin)
	creation, err := p.BeginPasskey(t.Context(), ada.Subject)
	must(t, err)
	_, err = p.FinishPasskey(t.Context(), ada.Subject, creation.State, add(a.Register(creation.Options)), "")
	must(t, err)
	login, err := p.BeginPasskeyLogin(t.Context())
	must(t, err)
	_, _, err = p.FinishPasskeyLogin(t.Context(), login.State, add(a.Login(login.Options)))
	must(t, err)
}

// Browsers leave the default port out of an origin, and write it small (RFC 6454 §6.1).
func TestPasskeyAtTheDefaultPort(t *testing.T) {
	p := newParty(t, func(c *people.Config) { c.Issuer = "https://ID.example:443/" })
	ada := p.join("ada")
	a, _ := p.passkey(ada, func(a *peopletest.Authenticator) { a.Origin = "https://id.example" })
	_, _, err := p.present(a)
	must(t, err)
	login, err := p.BeginPasskeyLogin(t.Context())
	must(t, err)
	if !strings.Contains(string(login.Options), `"rpId":"id.example"`) {
		t.Errorf("asks for %s", login.Options)
	}
}

// At a host that is an address there is nothing that a passkey could be bound to.
func TestNoPasskeysAtAnAddress(t *testing.T) {
	for _, issuer := range []string{"https://127.0.0.1:8443", "https://[::1]:8443"} {
		p := newParty(t, func(c *people.Config) { c.Issuer = issuer })
		ada := p.join("ada")
		_, err1 := p.BeginPasskeyLogin(t.Context())
		_, err2 := p.BeginPasskey(t.Context(), ada.Subject)
		_, _, err3 := p.FinishPasskeyLogin(t.Context(), nil, nil)
		_, err4 := p.FinishPasskey(t.Context(), ada.Subject, nil, nil, "")
		for _, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, people.ErrNoPasskeys) || p.HasPasskeys() {
				t.Errorf("%s: got %v", issuer, err)
			}
		}
		must(t, p.try("ada", secret, ""))
	}
	if p := newParty(t); !p.HasPasskeys() {
		t.Error("a domain name has none")
	}
}

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

// One thing is wrong at a time, and signed all the same.
func TestLoginMutations(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	device, _ := p.passkey(ada)
	synced, _ := p.passkey(ada, func(a *peopletest.Authenticator) { a.Synced = true })
	tests := map[string]struct {
		authenticator *peopletest.Authenticator
		edit          func(*peopletest.Answer)
		reason        string
	}{
		"§7.2 (10) a registration's type":          {device, func(a *peopletest.Answer) { a.Type = "webauthn.create" }, "assertion"},
		"§7.2 (11) another challenge":              {device, func(a *peopletest.Answer) { a.Challenge = strings.Repeat("A", 43) }, "assertion"},
		"§7.2 (12) another origin":                 {device, func(a *peopletest.Answer) { a.Origin = "https://evil.example" }, "assertion"},
		"§7.2 (12) a subdomain":                    {device, func(a *peopletest.Answer) { a.Origin = "https://x.id.example:8443" }, "assertion"},
		"§7.2 (12) another port":                   {device, func(a *peopletest.Answer) { a.Origin = "https://id.example" }, "assertion"},
		"§7.2 (12) http":                           {device, func(a *peopletest.Answer) { a.Origin = "http://id.example:8443" }, "assertion"},
		"§7.2 (12) an app":                         {device, func(a *peopletest.Answer) { a.Origin = "android:apk-key-hash:AAAA" }, "assertion"},
		"§7.2 (13) in a frame of another origin":   {device, func(a *peopletest.Answer) { a.CrossOrigin = true }, "assertion"},
		"§7.2 (14) a top origin":                   {device, func(a *peopletest.Answer) { a.TopOrigin = origin }, "assertion"},
		"§7.2 (15) another relying party":          {device, func(a *peopletest.Answer) { a.RPID = "evil.example" }, "assertion"},
		"§7.2 (15) the parent domain":              {device, func(a *peopletest.Answer) { a.RPID = "example" }, "assertion"},
		"§7.2 (16) nobody was there":               {device, func(a *peopletest.Answer) { a.Flags &^= peopletest.UserPresent }, "assertion"},
		"§7.2 (17) nobody was verified":            {device, func(a *peopletest.Answer) { a.Flags &^= peopletest.UserVerified }, "assertion"},
		"§7.2 (18) backed up but not eligible":     {device, func(a *peopletest.Answer) { a.Flags |= peopletest.BackedUp }, "assertion"},
		"§7.2 (19) becomes eligible for backup":    {device, func(a *peopletest.Answer) { a.Flags |= peopletest.BackupEligible }, "assertion"},
		"§7.2 (19) is no longer eligible":          {synced, func(a *peopletest.Answer) { a.Flags &^= peopletest.BackupEligible | peopletest.BackedUp }, "assertion"},
		"§7.2 (21) signed with another key":        {device, func(a *peopletest.Answer) { a.Forged = true }, "assertion"},
		"§7.2 (22) the count does not grow":        {device, func(a *peopletest.Answer) { a.Count-- }, "count"},
		"§7.2 (22) the count falls back to nought": {device, func(a *peopletest.Answer) { a.Count = 0 }, "count"},
		"§7.2 (6) no user handle":                  {device, func(a *peopletest.Answer) { a.Handle = nil }, "assertion"},
		"§7.2 (6) another person's handle":         {device, func(a *peopletest.Answer) { a.Handle = []byte(eve.Subject) }, "unknown"},
		"§7.2 (6) nobody's handle":                 {device, func(a *peopletest.Answer) { a.Handle = []byte("person:x") }, "unknown"},
		"§7.2 (6) a handle that is a path":         {device, func(a *peopletest.Answer) { a.Handle = []byte(ada.Subject + "/") }, "unknown"},
		"§7.2 (6) a credential nobody has":         {device, func(a *peopletest.Answer) { a.Credential = []byte("a credential nobody has") }, "unknown"},
	}
	good := func() {
		t.Helper()
		for _, a := range []*peopletest.Authenticator{device, synced} {
			person, _, err := p.present(a)
			must(t, err)
			if person.Subject != ada.Subject {
				t.Fatalf("logged in as %s", person.Subject)
			}
		}
	}
	good()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			good() // and so the count that is stored is the authenticator's
			tt.authenticator.Edit = tt.edit
			_, _, err := p.present(tt.authenticator)
			tt.authenticator.Edit = nil
			refused(t, err, tt.reason)
		})
	}
	good()
}

func TestRegistrationMutations(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	first := map[string][]byte{}
	p.passkey(eve, func(a *peopletest.Authenticator) {
		a.Edit = func(a *peopletest.Answer) { first["eve's"] = a.Credential }
	})
	tests := map[string]struct {
		edit   func(*peopletest.Answer)
		reason string
	}{
		"§7.1 (7) a login's type":                 {func(a *peopletest.Answer) { a.Type = "webauthn.get" }, "registration"},
		"§7.1 (8) another challenge":              {func(a *peopletest.Answer) { a.Challenge = strings.Repeat("A", 43) }, "registration"},
		"§7.1 (9) another origin":                 {func(a *peopletest.Answer) { a.Origin = "https://evil.example" }, "registration"},
		"§7.1 (9) another port":                   {func(a *peopletest.Answer) { a.Origin = "https://id.example" }, "registration"},
		"§7.1 (10) in a frame of another origin":  {func(a *peopletest.Answer) { a.CrossOrigin = true }, "registration"},
		"§7.1 (11) a top origin":                  {func(a *peopletest.Answer) { a.TopOrigin = origin }, "registration"},
		"§7.1 (14) another relying party":         {func(a *peopletest.Answer) { a.RPID = "evil.example" }, "registration"},
		"§7.1 (15) nobody was there":              {func(a *peopletest.Answer) { a.Flags &^= peopletest.UserPresent }, "registration"},
		"§7.1 (16) nobody was verified":           {func(a *peopletest.Answer) { a.Flags &^= peopletest.UserVerified }, "registration"},
		"§7.1 (17) backed up but not eligible":    {func(a *peopletest.Answer) { a.Flags |= peopletest.BackedUp }, "registration"},
		"§7.1 (20) an algorithm not asked for":    {func(a *peopletest.Answer) { a.Algorithm = -35 }, "registration"},
		"§7.1 (25) a credential id of 1024 bytes": {func(a *peopletest.Answer) { a.Credential = make([]byte, 1024) }, "form"},
		"§7.1 (26) another person's credential":   {func(a *peopletest.Answer) { a.Credential = first["eve's"] }, "registered"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
			must(t, err)
			a := peopletest.New(origin)
			a.Edit = tt.edit
			response, err := a.Register(ceremony.Options)
			must(t, err)
			_, err = p.FinishPasskey(t.Context(), ada.Subject, ceremony.State, response, "")
			refused(t, err, tt.reason)
		})
	}
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if len(f.Passkeys) != 0 {
		t.Errorf("%d passkeys were stored", len(f.Passkeys))
	}
	p.passkey(ada)
}

// A ceremony can be finished once, in time, for what and for whom it was begun.
func TestCeremonyState(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	a, _ := p.passkey(ada)
	login := func(t *testing.T) (state, response []byte) {
		t.Helper()
		ceremony, err := p.BeginPasskeyLogin(t.Context())
		must(t, err)
		response, err = a.Login(ceremony.Options)
		must(t, err)
		return ceremony.State, response
	}
	t.Run("a login is not replayed", func(t *testing.T) {
		a.Stateless = true // or the count would refuse it
		defer func() { a.Stateless = false }()
		synced, _ := p.passkey(eve, func(a *peopletest.Authenticator) { a.Stateless = true })
		ceremony, err := p.BeginPasskeyLogin(t.Context())
		must(t, err)
		response, err := synced.Login(ceremony.Options)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "replay")
		p.clock.advance(4*time.Minute + 59*time.Second)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "replay")
	})
	t.Run("five minutes", func(t *testing.T) {
		state, response := login(t)
		p.clock.advance(5 * time.Minute)
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "expired")
	})
	t.Run("a state that was altered", func(t *testing.T) {
		state, response := login(t)
		state[len(state)/2] ^= 1
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "state")
	})
	t.Run("the state of another login", func(t *testing.T) {
		_, response := login(t)
		state, _ := login(t)
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "assertion")
	})
	t.Run("a registration's state", func(t *testing.T) {
		_, response := login(t)
		ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "state")
	})
	t.Run("somebody else's registration", func(t *testing.T) {
		ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
		must(t, err)
		response, err := peopletest.New(origin).Register(ceremony.Options)
		must(t, err)
		_, err = p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		refused(t, err, "subject")
	})
	t.Run("a registration is not replayed", func(t *testing.T) {
		ceremony, err := p.BeginPasskey(t.Context(), eve.Subject)
		must(t, err)
		response, err := peopletest.New(origin).Register(ceremony.Options)
		must(t, err)
		made, err := p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		must(t, err)
		must(t, p.RemovePasskey(t.Context(), eve.Subject, made.ID))
		_, err = p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		refused(t, err, "replay")
	})
	t.Run("the secrets have rotated", func(t *testing.T) {
		state, response := login(t)
		p.secrets = [][]byte{key(2), key(1)}
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		must(t, err)
		state, response = login(t)
		p.secrets = [][]byte{key(3)}
		_, _, err = p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "state")
	})
}

// What is sealed rightly and says nothing is refused all the same.
func TestSealedNonsense(t *testing.T) {
	p := newParty(t)
	for plain, reason := range map[string]string{"": "state", "x": "state", "{}": "expired", `{"exp":9999999999}`: "form"} {
		state, err := p.Seal("passkey login", []byte(plain))
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), state, nil)
		refused(t, err, reason)
	}
}

func TestPasskeyAnswersThatAreNone(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	for name, response := range map[string]string{
		"nothing": "", "not JSON": "{", "an empty object": "{}", "null": "null", "more than 64 KiB": strings.Repeat(" ", 64<<10+1),
	} {
		t.Run(name, func(t *testing.T) {
			reason := "form"
			if len(response) > 64<<10 {
				reason = "size"
			}
			login, err := p.BeginPasskeyLogin(t.Context())
			must(t, err)
			_, _, err = p.FinishPasskeyLogin(t.Context(), login.State, []byte(response))
			refused(t, err, reason)
			creation, err := p.BeginPasskey(t.Context(), ada.Subject)
			must(t, err)
			_, err = p.FinishPasskey(t.Context(), ada.Subject, creation.State, []byte(response), "")
			refused(t, err, reason)
		})
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

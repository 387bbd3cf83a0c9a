package people_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

func TestDirectory(t *testing.T) {
	p := newParty(t)
	profile := people.Profile{
		Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Email: "ada@example.org", EmailVerified: true,
		Phone: "+442071838750", Locale: "en-GB", Address: people.Address{Street: "12 St James's Square", Country: "GB", Formatted: "12 St\nLondon"},
	}
	ada, err := p.Add(t.Context(), people.Person{Subject: "person:mine", Username: "ADA", Profile: profile})
	must(t, err)
	profile.Updated = p.clock.Now()
	want := people.Person{Subject: ada.Subject, Username: "ada", Profile: profile, Created: p.clock.Now()}
	if diff := cmp.Diff(want, ada); diff != "" || !strings.HasPrefix(ada.Subject, "person:") || ada.Subject == "person:mine" {
		t.Error(ada.Subject, diff)
	}
	got, err := p.Get(t.Context(), ada.Subject)
	must(t, err)
	found, err := p.Find(t.Context(), "Ada")
	must(t, err)
	if diff := cmp.Diff(ada, got) + cmp.Diff(ada, found); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"ada", "ADA", "ａｄａ"} {
		if _, err := p.Add(t.Context(), people.Person{Username: name}); !errors.Is(err, people.ErrExists) {
			t.Errorf("a second %s: %v", name, err)
		}
	}
	for _, err := range []error{
		second(p.Get(t.Context(), "person:x")), second(p.Get(t.Context(), "")), second(p.Get(t.Context(), "ada")),
		second(p.Get(t.Context(), "person:"+strings.Repeat("x", 2000))), second(p.Find(t.Context(), "eve")), second(p.Find(t.Context(), "a b")),
		second(p.Find(t.Context(), "")), p.Remove(t.Context(), "person:x"), second(p.Update(t.Context(), people.Person{Subject: "person:x", Username: "x"})),
		second(p.Factors(t.Context(), "person:x")), second(p.BeginPasskey(t.Context(), "person:x")),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestUsernames(t *testing.T) {
	for name, want := range map[string]string{
		"Ada": "ada", "ada@Example.ORG": "ada@example.org", "Zoë": "zoë", "zoe\u0308": "zoë", "İstanbul": "i\u0307stanbul", "Ω": "ω", "田中": "田中", "a_b-c.d+e": "a_b-c.d+e",
		"": "", "a b": "", "a\tb": "", "a\u200bb": "", "a\u202eb": "", "ﬁ": "", "Ⅳ": "", "☃": "", "a\x00": "", "\xff": "", "a/b": "a/b",
		strings.Repeat("a", 129): "", strings.Repeat("a", 128): strings.Repeat("a", 128),
	} {
		got, err := people.NormalizeUsername(name)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, people.ErrInvalid) {
			t.Errorf("%.20q: %.20q, %v; want %.20q", name, got, err, want)
		}
	}
}

func TestUpdate(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	created := ada.Created
	p.clock.advance(time.Minute)
	ada.Username, ada.Name, ada.Created = "Countess", "Ada", time.Time{}
	ada, err := p.Update(t.Context(), ada)
	must(t, err)
	if ada.Username != "countess" || !ada.Created.Equal(created) || !ada.Updated.Equal(p.clock.Now()) {
		t.Errorf("is %+v", ada)
	}
	must(t, p.try("countess", secret, ""))
	refused(t, p.try("ada", secret, ""), "unknown")
	eve.Username = "countess"
	if _, err := p.Update(t.Context(), eve); !errors.Is(err, people.ErrExists) {
		t.Errorf("two have one name: %v", err)
	}
	eve.Username = "ada"
	_, err = p.Update(t.Context(), eve)
	must(t, err)
	bad := people.Person{Subject: ada.Subject, Username: "countess"}
	for name, edit := range map[string]func(*people.Person){
		"no username":             func(p *people.Person) { p.Username = "" },
		"a control character":     func(p *people.Person) { p.Name = "a\x00b" },
		"a line in a name":        func(p *people.Person) { p.GivenName = "a\nb" },
		"not UTF-8":               func(p *people.Person) { p.Email = "\xff" },
		"too long":                func(p *people.Person) { p.FamilyName = strings.Repeat("x", 513) },
		"a control in an address": func(p *people.Person) { p.Address.Formatted = "a\x1bb" },
	} {
		edited := bad
		edit(&edited)
		if _, err := p.Update(t.Context(), edited); !errors.Is(err, people.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		edited.Subject = ""
		if _, err := p.Add(t.Context(), edited); !errors.Is(err, people.ErrInvalid) {
			t.Errorf("%s: added: %v", name, err)
		}
	}
}

// Nothing is left of a person who is removed, and nobody gets their subject.
func TestRemove(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	p.passkey(ada)
	p.passkey(ada)
	p.enroll(ada)
	p.enter(ada)
	p.store.before = func() { // a passkey that comes in the middle of it
		p.passkey(ada)
	}
	must(t, p.Remove(t.Context(), ada.Subject))
	for _, kind := range []store.Kind{"people", "usernames", "passwords", "one_time", "passkeys", "credentials", "sessions", "session_keys"} {
		records, err := p.store.Scan(t.Context(), store.Key{Kind: kind}, "", 100)
		must(t, err)
		for _, r := range records {
			t.Errorf("left: %s", r.Key)
		}
	}
	again := p.join("ada")
	if again.Subject == ada.Subject {
		t.Error("the subject is used again")
	}
}

// Who writes something of a person while they are removed leaves nothing behind.
func TestWritingWhilePersonIsRemoved(t *testing.T) {
	for name, write := range map[string]func(*party, people.Person) error{
		"a password": func(p *party, ada people.Person) error { return p.SetPassword(p.t.Context(), ada.Subject, secret) },
		"one-time codes": func(p *party, ada people.Person) error {
			const totp = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
			return second(p.ConfirmTOTP(p.t.Context(), ada.Subject, totp, p.code(totp, 0)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t)
			ada, err := p.Add(t.Context(), people.Person{Username: "ada"})
			must(t, err)
			p.store.before = func() { must(t, p.Remove(t.Context(), ada.Subject)) }
			if err := write(p, ada); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			for _, kind := range []store.Kind{"passwords", "one_time"} {
				if records, err := p.store.Scan(t.Context(), store.Key{Kind: kind}, "", 1); err != nil || len(records) > 0 {
					t.Errorf("left: %v %v", records, err)
				}
			}
		})
	}
}

func TestList(t *testing.T) {
	p := newParty(t)
	var want []string
	for i := range 5 {
		want = append(want, p.join(fmt.Sprintf("person%d", i)).Subject)
	}
	slices.Sort(want)
	var got []string
	for after := ""; ; {
		page, err := p.List(t.Context(), after, 2)
		must(t, err)
		for _, person := range page {
			got, after = append(got, person.Subject), person.Subject
		}
		if len(page) < 2 {
			break
		}
	}
	if !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOneOfManyGetsTheName(t *testing.T) {
	p := newParty(t)
	var group sync.WaitGroup
	var added atomic.Int64
	for range 50 {
		group.Go(func() {
			if _, err := p.Add(t.Context(), people.Person{Username: "ada"}); err == nil {
				added.Add(1)
			} else if !errors.Is(err, people.ErrExists) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if added.Load() != 1 {
		t.Errorf("%d were added", added.Load())
	}
}

// OpenID Connect Core 1.0 §5.1, §5.1.1
func TestClaims(t *testing.T) {
	full := people.Person{Subject: "person:1", Username: "ada", Profile: people.Profile{
		Name: "Ada L", GivenName: "Ada", FamilyName: "L", Email: "a@example.org", Phone: "+44", PhoneVerified: true, Locale: "en",
		Address: people.Address{Formatted: "f", Street: "s", Locality: "l", Region: "r", PostalCode: "p", Country: "c"}, Updated: time.Unix(1000, 0),
	}}
	for name, tt := range map[string]struct {
		person people.Person
		want   string
	}{
		"nothing known": {people.Person{Username: "ada"}, `{"preferred_username":"ada"}`},
		"everything": {full, `{"address":{"formatted":"f","street_address":"s","locality":"l","region":"r","postal_code":"p","country":"c"},` +
			`"email":"a@example.org","email_verified":false,"family_name":"L","given_name":"Ada","locale":"en","name":"Ada L",` +
			`"phone_number":"+44","phone_number_verified":true,"preferred_username":"ada","updated_at":1000}`},
	} {
		got, err := json.Marshal(tt.person.Claims())
		must(t, err)
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

package people_test

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
	"github.com/tenon-auth/tenon/store"
)

// enroll turns one-time codes on, and moves on to the next step of time.
func (p *party) enroll(person people.Person) (secret string, recovery []string) {
	p.t.Helper()
	e, err := p.BeginTOTP(p.t.Context(), person.Subject)
	must(p.t, err)
	recovery, err = p.ConfirmTOTP(p.t.Context(), person.Subject, e.Secret, p.code(e.Secret, 0))
	must(p.t, err)
	p.clock.advance(30 * time.Second)
	return e.Secret, recovery
}

// code is what the app shows at so many steps from now.
func (p *party) code(secret string, steps int) string {
	p.t.Helper()
	code, err := peopletest.Code(secret, p.clock.Now().Add(time.Duration(steps)*30*time.Second))
	must(p.t, err)
	return code
}

func (p *party) check(person people.Person, code, address string) (people.Method, error) {
	return p.CheckCode(p.t.Context(), person.Subject, code, address)
}

func TestEnrollment(t *testing.T) {
	p := newParty(t, func(c *people.Config) { c.Name = "Bank & Söhne" })
	ada := p.join("ada@example.org")
	e, err := p.BeginTOTP(t.Context(), ada.Subject)
	must(t, err)
	u, err := url.Parse(e.URL)
	must(t, err)
	q := u.Query()
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Bank & Söhne:ada@example.org" || q.Get("issuer") != "Bank & Söhne" ||
		q.Get("secret") != e.Secret || q.Get("digits") != "6" || q.Get("period") != "30" || len(e.Secret) != 32 {
		t.Errorf("made %s", e.URL)
	}
	if _, err := png.Decode(bytes.NewReader(e.PNG)); err != nil {
		t.Error(err)
	}
	if f, err := p.Factors(t.Context(), ada.Subject); err != nil || f.TOTP {
		t.Errorf("on before it was confirmed: %v %v", f, err)
	}
	for name, tt := range map[string]struct{ secret, code, reason string }{
		"a wrong code":        {e.Secret, "000000", "code"},
		"no code":             {e.Secret, "", "code"},
		"the code of a while": {e.Secret, p.code(e.Secret, -2), "code"},
		"a short secret":      {"ABCDEFGH", p.code("ABCDEFGH", 0), "secret"},
		"no secret":           {"", "", "secret"},
		"not base32":          {strings.Repeat("1", 32), "", "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.ConfirmTOTP(t.Context(), ada.Subject, tt.secret, tt.code)
			refused(t, err, tt.reason)
		})
	}
	recovery, err := p.ConfirmTOTP(t.Context(), ada.Subject, e.Secret, " "+p.code(e.Secret, 0)[:3]+" "+p.code(e.Secret, 0)[3:])
	must(t, err)
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if !f.TOTP || !f.Password || f.RecoveryCodes != 10 || len(recovery) != 10 {
		t.Errorf("%+v, %d codes", f, len(recovery))
	}
	_, err = p.check(ada, p.code(e.Secret, 0), "")
	refused(t, err, "code") // the code that confirmed it is spent
	if _, err := p.BeginTOTP(t.Context(), "person:nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := p.ConfirmTOTP(t.Context(), "person:nobody", e.Secret, p.code(e.Secret, 0)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Each step of time works once, and one step of drift is allowed either way (RFC 6238 §5.2).
func TestOneTimeCodes(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	secret, _ := p.enroll(ada)
	steps := []struct {
		advance time.Duration
		steps   int
		reason  string
	}{
		{0, 0, ""},
		{0, 0, "code"},                // twice
		{29 * time.Second, 0, "code"}, // still the same step
		{time.Second, 0, ""},
		{0, -1, "code"}, // the step before was used
		{0, 1, ""},
		{30 * time.Second, 0, "code"}, // used in advance
		{30 * time.Second, 2, "code"},
		{0, -2, "code"},
		{10 * time.Minute, -1, ""}, // a clock that is behind
		{0, 0, ""},
	}
	for i, s := range steps {
		p.clock.advance(s.advance)
		method, err := p.check(ada, p.code(secret, s.steps), fmt.Sprint(i))
		if s.reason != "" {
			refused(t, err, s.reason)
		} else if err != nil || method != people.OTP {
			t.Errorf("step %d: %v %v", i, method, err)
		}
	}
}

func TestRecoveryCodes(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	_, recovery := p.enroll(ada)
	p.enroll(eve)
	for i, written := range []string{recovery[0], strings.ToLower(recovery[1]), strings.ReplaceAll(recovery[2], "-", " "), strings.ReplaceAll(recovery[3], "0", "O")} {
		method, err := p.check(ada, written, fmt.Sprint(i))
		if err != nil || method != people.Recovery {
			t.Errorf("%s: %v %v", written, method, err)
		}
		_, err = p.check(ada, written, fmt.Sprint(i))
		refused(t, err, "code")
	}
	_, err := p.check(eve, recovery[5], "")
	refused(t, err, "code")
	newer, err := p.NewRecoveryCodes(t.Context(), ada.Subject)
	must(t, err)
	_, err = p.check(ada, recovery[6], "x")
	refused(t, err, "code")
	if method, err := p.check(ada, newer[0], "x"); err != nil || method != people.Recovery {
		t.Errorf("%v %v", method, err)
	}
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if f.RecoveryCodes != 9 {
		t.Errorf("%d are left", f.RecoveryCodes)
	}
	for text, want := range map[string]string{
		"": "", "0000-0000-0000-000": "", "0000-0000-0000-00000": "", "u000-0000-0000-0000": "", "0000-0000-0000-000\u00e9": "",
		"abcd-efgh-jkmn-pqil": "ABCDEFGHJKMNPQ11", strings.Repeat(" ", 65): "",
	} {
		if got := people.ReadRecovery(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	must(t, p.RemoveTOTP(t.Context(), ada.Subject))
	_, err = p.check(ada, newer[1], "y")
	refused(t, err, "no_codes") // they stood in for what is gone
	if _, err := p.NewRecoveryCodes(t.Context(), ada.Subject); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestCodesAreNotGuessed(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	secret, recovery := p.enroll(ada)
	device, err := p.Device("ada")
	must(t, err)
	for range 5 {
		_, err := p.check(ada, "000000", "192.0.2.1")
		refused(t, err, "code")
	}
	_, err = p.check(ada, p.code(secret, 0), "192.0.2.1")
	held(t, err)
	_, err = p.check(ada, recovery[0], "192.0.2.1")
	held(t, err)
	must(t, p.try("ada", "a long sentence about mortises", "192.0.2.1")) // passwords are counted apart
	for i := range 100 {
		_, _ = p.check(ada, "000000", fmt.Sprintf("198.51.100.%d", i)) // held after 15 more
	}
	_, err = p.check(ada, p.code(secret, 0), "203.0.113.1")
	held(t, err)
	method, err := p.CheckCodeFrom(t.Context(), ada.Subject, p.code(secret, 0), people.Attempt{Device: device})
	if err != nil || method != people.OTP {
		t.Errorf("not from the owner's device: %v %v", method, err)
	}
}

// Who must wait because of others has not tried, and is not held for it later.
func TestWaitingIsNotFailing(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	secret, _ := p.enroll(ada)
	for i := range 20 {
		_, err := p.check(ada, "000000", fmt.Sprintf("198.51.100.%d", i))
		refused(t, err, "code")
	}
	for range 30 {
		_, err := p.check(ada, p.code(secret, 0), "192.0.2.1")
		held(t, err)
	}
	if n := p.Counted(); n != 20 {
		t.Errorf("%d addresses have failed, want 20", n)
	}
	p.clock.advance(time.Second)
	must(t, second(p.check(ada, p.code(secret, 0), "192.0.2.1")))
}

func TestCodesOfNobody(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	_, err := p.check(people.Person{Subject: "person:nobody"}, "000000", "")
	refused(t, err, "unknown")
	_, err = p.check(ada, "000000", "")
	refused(t, err, "no_codes")
	secret, _ := p.enroll(ada)
	ada.Disabled = true
	_, err = p.Update(t.Context(), ada)
	must(t, err)
	_, err = p.check(ada, p.code(secret, 0), "")
	refused(t, err, "disabled")
}

// Of a hundred who send the same code at once, one is right.
func TestOneCodeSentByMany(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	secret, recovery := p.enroll(ada)
	for name, code := range map[string]string{"a step of time": p.code(secret, 0), "a recovery code": recovery[0]} {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			var right atomic.Int64
			for i := range 100 {
				device, err := p.Device("ada")
				must(t, err)
				group.Go(func() {
					_, err := p.CheckCodeFrom(t.Context(), ada.Subject, code, people.Attempt{Address: fmt.Sprint(i), Device: device})
					if err == nil {
						right.Add(1)
					} else if !errors.Is(err, people.ErrWrong) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if right.Load() != 1 {
				t.Errorf("%d were right", right.Load())
			}
		})
	}
}

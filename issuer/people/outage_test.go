package people_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
	"github.com/tenon-auth/tenon/store"
)

// A store that cannot be asked lets nobody in, and tells nobody that they were wrong.
func TestStoreOutage(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	code, recovery := p.enroll(ada)
	a, _ := p.passkey(ada)
	browser, _ := p.enter(ada)
	raised := people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd, people.OTP}}
	ctx := t.Context()
	acts := map[string]struct {
		reads bool // it needs no write
		act   func() error
	}{
		"password":         {true, func() error { return p.try("ada", secret, "") }},
		"unknown name":     {true, func() error { return p.try("nobody", secret, "") }},
		"one-time code":    {false, func() error { return second(p.check(ada, p.code(code, 0), "")) }},
		"recovery code":    {false, func() error { return second(p.check(ada, recovery[0], "")) }},
		"passkey":          {false, func() error { _, _, err := p.present(a); return err }},
		"session":          {true, func() error { return second(p.sessions.Get(ctx, browser)) }},
		"start":            {false, func() error { _, _, err := p.sessions.Start(ctx, raised); return err }},
		"raise":            {false, func() error { _, _, err := p.sessions.Raise(ctx, browser, raised); return err }},
		"end":              {false, func() error { return p.sessions.End(ctx, browser) }},
		"end one":          {false, func() error { return p.sessions.EndID(ctx, ada.Subject, "x") }},
		"end all":          {false, func() error { return p.sessions.EndAll(ctx, ada.Subject) }},
		"sessions":         {true, func() error { return second(p.sessions.Of(ctx, ada.Subject)) }},
		"factors":          {true, func() error { return second(p.Factors(ctx, ada.Subject)) }},
		"new password":     {false, func() error { return p.SetPassword(ctx, ada.Subject, secret) }},
		"no codes":         {false, func() error { return p.RemoveTOTP(ctx, ada.Subject) }},
		"new recovery":     {false, func() error { return second(p.NewRecoveryCodes(ctx, ada.Subject)) }},
		"somebody new":     {false, func() error { return second(p.Add(ctx, people.Person{Username: "new"})) }},
		"somebody changes": {false, func() error { return second(p.Update(ctx, ada)) }},
		"somebody goes":    {false, func() error { return p.Remove(ctx, ada.Subject) }},
	}
	gone := func(t *testing.T, outage error, act func() error) {
		t.Helper()
		for range 30 { // it is our fault, and counted against nobody
			if err := act(); !errors.Is(err, outage) || errors.Is(err, people.ErrWrong) || errors.Is(err, store.ErrNotFound) {
				t.Fatalf("got %v", err)
			}
		}
	}
	for name, a := range acts {
		t.Run(name, func(t *testing.T) {
			outage := errors.New("the disk is gone")
			p.store.failGet.Store(&outage)
			gone(t, outage, a.act)
			p.store.failGet.Store(nil)
			if a.reads || name == "end one" {
				return
			}
			for _, outage := range []error{outage, store.ErrUncertain} {
				p.store.failCommit.Store(&outage)
				gone(t, outage, a.act)
			}
			p.store.failCommit.Store(nil)
		})
	}
	// Everything works again, and nothing was spent.
	must(t, p.try("ada", secret, ""))
	for _, c := range []string{p.code(code, 0), recovery[0]} {
		must(t, second(p.check(ada, c, "")))
	}
	_, _, err := p.present(a)
	must(t, err)
	must(t, second(p.sessions.Get(ctx, browser)))
	p.clock.advance(30 * time.Minute)
	outage := errors.New("the disk is full")
	p.store.failCommit.Store(&outage)
	if _, err := p.sessions.Get(ctx, browser); !errors.Is(err, outage) {
		t.Errorf("a session whose use cannot be noted: %v", err)
	}
}

// Whatever strangers send, nothing of it is stored.
func TestStrangersWriteNothing(t *testing.T) {
	p := newParty(t)
	a, _ := p.passkey(p.join("ada"))
	a.Edit = func(a *peopletest.Answer) { a.Forged = true }
	before := p.store.commits.Load()
	for i := range 1000 {
		_, _, err := p.present(a)
		refused(t, err, "assertion")
		p.gone(people.KeyOf(fmt.Sprint(i)))
		must(t, p.sessions.End(t.Context(), strings.Repeat("A", 43)))
	}
	p.flood("ada", 1000)
	if n := p.store.commits.Load() - before; n != 0 {
		t.Errorf("%d writes", n)
	}
}

// A caller who goes away while waiting for a place has tried nothing.
func TestCallerGoesAway(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	free, err := p.Occupy(t.Context())
	must(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	before := p.Hashes()
	for range 30 {
		_, err = p.CheckPassword(gone, people.Attempt{Username: "ada", Password: "wrong"})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	free()
	if p.Hashes() != before || p.Counted() != 0 {
		t.Errorf("%d hashes, %d counted", p.Hashes()-before, p.Counted())
	}
	must(t, p.try("ada", secret, ""))
}

package people_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

// enter starts a session with a password.
func (p *party) enter(person people.Person) (secret string, s people.Session) {
	p.t.Helper()
	secret, s, err := p.sessions.Start(p.t.Context(), people.Session{
		Subject: person.Subject, Methods: []people.Method{people.Pwd}, Address: "192.0.2.1", Agent: "Browser",
	})
	must(p.t, err)
	return secret, s
}

// gone asserts that there is no such session.
func (p *party) gone(secret string) {
	p.t.Helper()
	if s, err := p.sessions.Get(p.t.Context(), secret); !errors.Is(err, store.ErrNotFound) {
		p.t.Errorf("got %+v, %v", s, err)
	}
}

func TestSession(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	secret, started := p.enter(ada)
	got, err := p.sessions.Get(t.Context(), secret)
	must(t, err)
	if diff := cmp.Diff(started, got); diff != "" {
		t.Error(diff)
	}
	now := p.clock.Now()
	want := people.Session{
		ID: got.ID, Subject: ada.Subject, Methods: []people.Method{people.Pwd}, AuthTime: now, Created: now, Seen: now,
		Expires: now.Add(time.Hour), Address: "192.0.2.1", Agent: "Browser",
	}
	if diff := cmp.Diff(want, got); diff != "" || got.ID == "" || got.ACR() != people.ACRPassword {
		t.Error(diff)
	}
	if len(secret) != 43 || strings.Contains(secret, got.ID) {
		t.Errorf("the secret is %s", secret)
	}
	for name, other := range map[string]string{
		"none": "", "its id": got.ID, "its subject": ada.Subject, "its record": people.KeyOf(secret), "cut": secret[1:],
		"padded": secret + "=", "of another": strings.Repeat("A", 43), "in two ways": secret[:42] + "_", "a path": "../" + secret[3:],
	} {
		if other != secret {
			t.Run(name, func(t *testing.T) { p.gone(other) })
		}
	}
	must(t, p.sessions.End(t.Context(), secret))
	p.gone(secret)
	must(t, p.sessions.End(t.Context(), secret)) // again
	must(t, p.sessions.End(t.Context(), "x"))
}

// The store holds no secret: whoever reads it can log in as nobody.
func TestTheStoreHasNoSecret(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	sessionSecret, _ := p.enter(ada)
	_, recovery := p.enroll(ada)
	for _, kind := range []store.Kind{"people", "usernames", "passwords", "one_time", "sessions", "session_keys"} {
		records, err := p.store.Scan(t.Context(), store.Key{Kind: kind}, "", 100)
		must(t, err)
		if len(records) == 0 {
			t.Errorf("no %s", kind)
		}
		for _, r := range records {
			text := r.Key.ID + string(r.Body)
			for _, s := range []string{sessionSecret, secret, recovery[0], strings.ReplaceAll(recovery[0], "-", "")} {
				if strings.Contains(text, s) {
					t.Errorf("%s holds %s", kind, s)
				}
			}
		}
	}
}

func TestSessionsEndByTime(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	t.Run("an hour without use", func(t *testing.T) {
		secret, _ := p.enter(ada)
		p.clock.advance(time.Hour - time.Second)
		_, err := p.sessions.Get(t.Context(), secret)
		must(t, err)
		p.clock.advance(time.Hour)
		p.gone(secret)
	})
	t.Run("twelve hours whatever the use", func(t *testing.T) {
		secret, _ := p.enter(ada)
		for range 23 {
			p.clock.advance(30 * time.Minute)
			s, err := p.sessions.Get(t.Context(), secret)
			must(t, err)
			if !s.Seen.Equal(p.clock.Now()) {
				t.Errorf("seen %s", s.Seen)
			}
		}
		p.clock.advance(30 * time.Minute)
		p.gone(secret)
	})
	t.Run("ten minutes for the second factor", func(t *testing.T) {
		secret, s, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd}, Pending: true})
		must(t, err)
		if s.ACR() != "" || !s.Pending {
			t.Errorf("worth %q", s.ACR())
		}
		for range 9 {
			p.clock.advance(time.Minute)
			_, err = p.sessions.Get(t.Context(), secret)
			must(t, err)
		}
		p.clock.advance(time.Minute)
		p.gone(secret)
	})
	t.Run("not every use is written", func(t *testing.T) {
		secret, _ := p.enter(ada)
		before := p.store.commits.Load()
		for range 100 {
			_, err := p.sessions.Get(t.Context(), secret)
			must(t, err)
		}
		if n := p.store.commits.Load() - before; n != 0 {
			t.Errorf("%d times", n)
		}
	})
}

// A change of what a session may do gives it a new secret: who knew the old one has nothing.
func TestRaise(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	old, before, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd}, Pending: true})
	must(t, err)
	p.clock.advance(time.Minute)
	full := people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd, people.OTP}}
	if _, _, err := p.sessions.Raise(t.Context(), old, people.Session{Subject: eve.Subject}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("rises to somebody else: %v", err)
	}
	newer, raised, err := p.sessions.Raise(t.Context(), old, full)
	must(t, err)
	if newer == old || raised.ID != before.ID || raised.Pending || !raised.AuthTime.Equal(p.clock.Now()) || raised.ACR() != people.ACRMulti {
		t.Errorf("raised to %+v", raised)
	}
	p.gone(old)
	got, err := p.sessions.Get(t.Context(), newer)
	must(t, err)
	if diff := cmp.Diff(raised, got); diff != "" {
		t.Error(diff)
	}
	if _, _, err := p.sessions.Raise(t.Context(), old, full); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old secret rises: %v", err)
	}
	p.clock.advance(time.Hour - time.Minute)
	_, err = p.sessions.Get(t.Context(), newer) // no longer the ten minutes
	must(t, err)
	must(t, p.sessions.End(t.Context(), newer))
	p.gone(newer)
}

// A session that rises between two readings is not seen or raised with the old secret.
func TestRaiseInTheMiddle(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	full := people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd, people.OTP}}
	for name, use := range map[string]func(old string) error{
		"seen":   func(old string) error { return second(p.sessions.Get(t.Context(), old)) },
		"raised": func(old string) error { _, _, err := p.sessions.Raise(t.Context(), old, full); return err },
	} {
		t.Run(name, func(t *testing.T) {
			old, _, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject, Pending: true})
			must(t, err)
			var newer string
			p.store.between = func() {
				newer, _, err = p.sessions.Raise(t.Context(), old, full)
				must(t, err)
			}
			if err := use(old); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			_, err = p.sessions.Get(t.Context(), newer)
			must(t, err)
		})
	}
}

func TestOneOfManyRises(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	old, _ := p.enter(ada)
	var group sync.WaitGroup
	var risen atomic.Int64
	for range 50 {
		group.Go(func() {
			_, _, err := p.sessions.Raise(t.Context(), old, people.Session{Subject: ada.Subject, Methods: []people.Method{people.Pwd, people.OTP}})
			if err == nil {
				risen.Add(1)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if risen.Load() != 1 {
		t.Errorf("%d have risen", risen.Load())
	}
}

func TestSessionsOfAPerson(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	evesSecret, evesSession := p.enter(eve)
	first, one := p.enter(ada)
	p.clock.advance(time.Second)
	second, two := p.enter(ada)
	pending, _, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject, Pending: true})
	must(t, err)
	of, err := p.sessions.Of(t.Context(), ada.Subject)
	must(t, err)
	if len(of) != 2 || of[0].ID != two.ID || of[1].ID != one.ID {
		t.Errorf("has %+v", of)
	}
	for _, id := range []string{evesSession.ID, "", "x", "../" + eve.Subject + "/" + evesSession.ID, strings.Repeat("x", 2000)} {
		if err := p.sessions.EndID(t.Context(), ada.Subject, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: got %v", id, err)
		}
	}
	must(t, p.sessions.EndID(t.Context(), ada.Subject, one.ID))
	p.gone(first)
	_, err = p.sessions.Get(t.Context(), second)
	must(t, err)
	must(t, p.sessions.EndAll(t.Context(), ada.Subject))
	p.gone(second)
	p.gone(pending)
	_, err = p.sessions.Get(t.Context(), evesSecret)
	must(t, err)
}

// A person has at most 64 sessions; one more ends the one that was not seen for longest.
func TestSessionsAreBounded(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	oldest, _ := p.enter(ada)
	p.clock.advance(time.Second)
	next, _ := p.enter(ada)
	p.clock.advance(10 * time.Minute)
	_, err := p.sessions.Get(t.Context(), oldest) // seen: no longer the first to go
	must(t, err)
	for range 63 {
		p.enter(ada)
	}
	p.gone(next)
	_, err = p.sessions.Get(t.Context(), oldest)
	must(t, err)
	of, err := p.sessions.Of(t.Context(), ada.Subject)
	must(t, err)
	if len(of) != 64 {
		t.Errorf("has %d", len(of))
	}
}

// The end of a person is the end of their sessions, also of one that started at the same moment.
func TestSessionsEndWithThePerson(t *testing.T) {
	for name, end := range map[string]func(*party, people.Person) error{
		"disabled": func(p *party, ada people.Person) error {
			ada.Disabled = true
			_, err := p.Update(p.t.Context(), ada)
			return err
		},
		"removed": func(p *party, ada people.Person) error { return p.Remove(p.t.Context(), ada.Subject) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t)
			ada := p.join("ada")
			before, _ := p.enter(ada)
			var late string
			p.store.before = func() { late, _ = p.enter(ada) }
			must(t, end(p, ada))
			p.gone(before)
			p.gone(late)
			if _, _, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("starts another: %v", err)
			}
			if name == "disabled" {
				_, err := p.Update(t.Context(), ada) // enabled again
				must(t, err)
				p.gone(before)
				p.gone(late)
			}
		})
	}
}

func TestSessionTextsAreBounded(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	_, s, err := p.sessions.Start(t.Context(), people.Session{Subject: ada.Subject, Agent: strings.Repeat("é", 1000), Address: strings.Repeat("1", 1000)})
	must(t, err)
	if s.Agent != strings.Repeat("é", 128) || len(s.Address) != 64 {
		t.Errorf("keeps %d and %d bytes", len(s.Agent), len(s.Address))
	}
}

func TestNewSessions(t *testing.T) {
	_, err := people.NewSessions(people.SessionConfig{Idle: -1})
	if err == nil || !strings.Contains(err.Error(), "store") || !strings.Contains(err.Error(), "Idle") {
		t.Errorf("got %v", err)
	}
	p := newParty(t)
	s, err := people.NewSessions(people.SessionConfig{Store: p.store})
	must(t, err)
	if _, err := s.Get(t.Context(), strings.Repeat("A", 43)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

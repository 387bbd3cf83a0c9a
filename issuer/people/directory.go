package people

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"github.com/tenon-auth/tenon/store"
)

// A Directory keeps people and what they prove who they are with. Its methods may be called from many goroutines at once.
type Directory struct {
	store    store.Store
	name     string
	secrets  func() [][]byte
	now      func() time.Time
	hasher   *hasher
	gates    gates
	webauthn *webauthn.WebAuthn // nil where passkeys cannot work
}

// New makes a Directory. It reports everything that is wrong with the Config.
func New(c Config) (*Directory, error) {
	c.Cost = c.Cost.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Table == 0 {
		c.Table = 16384
	}
	origin, _ := c.origin() // validate has read it
	if c.Name == "" {
		c.Name = origin.Hostname()
	}
	w, err := newWebAuthn(origin, c.Name)
	if err != nil {
		return nil, err
	}
	return &Directory{
		store: c.Store, name: c.Name, secrets: c.Secrets, now: c.Now,
		hasher: newHasher(c.Cost), gates: newGates(c.Table), webauthn: w,
	}, nil
}

const subjectPrefix = "person:"

// Add adds somebody new. It gives the person with Subject, Created and the normalised Username. [ErrExists] means that the
// username is taken.
func (d *Directory) Add(ctx context.Context, p Person) (Person, error) {
	name, err := NormalizeUsername(p.Username)
	if err != nil {
		return Person{}, err
	}
	if err := p.validate(); err != nil {
		return Person{}, err
	}
	p.Subject, p.Username = subjectPrefix+uuid.NewString(), name
	p.Created = d.now().UTC().Truncate(time.Second)
	p.Updated = p.Created
	err = d.change(ctx, func(ch *store.Change) error {
		if err := d.free(ctx, name); err != nil {
			return err
		}
		return errors.Join(peopleRecords.Insert(ch, p.Subject, p, time.Time{}), usernames.Insert(ch, name, p.Subject, time.Time{}))
	})
	if err != nil {
		return Person{}, err
	}
	return p, nil
}

// free gives ErrExists when somebody has the username.
func (d *Directory) free(ctx context.Context, name string) error {
	switch _, err := usernames.Get(ctx, d.store, name); {
	case err == nil:
		return ErrExists
	case errors.Is(err, store.ErrNotFound):
		return nil
	default:
		return err
	}
}

// Get gives the person with the subject, also a disabled one. [store.ErrNotFound] means that there is none.
func (d *Directory) Get(ctx context.Context, subject string) (Person, error) {
	item, err := d.person(ctx, subject)
	return item.Value, err
}

func (d *Directory) person(ctx context.Context, subject string) (store.Item[Person], error) {
	if !strings.HasPrefix(subject, subjectPrefix) || len(subject) > 64 {
		return store.Item[Person]{}, store.ErrNotFound // what a browser sent, for example as the handle of a passkey
	}
	return peopleRecords.Get(ctx, d.store, subject)
}

// Find gives the person with the username in any way of writing it. [store.ErrNotFound] means that there is none.
func (d *Directory) Find(ctx context.Context, username string) (Person, error) {
	name, err := NormalizeUsername(username)
	if err != nil {
		return Person{}, store.ErrNotFound
	}
	item, err := usernames.Get(ctx, d.store, name)
	if err != nil {
		return Person{}, err
	}
	return d.Get(ctx, item.Value)
}

// List gives at most n people whose subjects come after the given one, in the order of their subjects.
func (d *Directory) List(ctx context.Context, after string, n int) ([]Person, error) {
	items, err := peopleRecords.Scan(ctx, d.store, "", after, n)
	if err != nil {
		return nil, err
	}
	people := make([]Person, len(items))
	for i, item := range items {
		people[i] = item.Value
	}
	return people, nil
}

// Update changes username, profile and Disabled of the person with p.Subject. Disabling ends the person's sessions.
func (d *Directory) Update(ctx context.Context, p Person) (Person, error) {
	name, err := NormalizeUsername(p.Username)
	if err != nil {
		return Person{}, err
	}
	if err := p.validate(); err != nil {
		return Person{}, err
	}
	err = d.change(ctx, func(ch *store.Change) error {
		item, err := d.person(ctx, p.Subject)
		if err != nil {
			return err
		}
		before := item.Value
		p.Username, p.Created, p.Updated = name, before.Created, d.now().UTC().Truncate(time.Second)
		item.Value = p
		if err := peopleRecords.Replace(ch, item); err != nil {
			return err
		}
		if p.Disabled || before.Disabled { // also when enabled again: one that started in the middle of disabling must not wake up
			if err := endSessions(ctx, d.store, ch, p.Subject); err != nil {
				return err
			}
		}
		return d.rename(ctx, ch, before, name)
	})
	if err != nil {
		return Person{}, err
	}
	return p, nil
}

// rename moves a person to a new username.
func (d *Directory) rename(ctx context.Context, ch *store.Change, p Person, name string) error {
	if p.Username == name {
		return nil
	}
	if err := d.free(ctx, name); err != nil {
		return err
	}
	old, err := usernames.Get(ctx, d.store, p.Username)
	if err != nil {
		return fmt.Errorf("people: the username of %s: %w", p.Subject, err)
	}
	usernames.Delete(ch, old)
	return usernames.Insert(ch, name, p.Subject, time.Time{})
}

// Remove forgets a person with everything that is kept of them. Their sessions end.
func (d *Directory) Remove(ctx context.Context, subject string) error {
	return d.change(ctx, func(ch *store.Change) error {
		item, err := d.person(ctx, subject)
		if err != nil {
			return err
		}
		peopleRecords.Delete(ch, item)
		return errors.Join(
			drop(ctx, d.store, ch, usernames, item.Value.Username),
			drop(ctx, d.store, ch, passwords, subject),
			drop(ctx, d.store, ch, oneTimes, subject),
			d.dropPasskeys(ctx, ch, subject),
			endSessions(ctx, d.store, ch, subject),
		)
	})
}

package people

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// An Attempt is a name and a password that somebody sent.
type Attempt struct {
	Username string
	Password string
	Address  string // where it came from: an IP address, with or without port
	Device   string // what [Directory.Device] gave that browser, or ""
}

// SetPassword gives a person a new password. [ErrWeak] means that it is too easy to guess; [store.ErrNotFound] that there is no
// such person. Sessions stay: whoever changes a password because somebody else may know it calls [Sessions.EndAll] too.
func (d *Directory) SetPassword(ctx context.Context, subject, password string) error {
	p, err := d.Get(ctx, subject)
	if err != nil {
		return err
	}
	prepared, err := judgePassword(password, p.Username)
	if err != nil {
		return err
	}
	leave, err := d.hasher.known.enter(ctx) // who may do this is known to the caller
	if err != nil {
		return err
	}
	defer leave()
	record := passwordRecord{Hash: d.hasher.hash(prepared), Changed: d.now().UTC().Truncate(time.Second)}
	return d.change(ctx, func(ch *store.Change) error {
		if _, err := d.guard(ctx, ch, subject); err != nil {
			return err
		}
		return put(ctx, d.store, ch, passwords, subject, record)
	})
}

// RemovePassword makes a person log in with passkeys only.
func (d *Directory) RemovePassword(ctx context.Context, subject string) error {
	return d.change(ctx, func(ch *store.Change) error { return drop(ctx, d.store, ch, passwords, subject) })
}

// CheckPassword gives the person whose name and password somebody sent. [ErrWrong] means that it is not right, for whatever reason; the
// answer and the work for it are the same for an unknown name, a disabled person and a wrong password. (After a change of
// Config.Cost, those who have not logged in since are the exception.) A *[Throttled] says how long to wait, [ErrBusy] that there is no
// room. Anything else is a fault of ours. A person with one-time codes is not logged in yet: see [Directory.Factors] and
// [Directory.CheckCodeFrom].
func (d *Directory) CheckPassword(ctx context.Context, a Attempt) (Person, error) {
	known := d.knows(a.Device, a.Username)
	toll := d.gates.password(a, known)
	if err := toll.look(d.now()); err != nil {
		return Person{}, err // before anything dear is done
	}
	leave, err := d.hasher.of(known != "").enter(ctx)
	if err != nil {
		return Person{}, err
	}
	defer leave()
	acc, err := d.account(ctx, a) // not before the wait: the password may be changed in the meantime
	if err != nil {
		return Person{}, err
	}
	if err := toll.pay(d.now()); err != nil {
		return Person{}, err
	}
	if right := d.hasher.compare(acc.hash, acc.password); !right || acc.reason != "" {
		toll.keep(d.now())
		return Person{}, wrong(cmp.Or(acc.reason, "password"), nil)
	}
	toll.giveBack()
	return acc.person, d.rehash(ctx, acc)
}

// An account is what an Attempt is about. Where there is nothing to log in to, it has a reason and a hash that nothing matches.
type account struct {
	person   Person
	hash     phc
	password string // as it is hashed
	reason   string
}

// account reads what is kept of the person an Attempt names. It asks the store as often for a stranger as for a person.
func (d *Directory) account(ctx context.Context, a Attempt) (account, error) {
	name, noName := usernames.Get(ctx, d.store, lookupName(a.Username))
	person, noPerson := peopleRecords.Get(ctx, d.store, subjectOr(name.Value))
	record, noPassword := passwords.Get(ctx, d.store, subjectOr(name.Value))
	for _, err := range []error{noName, noPerson, noPassword} {
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return account{}, err
		}
	}
	prepared, unfit := preparePassword(a.Password)
	nobody := func(reason string) (account, error) { return account{hash: d.hasher.nobody, reason: reason}, nil }
	switch {
	case noName != nil || noPerson != nil:
		return nobody("unknown")
	case person.Value.Disabled:
		return nobody("disabled")
	case noPassword != nil:
		return nobody("no_password")
	case unfit != nil:
		return nobody("password") // it can be nobody's
	}
	hash, err := parsePHC(record.Value.Hash)
	return account{person: person.Value, hash: hash, password: prepared}, err
}

// lookupName is the username to look for; one that nobody can have finds nobody.
func lookupName(username string) string {
	name, err := NormalizeUsername(username)
	if err != nil {
		return " "
	}
	return name
}

// subjectOr is the subject to look for; a stranger's finds nobody.
func subjectOr(subject string) string {
	if subject == "" {
		return subjectPrefix + "00000000-0000-0000-0000-000000000000"
	}
	return subject
}

// rehash stores the hash of a password anew when it was made at another cost. The caller has a place to hash in.
func (d *Directory) rehash(ctx context.Context, acc account) error {
	if !d.hasher.outdated(acc.hash) {
		return nil
	}
	before := acc.hash.String()
	record := passwordRecord{Hash: d.hasher.hash(acc.password)}
	return d.change(ctx, func(ch *store.Change) error {
		item, err := passwords.Get(ctx, d.store, acc.person.Subject)
		if errors.Is(err, store.ErrNotFound) || err == nil && item.Value.Hash != before {
			return nil // changed or removed meanwhile: that stands
		}
		if err != nil {
			return err
		}
		item.Value.Hash = record.Hash
		return passwords.Replace(ch, item)
	})
}

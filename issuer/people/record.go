package people

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// The kinds of record that are kept of people. What belongs to one person has the subject as its id or at its start.
var (
	peopleRecords   = store.Collection[Person]{Kind: "people"}
	usernames       = store.Collection[string]{Kind: "usernames"} // normalised username: subject
	passwords       = store.Collection[passwordRecord]{Kind: "passwords"}
	oneTimes        = store.Collection[oneTime]{Kind: "one_time"}
	passkeyRecords  = store.Collection[passkeyRecord]{Kind: "passkeys"}  // subject/passkey id
	credentials     = store.Collection[string]{Kind: "credentials"}      // passkey id: subject; a credential has one owner
	spentChallenges = store.Collection[struct{}]{Kind: "challenges"}     // while their ceremony could be finished again
	sessionRecords  = store.Collection[sessionRecord]{Kind: "sessions"}  // subject/session id
	sessionKeys     = store.Collection[sessionKey]{Kind: "session_keys"} // SHA-256 of the secret in the cookie
)

type passwordRecord struct {
	Hash    string    `json:"hash"` // PHC string format
	Changed time.Time `json:"changed"`
}

// maxTries is how often a change is built again when somebody else was faster.
const maxTries = 16

// change commits what build adds to a Change, and lets it build again from fresh readings when a precondition no longer holds.
func (d *Directory) change(ctx context.Context, build func(*store.Change) error) error {
	return commitChange(ctx, d.store, build)
}

func commitChange(ctx context.Context, s store.Store, build func(*store.Change) error) error {
	var conflict *store.Conflict
	for range maxTries {
		ch := &store.Change{}
		if err := build(ch); err != nil {
			return err
		}
		if ch.Empty() {
			return nil
		}
		_, err := s.Commit(ctx, ch)
		if !errors.As(err, &conflict) {
			return err
		}
	}
	return conflict
}

// guard makes a Change fail when the person is gone or changed in the meantime, so that nothing is left behind by one who
// writes while another removes the person.
func (d *Directory) guard(ctx context.Context, ch *store.Change, subject string) (Person, error) {
	item, err := d.person(ctx, subject)
	if err != nil {
		return Person{}, err
	}
	return item.Value, peopleRecords.Replace(ch, item)
}

// drop adds to the Change the removal of an item if there is one.
func drop[T any](ctx context.Context, s store.Store, ch *store.Change, c store.Collection[T], id string) error {
	item, err := c.Get(ctx, s, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Delete(ch, item)
	return nil
}

// put adds to the Change the value of an item, whether it is there already or not.
func put[T any](ctx context.Context, s store.Store, ch *store.Change, c store.Collection[T], id string, v T) error {
	item, err := c.Get(ctx, s, id)
	if errors.Is(err, store.ErrNotFound) {
		return c.Insert(ch, id, v, time.Time{})
	}
	if err != nil {
		return err
	}
	item.Value = v
	return c.Replace(ch, item)
}

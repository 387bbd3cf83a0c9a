package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

var (
	// ErrClient means that a registration is not good: every fault is in the text.
	ErrClient = errors.New("the client cannot be registered like this")
	// ErrClientExists means that another client has the id.
	ErrClientExists = errors.New("a client with this id exists")
	// ErrChanged means that somebody else changed the same thing at the same time: read it again.
	ErrChanged = errors.New("it was changed by somebody else in the meantime")
)

// Admin is what an operator does to an issuer, through the running server or on the store itself. A thing that does not
// exist is store.ErrNotFound.
type Admin struct {
	Store   store.Store
	Log     Recorder // required for whatever changes something
	Keyring *Keyring // may be nil when no method about keys is called
	Profile Profile
	Tokens  TokenPolicy // as the issuer's, for what Revoke tells
}

// AddClient registers a client. Without an id it gets a random one.
func (a *Admin) AddClient(ctx context.Context, c Client) (Client, error) {
	if c.ID == "" {
		id, err := uuid.NewRandom()
		if err != nil {
			return Client{}, err
		}
		c.ID = id.String()
	}
	if err := a.validate(c); err != nil {
		return Client{}, fmt.Errorf("%w: %w", ErrClient, err)
	}
	var change store.Change
	if err := clientRecords.Insert(&change, c.ID, c, time.Time{}); err != nil {
		return Client{}, err
	}
	return c, a.commitClient(ctx, &change, clientChange{c.ID, "added"}, ErrClientExists)
}

// validate reports everything that is wrong with a registration at this server.
func (a *Admin) validate(c Client) error {
	if a.Keyring == nil {
		return c.Validate(a.Profile)
	}
	return errors.Join(c.Validate(a.Profile), c.checkAlgorithms(a.Keyring.algorithms()))
}

// Client reads one registration.
func (a *Admin) Client(ctx context.Context, id string) (Client, error) {
	item, err := clientRecords.Get(ctx, a.Store, id)
	return item.Value, err
}

// Clients reads at most n registrations whose ids come after the given one, in the order of their ids.
func (a *Admin) Clients(ctx context.Context, after string, n int) ([]Client, error) {
	items, err := clientRecords.Scan(ctx, a.Store, "", after, n)
	if err != nil {
		return nil, err
	}
	clients := make([]Client, len(items))
	for i, item := range items {
		clients[i] = item.Value
	}
	return clients, nil
}

// UpdateClient puts a registration in the place of the one with the same id. Tokens issued before stay as they are.
func (a *Admin) UpdateClient(ctx context.Context, c Client) (Client, error) {
	if err := a.validate(c); err != nil {
		return Client{}, fmt.Errorf("%w: %w", ErrClient, err)
	}
	item, err := clientRecords.Get(ctx, a.Store, c.ID)
	if err != nil {
		return Client{}, err
	}
	item.Value = c
	var change store.Change
	if err := clientRecords.Replace(&change, item); err != nil {
		return Client{}, err
	}
	return c, a.commitClient(ctx, &change, clientChange{c.ID, "changed"}, ErrChanged)
}

// RemoveClient revokes the client's tokens and forgets its registration.
func (a *Admin) RemoveClient(ctx context.Context, id string) error {
	if _, err := a.Revoke(ctx, Revocation{ClientID: id}); err != nil {
		return err
	}
	item, err := clientRecords.Get(ctx, a.Store, id)
	if err != nil {
		return err
	}
	var change store.Change
	clientRecords.Delete(&change, item)
	return a.commitClient(ctx, &change, clientChange{id, "removed"}, ErrChanged)
}

// Keys lists the signing keys, oldest first.
func (a *Admin) Keys() []SigningKey { return a.Keyring.List() }

// RotateKey brings the next signing key forward; see [Keyring.Rotate].
func (a *Admin) RotateKey(ctx context.Context) (SigningKey, error) { return a.Keyring.Rotate(ctx) }

// RotateKeyUnpublished makes the next signing key sign at once; see [Keyring.RotateUnpublished].
func (a *Admin) RotateKeyUnpublished(ctx context.Context) (SigningKey, error) {
	return a.Keyring.RotateUnpublished(ctx)
}

// isConflict reports whether a change met something that was there before it.
func isConflict(err error) bool {
	_, ok := errors.AsType[*store.Conflict](err)
	return ok
}

// commit commits a change and gives conflict when it meets one.
func (a *Admin) commit(ctx context.Context, change *store.Change, conflict error) error {
	_, err := a.Store.Commit(ctx, change)
	if isConflict(err) {
		return conflict
	}
	return err
}

// A clientChange is what the log keeps, under a commitment, of a change of a registration.
type clientChange struct {
	Client string `json:"client_id"`
	Change string `json:"change"` // added, changed, disabled or removed
}

// commitClient commits a change of a registration together with its entry.
func (a *Admin) commitClient(ctx context.Context, change *store.Change, what clientChange, conflict error) error {
	err := record(ctx, a.Log, change, audit.Entry{Type: audit.ClientChanged, Client: what.Client, Detail: what})
	if err != nil {
		return err
	}
	return a.commit(ctx, change, conflict)
}

package people

import (
	"context"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon/store"
)

// Of gives the sessions in which a person is logged in, newest first.
func (s *Sessions) Of(ctx context.Context, subject string) ([]Session, error) {
	var sessions []Session
	for item, err := range sessionRecords.All(ctx, s.store, subject+"/") {
		if err != nil {
			return nil, err
		}
		if !item.Value.Pending && s.now().Before(item.Value.Expires) {
			sessions = append(sessions, item.Value.Session)
		}
	}
	slices.SortFunc(sessions, func(a, b Session) int { return b.Created.Compare(a.Created) })
	return sessions, nil
}

// End logs out whoever has the secret. That there is no such session is no error.
func (s *Sessions) End(ctx context.Context, secret string) error {
	key := keyOf(secret)
	if key == "" {
		return nil
	}
	return commitChange(ctx, s.store, func(ch *store.Change) error {
		lead, err := sessionKeys.Get(ctx, s.store, key)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(drop(ctx, s.store, ch, sessionRecords, lead.Value.Session), drop(ctx, s.store, ch, sessionKeys, key))
	})
}

// EndID ends one session of a person by its ID. [store.ErrNotFound] means that the person has no such session.
func (s *Sessions) EndID(ctx context.Context, subject, id string) error {
	if len(id) > 64 {
		return store.ErrNotFound // what a browser sent, and longer than the store lets an id be
	}
	return commitChange(ctx, s.store, func(ch *store.Change) error {
		item, err := sessionRecords.Get(ctx, s.store, subject+"/"+id)
		if err != nil {
			return err
		}
		return endSession(ctx, s.store, ch, item)
	})
}

// EndAll logs a person out everywhere, also where the second factor is still missing.
func (s *Sessions) EndAll(ctx context.Context, subject string) error {
	return commitChange(ctx, s.store, func(ch *store.Change) error { return endSessions(ctx, s.store, ch, subject) })
}

// endSessions adds to the Change the end of all sessions of a person.
func endSessions(ctx context.Context, s store.Store, ch *store.Change, subject string) error {
	for item, err := range sessionRecords.All(ctx, s, subject+"/") {
		if err != nil {
			return err
		}
		if err := endSession(ctx, s, ch, item); err != nil {
			return err
		}
	}
	return nil
}

func endSession(ctx context.Context, s store.Store, ch *store.Change, item store.Item[sessionRecord]) error {
	sessionRecords.Delete(ch, item)
	return drop(ctx, s, ch, sessionKeys, item.Value.Key)
}

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// declared remembers which clients the configuration file owned when it was last applied, so that one that has left the file
// leaves the store, and one that a command has added is never touched.
var declared = store.Collection[[]string]{Kind: "declared"}

const declaredClients = "clients"

// Declare makes the store hold exactly the declared clients, beside those that commands have added. The file owns a client
// from the moment its id is remembered, which is before it is registered: a crash in between is mended by the next Declare.
func Declare(ctx context.Context, a *issuer.Admin, clients []issuer.Client) error {
	item, err := declared.Get(ctx, a.Store, declaredClients)
	known := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	before := item.Value
	var ids []string
	for _, c := range clients {
		if err := mayDeclare(ctx, a, c.ID, before); err != nil {
			return err
		}
		ids = append(ids, c.ID)
	}
	if err := remember(ctx, a.Store, item, known, union(before, ids)); err != nil {
		return err
	}
	for _, c := range clients {
		if err := put(ctx, a, c); err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
	}
	return forget(ctx, a, before, ids)
}

// mayDeclare refuses to take over a client that a command has added.
func mayDeclare(ctx context.Context, a *issuer.Admin, id string, before []string) error {
	if slices.Contains(before, id) {
		return nil
	}
	_, err := a.Client(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("client %q is declared in the configuration file and was added by command before: `tenon client rm %s`, or take it out of the file", id, id)
}

// put registers a declared client, or replaces what the store has of it when that is another. A client that the file newly
// disables loses its tokens too.
func put(ctx context.Context, a *issuer.Admin, c issuer.Client) error {
	known, err := a.Client(ctx, c.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = a.AddClient(ctx, c)
		return err
	case err != nil:
		return err
	}
	if same, err := sameRegistration(known, c); err != nil || same {
		return err
	}
	if _, err := a.UpdateClient(ctx, c); err != nil {
		return err
	}
	if c.Disabled {
		_, err = a.Revoke(ctx, issuer.Revocation{ClientID: c.ID})
	}
	return err
}

// sameRegistration compares what would be written.
func sameRegistration(a, b issuer.Client) (bool, error) {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return bytes.Equal(x, y), errors.Join(errX, errY)
}

// forget removes the clients that have left the file, and their tokens with them.
func forget(ctx context.Context, a *issuer.Admin, before, now []string) error {
	for _, id := range before {
		if slices.Contains(now, id) {
			continue
		}
		if err := a.RemoveClient(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("client %q: %w", id, err)
		}
	}
	item, err := declared.Get(ctx, a.Store, declaredClients)
	if err != nil {
		return err
	}
	return remember(ctx, a.Store, item, true, now)
}

func remember(ctx context.Context, s store.Store, item store.Item[[]string], known bool, ids []string) error {
	if known && slices.Equal(item.Value, ids) {
		return nil
	}
	var change store.Change
	var err error
	if known {
		item.Value = ids
		err = declared.Replace(&change, item)
	} else {
		err = declared.Insert(&change, declaredClients, ids, time.Time{})
	}
	if err != nil {
		return err
	}
	_, err = s.Commit(ctx, &change)
	return err
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

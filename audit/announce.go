package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/store"
)

// announced are the keys that log.key entries have named, oldest first. A checkpoint is signed by one that a checkpoint before
// it covers, so whoever trusts the first key can follow to the newest.
type announced struct {
	item store.Item[keysRecord]
	keys []note.Verifier
}

type keysRecord struct {
	Keys []string `json:"keys"` // vkeys
}

var logKeys = store.Collection[keysRecord]{Kind: "log-keys"}

// keysID names the one record of its kind.
const keysID = "announced"

func readKeys(ctx context.Context, s store.Store) (announced, error) {
	item, err := logKeys.Get(ctx, s, keysID)
	if errors.Is(err, store.ErrNotFound) {
		return announced{}, nil
	}
	if err != nil {
		return announced{}, err
	}
	a := announced{item: item}
	for _, vkey := range item.Value.Keys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return announced{}, fmt.Errorf("audit: an announced key: %w", err)
		}
		a.keys = append(a.keys, v)
	}
	return a, nil
}

// verifiers are those of all announced keys and of the signer.
func (a announced) verifiers(s *LogSigner) []note.Verifier {
	if a.position(s.Verifier()) >= 0 {
		return a.keys
	}
	return append(slices.Clone(a.keys), s.Verifier())
}

func (a announced) position(v interface{ KeyHash() uint32 }) int {
	return slices.IndexFunc(a.keys, func(k note.Verifier) bool { return k.KeyHash() == v.KeyHash() })
}

// mayFollow says whether a signer may go on after a checkpoint: its key was announced, and not before the one that signed last.
func (a announced) mayFollow(s *LogSigner, newest *note.Note) error {
	own := a.position(s.Verifier())
	if own < 0 {
		return fmt.Errorf("audit: the key %s has not been announced in the log: announce it with the old key first", s)
	}
	for _, sig := range newest.Sigs {
		if at := slices.IndexFunc(a.keys, func(k note.Verifier) bool { return k.KeyHash() == sig.Hash }); at > own {
			return fmt.Errorf("audit: the log has gone on from the key %s to a later one", s)
		}
	}
	return nil
}

// announceFirst names the first key of a log.
func (p *Publisher) announceFirst(ctx context.Context, keys announced) error {
	if len(keys.keys) > 0 {
		return keys.mayFollow(p.cfg.Signer, &note.Note{})
	}
	return p.announce(ctx, keys, p.cfg.Signer.String())
}

// Announce names the key that is going to sign checkpoints after this one, and publishes that. A publisher with that key as its
// Signer may then take over.
func (p *Publisher) Announce(ctx context.Context, vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return fmt.Errorf("audit: the new key: %w", err)
	}
	if v.Name() != p.cfg.Book.Origin() {
		return fmt.Errorf("audit: the new key is for the log %q", v.Name())
	}
	keys, err := readKeys(ctx, p.store)
	if err != nil {
		return err
	}
	if keys.position(v) >= 0 {
		return fmt.Errorf("audit: the key %s has been announced before", vkey)
	}
	if err := p.announce(ctx, keys, vkey); err != nil {
		return err
	}
	return p.Publish(ctx)
}

func (p *Publisher) announce(ctx context.Context, keys announced, vkey string) error {
	var ch store.Change
	item := keys.item
	item.Value.Keys = append(slices.Clone(item.Value.Keys), vkey)
	var err error
	if len(keys.keys) == 0 {
		err = logKeys.Insert(&ch, keysID, item.Value, noExpiry)
	} else {
		err = logKeys.Replace(&ch, item)
	}
	if err != nil {
		return err
	}
	if err := p.cfg.Book.Add(ctx, &ch, Entry{Type: LogKey, Token: TokenFacts{KeyID: vkey}}); err != nil {
		return err
	}
	if _, err := p.store.Commit(ctx, &ch); err != nil {
		return fmt.Errorf("audit: cannot announce the key: %w", err)
	}
	return nil
}

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

// Announce names the key that is going to sign checkpoints after this one, publishes that, and keeps the checkpoint that says so
// in the archive, cosigned or not: whoever trusts the old key finds the new one there. A publisher with that key as its Signer may
// then take over.
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.publish(ctx); err != nil {
		return err
	}
	return p.keepNewest()
}

// keepNewest puts the newest checkpoint into the archive, unless there is one of its size.
func (p *Publisher) keepNewest() error {
	newest := p.heads.newest // only who has the lock changes it
	err := p.files.keep(ArchivePath(newest.Size), newest.note)
	if err != nil {
		p.failed = fmt.Errorf("audit: archive: %w", err)
	}
	return err
}

// takeOver makes sure that the log can be followed from the key that signed the newest checkpoint to the signer's: that checkpoint
// has to have the entry that announces it, and goes into the archive.
func (p *Publisher) takeOver(ctx context.Context, n *note.Note) error {
	for _, sig := range n.Sigs {
		if sig.Hash == p.cfg.Signer.Verifier().KeyHash() {
			return nil
		}
	}
	after := store.LeafID(uint64(p.tree.size - 1))
	for {
		leaves, err := p.store.Scan(ctx, store.Key{Kind: store.Leaves}, after, leavesAtOnce)
		if err != nil {
			return err
		}
		for _, r := range leaves {
			leaf, err := ParseLeaf(r.Body)
			if err != nil {
				return err
			}
			if leaf.Type == LogKey && leaf.Token.KeyID == p.cfg.Signer.String() {
				return fmt.Errorf("audit: the key %s is announced by an entry that is not published: publish it with the old key first", p.cfg.Signer)
			}
			after = r.Key.ID
		}
		if len(leaves) < leavesAtOnce {
			return p.keepNewest()
		}
	}
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

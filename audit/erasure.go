package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-auth/tenon/store"
)

// An Erasure names what is to be forgotten: one of the two.
type Erasure struct {
	Thumbprint string // of a key or certificate
	Account    string // the subject as it was logged
}

// erasures holds the commitments to what was erased. They say nothing any more; they are kept so that an opening that was still
// on its way is not written after all.
var erasures = store.Collection[erasureRecord]{Kind: "erasures"}

type erasureRecord struct {
	Entries int64 `json:"entries"`
}

// Erase deletes the salt of a key or account and the openings of every entry about it: details, kept proofs and the salts by
// which entries could be found. The entries keep their place in the tree; nobody can tell any more whom they are about. It is
// done when the entry erasure.done is committed, which happens in the same Change that deletes the salt; after a failure before
// that, call it again. It reads the whole log. It returns how many entries were about it. What is committed at the same moment
// loses its opening when its bundle is published, and in the store when the entries around it leave that.
//
// Thumbprints that are logged in clear (BookConfig.ClearThumbprints) stay in the log: there is nothing to delete.
func (p *Publisher) Erase(ctx context.Context, what Erasure) (int64, error) {
	if (what.Thumbprint == "") == (what.Account == "") {
		return 0, errors.New("audit: an erasure names a thumbprint or an account")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.publish(ctx); err != nil { // so that what remains in the store alone is what comes in meanwhile
		return 0, err
	}
	e := eraser{publisher: p, what: what}
	if err := e.salt(ctx); err != nil {
		return 0, err
	}
	for n := int64(0); n*TileWidth < p.tree.size; n++ {
		if err := errors.Join(ctx.Err(), e.bundle(n)); err != nil {
			return 0, err
		}
	}
	if err := p.files.sync(); err != nil {
		p.failed = err
		return 0, err
	}
	if err := e.finish(ctx); err != nil {
		return 0, err
	}
	return int64(len(e.indices)), p.publish(ctx)
}

// An eraser is one erasure at work.
type eraser struct {
	publisher *Publisher
	what      Erasure
	who       subject
	record    *store.Item[saltRecord]
	current   string          // the commitment under the salt in the store
	indices   map[uint64]bool // the entries that are meant
}

// salt reads the salt that is to go. There may be none: what only ever was refused has salts in its openings alone.
func (e *eraser) salt(ctx context.Context) error {
	e.indices = map[uint64]bool{}
	e.who = subject{name: e.what.Thumbprint}
	if e.what.Account != "" {
		e.who = subject{true, e.what.Account}
	}
	item, err := salts.Get(ctx, e.publisher.store, e.who.saltID())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	salt, err := ParseSalt(item.Value.Salt)
	if err != nil {
		return err
	}
	e.record, e.current = &item, e.who.commitment(salt)
	return nil
}

// about reports whether an entry is about what is to be erased, by the salt in the store or by the one in its opening.
func (e *eraser) about(leaf Leaf, o Opening) bool {
	committed, text := leaf.Binding.Key, o.KeySalt
	if e.what.Account != "" {
		committed, text = leaf.Token.Account, o.AccountSalt
	}
	if committed == "" {
		return false
	}
	if committed == e.current || committed == e.what.Thumbprint {
		return true
	}
	salt, err := ParseSalt(text)
	return err == nil && e.who.commitment(salt) == committed
}

// bundle looks at the entries of one bundle and takes the openings of those that are meant out of their file.
func (e *eraser) bundle(n int64) error {
	files := e.publisher.files
	tile := EntryTile(n, e.publisher.tree.size)
	bundle, err := files.readTile(tile)
	if err != nil {
		return err
	}
	entries, err := SplitEntries(bundle, tile.W)
	if err != nil {
		return err
	}
	all, err := files.readOpenings(n)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		leaf, err := ParseLeaf(entry)
		index := uint64(n)*TileWidth + uint64(i)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		at := slices.IndexFunc(all, func(o Opening) bool { return o.Index == index })
		var o Opening
		if at >= 0 {
			o = all[at]
		}
		if e.about(leaf, o) {
			e.indices[index] = true
		}
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(o Opening) bool { return e.indices[o.Index] })
	if len(kept) == len(all) {
		return nil
	}
	data, err := FormatOpenings(kept)
	if err != nil {
		return err
	}
	if err := files.replace(OpeningsPath(n), data, 0o600); err != nil {
		return err
	}
	if tree := e.publisher.tree; n == tree.size/TileWidth {
		tree.lines = data // from which the file is written again when the bundle grows
	}
	return nil
}

// finish commits the deletion and its record.
func (e *eraser) finish(ctx context.Context) error {
	p := e.publisher
	var ch store.Change
	if err := e.stored(ctx, &ch); err != nil {
		return err
	}
	if e.record == nil && len(e.indices) == 0 {
		return fmt.Errorf("%w about that", ErrNoEntry)
	}
	entry := Leaf{Type: ErasureDone, Outcome: OK, Span: LeafSpan{Count: int64(len(e.indices))}}
	if e.record != nil {
		salts.Delete(&ch, *e.record)
		if err := erasures.Insert(&ch, e.current, erasureRecord{int64(len(e.indices))}, noExpiry); err != nil {
			return err
		}
		if e.what.Account != "" {
			entry.Token.Account = e.current
		} else {
			entry.Binding = LeafBinding{ByJKT, e.current}
		}
	}
	if err := p.cfg.Book.addLeaf(ctx, &ch, entry); err != nil {
		return err
	}
	if _, err := p.store.Commit(ctx, &ch); err != nil {
		return fmt.Errorf("audit: the erasure is not complete: %w", err)
	}
	p.cfg.Book.salts.forget(e.who)
	if e.record != nil {
		p.erased[e.current] = true
	}
	return nil
}

// stored takes the openings that were found out of the store too, where those of the newest entries still are.
func (e *eraser) stored(ctx context.Context, ch *store.Change) error {
	after, end := "", store.LeafID(uint64(e.publisher.tree.size))
	for {
		leaves, err := e.publisher.store.Scan(ctx, store.Key{Kind: store.Leaves}, after, leavesAtOnce)
		if err != nil {
			return err
		}
		for _, leaf := range leaves {
			index, err := store.ParseLeafID(leaf.Key.ID)
			if err != nil {
				return err
			}
			if e.indices[index] && len(leaf.Aside) > 0 {
				ch.Replaces = append(ch.Replaces, store.Record{Key: leaf.Key, Version: leaf.Version})
			}
			after = leaf.Key.ID
		}
		if len(leaves) < leavesAtOnce || after >= end {
			return nil
		}
	}
}

// readErased reads the commitments whose openings must not be written any more.
func readErased(ctx context.Context, s store.Store) (map[string]bool, error) {
	gone := map[string]bool{}
	for item, err := range erasures.All(ctx, s, "") {
		if err != nil {
			return nil, err
		}
		gone[item.ID] = true
	}
	return gone, nil
}

package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// A Collection reads and writes the records of one kind as values of type T, in JSON.
type Collection[T any] struct{ Kind Kind }

// An Item is a record with its body read. To change it, alter Value (or Expires) of what was read and call Replace.
type Item[T any] struct {
	ID      string
	Version uint64
	Expires time.Time
	Value   T
}

// Get reads one item. ErrNotFound means that there is none.
func (c Collection[T]) Get(ctx context.Context, s Store, id string) (Item[T], error) {
	r, err := s.Get(ctx, Key{c.Kind, id})
	if err != nil {
		return Item[T]{}, err
	}
	return c.read(r)
}

// Scan reads at most n items whose ids begin with prefix and come after the given id, in the order of their ids.
func (c Collection[T]) Scan(ctx context.Context, s Store, prefix, after string, n int) ([]Item[T], error) {
	records, err := s.Scan(ctx, Key{c.Kind, prefix}, after, n)
	if err != nil {
		return nil, err
	}
	items := make([]Item[T], 0, len(records))
	for _, r := range records {
		item, err := c.read(r)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// page is how many items All reads at once.
const page = 256

// All goes through every item whose id begins with prefix, page by page: it shows each item as it was when its page was read.
// The first error ends it.
func (c Collection[T]) All(ctx context.Context, s Store, prefix string) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		after := ""
		for {
			items, err := c.Scan(ctx, s, prefix, after, page)
			if err != nil {
				yield(Item[T]{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
				after = item.ID
			}
			if len(items) < page {
				return
			}
		}
	}
}

// Insert adds to the Change a new item. An empty id is allowed when the Change appends leaves; see [Change.Inserts].
func (c Collection[T]) Insert(ch *Change, id string, v T, expires time.Time) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: cannot write %v: %w", Key{c.Kind, id}, err)
	}
	ch.Inserts = append(ch.Inserts, Record{Key: Key{c.Kind, id}, Expires: expires, Body: body})
	return nil
}

// Replace adds to the Change a new state of an item that was read.
func (c Collection[T]) Replace(ch *Change, item Item[T]) error {
	body, err := json.Marshal(item.Value)
	if err != nil {
		return fmt.Errorf("store: cannot write %v: %w", Key{c.Kind, item.ID}, err)
	}
	ch.Replaces = append(ch.Replaces, Record{Key: Key{c.Kind, item.ID}, Version: item.Version, Expires: item.Expires, Body: body})
	return nil
}

// Delete adds to the Change the removal of an item that was read.
func (c Collection[T]) Delete(ch *Change, item Item[T]) {
	ch.Deletes = append(ch.Deletes, Record{Key: Key{c.Kind, item.ID}, Version: item.Version})
}

// read parses a body strictly: a member that this version does not know may be a restriction that a newer one wrote, and must
// not be dropped in silence.
func (c Collection[T]) read(r Record) (Item[T], error) {
	item := Item[T]{ID: r.Key.ID, Version: r.Version, Expires: r.Expires}
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&item.Value); err != nil {
		return Item[T]{}, fmt.Errorf("store: cannot read %v: %w", r.Key, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Item[T]{}, fmt.Errorf("store: cannot read %v: there is more after the value", r.Key)
	}
	return item, nil
}

package verifierlog_test

import (
	"context"
	"sync"

	"github.com/tenon-auth/tenon/store"
)

// brokenStore fails on demand.
type brokenStore struct {
	store.Store
	err error
}

func (s *brokenStore) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	if s.err != nil {
		return store.Receipt{}, s.err
	}
	return s.Store.Commit(ctx, c)
}

// A memoryStore is as much of a store as a log needs, without a goroutine or a file.
type memoryStore struct {
	mu      sync.Mutex
	records map[store.Key]store.Record
	leaves  int
}

func (s *memoryStore) Get(_ context.Context, k store.Key) (store.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.records[k]; ok {
		return r, nil
	}
	return store.Record{}, store.ErrNotFound
}

func (s *memoryStore) Scan(context.Context, store.Key, string, int) ([]store.Record, error) {
	return nil, nil
}

func (s *memoryStore) Commit(_ context.Context, c *store.Change) (store.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = map[store.Key]store.Record{}
	}
	for _, r := range c.Inserts {
		s.records[r.Key] = r
	}
	s.leaves += len(c.Leaves)
	return store.Receipt{First: uint64(s.leaves - len(c.Leaves))}, nil
}

func (s *memoryStore) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaves
}

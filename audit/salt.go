package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// salts holds one salt a key and one an account, under the names that keySaltID and accountSaltID give. To delete one is to
// unlink all leaves about that key or account; see [Publisher.Erase].
var salts = store.Collection[saltRecord]{Kind: "salts"}

type saltRecord struct {
	Salt string `json:"s"`
}

// noExpiry is for records that stay until somebody deletes them.
var noExpiry time.Time

func keySaltID(thumbprint string) string { return "k." + thumbprint }

// accountSaltID hides the account: a subject can be of any length and a person's name.
func accountSaltID(subject string) string { return "a." + digest([]byte(subject)) }

// mostSalts bounds the memory of salts. When it is full it is emptied: the store has them all.
const mostSalts = 1 << 16

// A saltShaker finds the salt of a key or account. It remembers those that are in use.
type saltShaker struct {
	store store.Store
	mu    sync.Mutex
	known map[string]Salt
}

func newSalt() (Salt, error) {
	var s Salt
	_, err := rand.Read(s[:])
	return s, err
}

// get returns the salt under id. When there is none yet, make says whether one is made and committed, in a Change of its own and
// before anything is committed that uses it; otherwise the salt is good for one leaf. So what a stranger sends cannot make the
// table grow.
func (s *saltShaker) get(ctx context.Context, id string, keep bool) (Salt, error) {
	if salt, ok := s.remembered(id); ok {
		return salt, nil
	}
	salt, err := s.read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		if salt, err = newSalt(); err != nil || !keep {
			return salt, err
		}
		salt, err = s.commit(ctx, id, salt)
	}
	if err != nil {
		return Salt{}, err
	}
	s.remember(id, salt)
	return salt, nil
}

func (s *saltShaker) read(ctx context.Context, id string) (Salt, error) {
	item, err := salts.Get(ctx, s.store, id)
	if err != nil {
		return Salt{}, fmt.Errorf("audit: salt: %w", err)
	}
	return ParseSalt(item.Value.Salt)
}

// commit makes a salt durable. When somebody else made one at the same time, theirs it is.
func (s *saltShaker) commit(ctx context.Context, id string, salt Salt) (Salt, error) {
	var ch store.Change
	if err := salts.Insert(&ch, id, saltRecord{salt.String()}, noExpiry); err != nil {
		return Salt{}, err
	}
	_, err := s.store.Commit(ctx, &ch)
	var conflict *store.Conflict
	if errors.As(err, &conflict) {
		return s.read(ctx, id)
	}
	if err != nil {
		return Salt{}, fmt.Errorf("audit: salt: %w", err)
	}
	return salt, nil
}

func (s *saltShaker) remembered(id string) (Salt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	salt, ok := s.known[id]
	return salt, ok
}

func (s *saltShaker) remember(id string, salt Salt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= mostSalts {
		s.known = make(map[string]Salt)
	}
	s.known[id] = salt
}

func (s *saltShaker) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
}

package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// salts holds one salt a key and one an account, under the names that saltID gives. To delete one is to
// unlink all leaves about that key or account; see [Publisher.Erase].
var salts = store.Collection[saltRecord]{Kind: "salts"}

type saltRecord struct {
	Salt string `json:"s"`
}

// noExpiry is for records that stay until somebody deletes them.
var noExpiry time.Time

// A subject is whom a salt is for: a key by its thumbprint, or an account by its name.
type subject struct {
	account bool
	name    string
}

// saltID is the name of the subject's salt. It hides an account, whose name can be of any length and a person's.
func (s subject) saltID() string {
	if s.account {
		return "a." + digest([]byte(s.name))
	}
	return "k." + s.name
}

func (s subject) commitment(salt Salt) string {
	if s.account {
		return AccountCommitment(salt, s.name)
	}
	return KeyCommitment(salt, s.name)
}

// A cover is what stands for a subject in leaves, and the salt that opens it.
type cover struct{ commitment, salt string }

func (s subject) under(salt Salt) cover { return cover{s.commitment(salt), salt.String()} }

// mostCovers bounds how many covers are remembered, and longestName whose. When it is full the memory is emptied: the store has
// all salts.
const (
	mostCovers  = 1 << 15
	longestName = 256
)

// A saltShaker finds the salt of a key or account. It remembers the covers that are in use.
type saltShaker struct {
	store store.Store
	mu    sync.Mutex
	known map[subject]cover
}

func newSalt() (s Salt) {
	rand.Read(s[:])
	return s
}

// get returns the cover of somebody. When there is no salt yet, keep says whether one is made and committed, in a Change of its own
// and before anything is committed that uses it; otherwise the salt is good for one leaf. So what a stranger sends cannot make the
// table grow.
func (s *saltShaker) get(ctx context.Context, who subject, keep bool) (cover, error) {
	if c, ok := s.remembered(who); ok {
		return c, nil
	}
	id := who.saltID()
	salt, err := s.read(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		if salt = newSalt(); !keep {
			return who.under(salt), nil
		}
		salt, err = s.commit(ctx, id, salt)
	}
	if err != nil {
		return cover{}, err
	}
	c := who.under(salt)
	s.remember(who, c)
	return c, nil
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

func (s *saltShaker) remembered(who subject) (cover, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.known[who]
	return c, ok
}

func (s *saltShaker) remember(who subject, c cover) {
	if len(who.name) > longestName {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= mostCovers {
		s.known = make(map[subject]cover)
	}
	who.name = strings.Clone(who.name) // it may be a part of a whole request
	s.known[who] = c
}

func (s *saltShaker) forget(who subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, who)
}

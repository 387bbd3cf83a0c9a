package people

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tenon-auth/tenon/store"
)

// SessionConfig is what [Sessions] are made of.
type SessionConfig struct {
	// Store remembers sessions: the same as the Directory's. Required.
	Store store.Store
	// Idle is how long a session lasts without being used. Zero means an hour.
	Idle time.Duration
	// Lifetime is how long it lasts after the person last proved who they are. Zero means 12 hours.
	Lifetime time.Duration
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
}

// Sessions knows who is logged in. Its methods may be called from many goroutines at once. A session whose person is gone or
// disabled is none.
type Sessions struct {
	store    store.Store
	idle     time.Duration
	lifetime time.Duration
	now      func() time.Time
}

const (
	maxSessions = 64               // of one person: more end the one that was not seen for longest
	pendingLife = 10 * time.Minute // for the second factor
)

// NewSessions makes Sessions. It reports everything that is wrong with the SessionConfig.
func NewSessions(c SessionConfig) (*Sessions, error) {
	var faults []error
	if c.Store == nil {
		faults = append(faults, errors.New("people: the store for sessions is missing"))
	}
	if c.Idle < 0 || c.Lifetime < 0 {
		faults = append(faults, errors.New("people: Idle and Lifetime must not be negative"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s := &Sessions{store: c.Store, idle: c.Idle, lifetime: c.Lifetime, now: c.Now}
	if s.idle == 0 {
		s.idle = time.Hour
	}
	if s.lifetime == 0 {
		s.lifetime = 12 * time.Hour
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// Start logs a person in: of the Session it reads Subject, Methods, AuthTime (zero means now), Address, Agent and Pending. The secret
// is for the browser's cookie and is not to be had again. [store.ErrNotFound] means that the person cannot log in.
func (s *Sessions) Start(ctx context.Context, n Session) (secret string, _ Session, err error) {
	now := s.now().UTC()
	n.ID, n.Created, n.Seen = uuid.NewString(), now, now
	if n.AuthTime.IsZero() {
		n.AuthTime = now
	}
	n.Address, n.Agent = clip(n.Address, 64), clip(n.Agent, 256)
	n.Expires = s.expiry(n)
	secret, key := newSecret()
	err = commitChange(ctx, s.store, func(ch *store.Change) error {
		if err := s.alive(ctx, n.Subject); err != nil {
			return err
		}
		if err := s.makeRoom(ctx, ch, n.Subject); err != nil {
			return err
		}
		return s.insert(ch, sessionRecord{n, key})
	})
	if err != nil {
		return "", Session{}, err
	}
	return secret, n, nil
}

// expiry is when a session ends unless it is seen again.
func (s *Sessions) expiry(n Session) time.Time {
	ends := n.AuthTime.Add(s.lifetime)
	if idle := n.Seen.Add(s.idle); idle.Before(ends) {
		ends = idle
	}
	if pending := n.AuthTime.Add(pendingLife); n.Pending && pending.Before(ends) {
		ends = pending
	}
	return ends
}

func (s *Sessions) insert(ch *store.Change, r sessionRecord) error {
	return errors.Join(
		sessionRecords.Insert(ch, r.id(), r, r.Expires),
		sessionKeys.Insert(ch, r.Key, sessionKey{r.id()}, r.AuthTime.Add(s.lifetime)))
}

// makeRoom ends the sessions of a person that are too many, those first that were not seen for longest.
func (s *Sessions) makeRoom(ctx context.Context, ch *store.Change, subject string) error {
	items, err := sessionRecords.Scan(ctx, s.store, subject+"/", "", 2*maxSessions)
	if err != nil || len(items) < maxSessions {
		return err
	}
	slices.SortFunc(items, func(a, b store.Item[sessionRecord]) int { return a.Value.Seen.Compare(b.Value.Seen) })
	for _, item := range items[:len(items)-maxSessions+1] {
		if err := endSession(ctx, s.store, ch, item); err != nil {
			return err
		}
	}
	return nil
}

// Get gives the session of a secret, and notes that it was seen. [store.ErrNotFound] means that there is none, or no longer. A
// session that is Pending is given too.
func (s *Sessions) Get(ctx context.Context, secret string) (Session, error) {
	item, err := s.find(ctx, secret)
	if err != nil {
		return Session{}, err
	}
	now := s.now().UTC()
	if now.Sub(item.Value.Seen) < s.idle/10 {
		return item.Value.Session, nil // not every page is worth a write
	}
	item.Value.Seen = now
	item.Value.Expires = s.expiry(item.Value.Session)
	item.Expires = item.Value.Expires
	ch := &store.Change{}
	if err := sessionRecords.Replace(ch, item); err != nil {
		return Session{}, err
	}
	var conflict *store.Conflict
	if _, err := s.store.Commit(ctx, ch); errors.As(err, &conflict) { // seen by another page at the same moment, or ended
		item, err = s.find(ctx, secret)
		return item.Value.Session, err
	} else if err != nil {
		return Session{}, err
	}
	return item.Value.Session, nil
}

// find reads the session of a secret.
func (s *Sessions) find(ctx context.Context, secret string) (store.Item[sessionRecord], error) {
	var none store.Item[sessionRecord]
	key := keyOf(secret)
	if key == "" {
		return none, store.ErrNotFound
	}
	lead, err := sessionKeys.Get(ctx, s.store, key)
	if err != nil {
		return none, err
	}
	item, err := sessionRecords.Get(ctx, s.store, lead.Value.Session)
	if err != nil {
		return none, err
	}
	if item.Value.Key != key { // it rose between the two readings: the old secret must not see, or raise, what the new one is for
		return none, store.ErrNotFound
	}
	if !s.now().Before(item.Value.Expires) {
		return none, store.ErrNotFound
	}
	return item, s.alive(ctx, item.Value.Subject)
}

// alive gives ErrNotFound unless the person can log in.
func (s *Sessions) alive(ctx context.Context, subject string) error {
	p, err := peopleRecords.Get(ctx, s.store, subject)
	if err == nil && p.Value.Disabled {
		return store.ErrNotFound
	}
	return err
}

// Raise changes what a session may do: the second factor was given, or the person proved again who they are. Of the Session it reads
// Methods, AuthTime (zero means now) and Pending; Subject must be the same. The session gets a new secret, and the old one is
// worth nothing from then on, so that nobody who planted or saw it rises too. Of two at once, one succeeds and the other
// gets [store.ErrNotFound].
func (s *Sessions) Raise(ctx context.Context, secret string, to Session) (newer string, _ Session, err error) {
	newer, key := newSecret()
	var raised sessionRecord
	err = commitChange(ctx, s.store, func(ch *store.Change) error {
		item, err := s.find(ctx, secret)
		if err != nil {
			return err
		}
		if to.Subject != item.Value.Subject {
			return store.ErrNotFound // somebody else's: a new session is for them
		}
		old := item.Value.Key
		item.Value.Methods, item.Value.Pending, item.Value.Seen = to.Methods, to.Pending, s.now().UTC()
		if item.Value.AuthTime = to.AuthTime; to.AuthTime.IsZero() {
			item.Value.AuthTime = item.Value.Seen
		}
		item.Value.Expires = s.expiry(item.Value.Session)
		item.Expires, item.Value.Key = item.Value.Expires, key
		raised = item.Value
		return errors.Join(
			sessionRecords.Replace(ch, item),
			drop(ctx, s.store, ch, sessionKeys, old),
			sessionKeys.Insert(ch, key, sessionKey{raised.id()}, raised.AuthTime.Add(s.lifetime)))
	})
	if err != nil {
		return "", Session{}, err
	}
	return newer, raised.Session, nil
}

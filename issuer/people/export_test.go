package people

import (
	"context"
	"time"
)

// Hashes is how many passwords were hashed so far.
func (d *Directory) Hashes() uint64 { return d.hasher.hashed.Load() }

// Occupy takes all places in which strangers' passwords are hashed, until free is called.
func (d *Directory) Occupy(ctx context.Context) (free func(), err error) {
	var leaves []func()
	for range cap(d.hasher.strangers.places) {
		leave, err := d.hasher.strangers.enter(ctx)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leave)
	}
	return func() {
		for _, leave := range leaves {
			leave()
		}
	}, nil
}

// Waiting is how many strangers' passwords are hashed or wait for it.
func (d *Directory) Waiting() int64 { return d.hasher.strangers.waiting.Load() }

// Counted is how many names, addresses and devices are in the fullest table.
func (d *Directory) Counted() int {
	n := 0
	for _, t := range []*throttle{d.gates.pairs, d.gates.names, d.gates.addresses, d.gates.devices} {
		t.mu.Lock()
		n = max(n, len(t.counts), t.quiet.Len())
		t.mu.Unlock()
	}
	return n
}

// A Lane is where passwords wait to be hashed.
type Lane struct{ lane }

// NewLane makes a Lane.
func NewLane(places, room int) Lane { return Lane{newLane(places, room)} }

// Enter waits for a place.
func (l Lane) Enter(ctx context.Context) (func(), error) { return l.enter(ctx) }

// A Throttle counts failures.
type Throttle struct{ *throttle }

// NewThrottle makes a Throttle.
func NewThrottle(free int, longest, forget time.Duration, table int) Throttle {
	return Throttle{newThrottle(pace{free, longest, forget}, table)}
}

// Fail counts a failure.
func (t Throttle) Fail(name string, now time.Time) { t.fail(name, now) }

// Wait tells how long to wait.
func (t Throttle) Wait(name string, now time.Time) time.Duration { return t.wait(name, now) }

// Take counts a failure in advance, and gives what takes it back.
func (t Throttle) Take(name string, now time.Time) (refund func(), ok bool) {
	s, wait := t.take(name, now)
	return func() { t.refund(name, s) }, wait == 0
}

// Len is how many names are told apart.
func (t Throttle) Len() int { return max(len(t.counts), t.quiet.Len()) }

// ReadPHC reads a hash and gives it back as text.
func ReadPHC(text string) (string, error) {
	p, err := parsePHC(text)
	return p.String(), err
}

// MatchesPHC tells whether the hash is that of the password.
func MatchesPHC(text, password string) (bool, error) {
	p, err := parsePHC(text)
	return err == nil && p.matches(password), err
}

// ReadRecovery reads a recovery code.
func ReadRecovery(code string) string { return readRecovery(code) }

// AddressOf names a caller's address.
func AddressOf(remote string) string { return addressOf(remote) }

// KeyOf names the record of a session's secret.
func KeyOf(secret string) string { return keyOf(secret) }

// JudgePassword refuses a password that is easy to guess.
func JudgePassword(password, username string) error {
	_, err := judgePassword(password, username)
	return err
}

// Seal makes a state as a ceremony would.
func (d *Directory) Seal(purpose string, plain []byte) ([]byte, error) {
	keys, err := deriveKeys(d.secrets, purpose)
	if err != nil {
		return nil, err
	}
	box, err := sealer(keys[0])
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, nil, plain, nil), nil
}

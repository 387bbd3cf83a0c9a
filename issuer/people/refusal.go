package people

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrWrong means that the person did not prove who they are. It says no more, and neither may the answer to them.
	ErrWrong = errors.New("people: that is not right")
	// ErrInvalid means that a username or a part of a profile cannot be as it is. The text says what to change.
	ErrInvalid = errors.New("people: it cannot be like this")
	// ErrExists means that the username is taken.
	ErrExists = errors.New("people: there is somebody with this username")
	// ErrWeak means that a password is too easy to guess. A *[Weak] says why.
	ErrWeak = errors.New("people: the password is too easy to guess")
	// ErrBusy means that too many people log in right now. It is our fault: 503.
	ErrBusy = errors.New("people: too many logins at once")
	// ErrFull means that a person has as many passkeys as one may have.
	ErrFull = errors.New("people: no more passkeys")
	// ErrNoPasskeys means that passkeys do not work at this issuer's host.
	ErrNoPasskeys = errors.New("people: passkeys need an issuer whose host is a domain name")
)

// A Refusal is an [ErrWrong] with the reason, in a short stable word, for events and tests. Its text is always the same.
type Refusal struct {
	Reason string
	cause  error
}

func (r *Refusal) Error() string { return ErrWrong.Error() }

// Is makes every Refusal an ErrWrong.
func (r *Refusal) Is(target error) bool { return target == ErrWrong }

// Cause gives what went wrong in detail, or nil: text for the log, never for the answer.
func (r *Refusal) Cause() error { return r.cause }

func wrong(reason string, cause error) error { return &Refusal{Reason: reason, cause: cause} }

// Throttled means that there were too many failures, and how long to wait. Nothing was looked at.
type Throttled struct{ Wait time.Duration }

func (t *Throttled) Error() string {
	return fmt.Sprintf("people: too many failures, wait %s", t.Wait.Round(time.Second))
}

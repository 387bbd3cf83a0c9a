package people

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// Factors says what a person can prove who they are with.
type Factors struct {
	Password        bool
	PasswordChanged time.Time // zero without a password
	TOTP            bool
	RecoveryCodes   int       // how many are left
	Passkeys        []Passkey // oldest first
}

// Factors gives what a person can prove who they are with. [store.ErrNotFound] means that there is no such person.
func (d *Directory) Factors(ctx context.Context, subject string) (Factors, error) {
	if _, err := d.person(ctx, subject); err != nil {
		return Factors{}, err
	}
	var f Factors
	password, err := passwords.Get(ctx, d.store, subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Factors{}, err
	}
	f.Password, f.PasswordChanged = err == nil, password.Value.Changed
	codes, err := oneTimes.Get(ctx, d.store, subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Factors{}, err
	}
	f.TOTP, f.RecoveryCodes = err == nil, len(codes.Value.Recovery)
	items, err := d.passkeysOf(ctx, subject)
	if err != nil {
		return Factors{}, err
	}
	for _, item := range items {
		f.Passkeys = append(f.Passkeys, item.Value.shown())
	}
	return f, nil
}

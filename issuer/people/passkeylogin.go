package people

import (
	"context"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tenon-auth/tenon/store"
)

// BeginPasskeyLogin starts a login of somebody not yet known. Nothing is stored.
func (d *Directory) BeginPasskeyLogin(context.Context) (Ceremony, error) {
	if d.webauthn == nil {
		return Ceremony{}, ErrNoPasskeys
	}
	options, session, err := d.webauthn.BeginDiscoverableLogin()
	if err != nil {
		return Ceremony{}, err
	}
	return d.begin(forLogin, "", options.Response, session)
}

// FinishPasskeyLogin gives the person whose passkey answered, and the methods that this amounts to (Web Authentication Level 3
// §7.2). response is AuthenticationResponseJSON: what toJSON() of the credential gives. [ErrWrong] means that it is not
// right, or too late, or came before.
func (d *Directory) FinishPasskeyLogin(ctx context.Context, state, response []byte) (Person, []Method, error) {
	if d.webauthn == nil {
		return Person{}, nil, ErrNoPasskeys
	}
	s, err := d.open(forLogin, state)
	if err != nil {
		return Person{}, nil, err
	}
	if len(response) > maxResponse {
		return Person{}, nil, wrong("size", nil)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Person{}, nil, wrong("form", err)
	}
	var person Person
	var methods []Method
	err = d.change(ctx, func(ch *store.Change) error {
		var used passkeyRecord
		person, used, err = d.assert(ctx, ch, s, parsed)
		methods = used.methods()
		return err
	})
	if err != nil {
		return Person{}, nil, err
	}
	return person, methods, nil
}

// assertion is what a browser answers to a login.
type assertion = protocol.ParsedCredentialAssertionData

// methods is what a login with the passkey amounts to: the key, and the finger or the PIN that opened it.
func (r passkeyRecord) methods() []Method {
	if r.BackupEligible {
		return []Method{SoftwareKey, UserPresence, MultiFactor}
	}
	return []Method{HardwareKey, UserPresence, MultiFactor}
}

// assert judges the answer of a browser, and adds to the Change that the challenge and the count were used.
func (d *Directory) assert(ctx context.Context, ch *store.Change, s ceremonyState, parsed *assertion) (Person, passkeyRecord, error) {
	var person Person
	var item store.Item[passkeyRecord]
	var fault error // what find says; the library would make even an outage the caller's fault
	find := func(credential, handle []byte) (webauthn.User, error) {
		person, item, fault = d.holder(ctx, string(handle), credential)
		return owner{person, []passkeyRecord{item.Value}}, fault
	}
	_, used, err := d.webauthn.ValidatePasskeyLogin(find, s.session(d.webauthn), parsed)
	if fault != nil {
		return Person{}, passkeyRecord{}, fault
	}
	if err != nil {
		return Person{}, passkeyRecord{}, wrong("assertion", err)
	}
	if used.Authenticator.CloneWarning {
		return Person{}, passkeyRecord{}, wrong("count", nil) // Web Authentication Level 3 §7.2 step 22
	}
	if person.Disabled {
		return Person{}, passkeyRecord{}, wrong("disabled", nil)
	}
	if err := d.spend(ctx, ch, s); err != nil {
		return Person{}, passkeyRecord{}, err
	}
	item.Value.Count, item.Value.BackedUp = used.Authenticator.SignCount, used.Flags.BackupState
	item.Value.LastUsed = d.now().UTC().Truncate(time.Second)
	return person, item.Value, passkeyRecords.Replace(ch, item)
}

// holder finds the person with the handle and their passkey with the credential id.
func (d *Directory) holder(ctx context.Context, handle string, credential []byte) (Person, store.Item[passkeyRecord], error) {
	var none store.Item[passkeyRecord]
	person, err := d.Get(ctx, handle)
	if errors.Is(err, store.ErrNotFound) {
		return Person{}, none, wrong("unknown", nil)
	}
	if err != nil {
		return Person{}, none, err
	}
	item, err := d.passkey(ctx, person.Subject, passkeyRecord{Credential: credential}.id())
	if errors.Is(err, store.ErrNotFound) {
		return Person{}, none, wrong("unknown", nil)
	}
	return person, item, err
}

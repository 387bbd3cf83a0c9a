package people

import (
	"context"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tenon-auth/tenon/store"
)

// BeginPasskey starts the making of a new passkey for a person. [ErrFull] means that they have as many as one may have.
func (d *Directory) BeginPasskey(ctx context.Context, subject string) (Ceremony, error) {
	if d.webauthn == nil {
		return Ceremony{}, ErrNoPasskeys
	}
	o, err := d.owner(ctx, subject)
	if err != nil {
		return Ceremony{}, err
	}
	if len(o.passkeys) >= maxPasskeys {
		return Ceremony{}, ErrFull
	}
	creation, session, err := d.webauthn.BeginRegistration(o,
		webauthn.WithExclusions(webauthn.Credentials(o.WebAuthnCredentials()).CredentialDescriptors()), // or one device holds two
		webauthn.WithCredentialParameters(algorithms()))
	if err != nil {
		return Ceremony{}, err
	}
	return d.begin(forRegistration, subject, creation.Response, session)
}

// FinishPasskey stores a new passkey (Web Authentication Level 3 §7.1). response is RegistrationResponseJSON: what toJSON() of
// the credential gives. [ErrWrong] means that it is not right, or too late.
func (d *Directory) FinishPasskey(ctx context.Context, subject string, state, response []byte, name string) (Passkey, error) {
	if d.webauthn == nil {
		return Passkey{}, ErrNoPasskeys
	}
	name, err := passkeyName(name)
	if err != nil {
		return Passkey{}, err
	}
	s, err := d.open(forRegistration, state)
	if err != nil {
		return Passkey{}, err
	}
	if s.Subject != subject {
		return Passkey{}, wrong("subject", nil)
	}
	record, err := d.register(s, response)
	if err != nil {
		return Passkey{}, err
	}
	record.Name, record.Created = name, d.now().UTC().Truncate(time.Second)
	if err := d.change(ctx, func(ch *store.Change) error { return d.keep(ctx, ch, s, record) }); err != nil {
		return Passkey{}, err
	}
	return record.shown(), nil
}

// register judges the answer of a browser.
func (d *Directory) register(s ceremonyState, response []byte) (passkeyRecord, error) {
	if len(response) > maxResponse {
		return passkeyRecord{}, wrong("size", nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return passkeyRecord{}, wrong("form", err)
	}
	who := owner{person: Person{Subject: s.Subject}}
	c, err := d.webauthn.CreateCredential(who, s.session(d.webauthn), parsed)
	if err != nil {
		return passkeyRecord{}, wrong("registration", err)
	}
	record := passkeyRecord{
		Credential: c.ID, PublicKey: c.PublicKey, Count: c.Authenticator.SignCount, AAGUID: c.Authenticator.AAGUID,
		BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
	for _, t := range c.Transport {
		if len(record.Transports) < 8 && len(t) <= 32 { // the browser's word, and it comes back in options
			record.Transports = append(record.Transports, string(t))
		}
	}
	return record, nil
}

// keep adds a new passkey to the Change. A credential that somebody has already is refused (Web Authentication Level 3 §7.1 step 26).
func (d *Directory) keep(ctx context.Context, ch *store.Change, s ceremonyState, record passkeyRecord) error {
	if err := d.spend(ctx, ch, s); err != nil {
		return err
	}
	if _, err := d.guard(ctx, ch, s.Subject); err != nil {
		return err
	}
	have, err := d.passkeysOf(ctx, s.Subject)
	if err != nil {
		return err
	}
	if len(have) >= maxPasskeys {
		return ErrFull
	}
	switch _, err := credentials.Get(ctx, d.store, record.id()); {
	case err == nil:
		return wrong("registered", nil)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return errors.Join(
		credentials.Insert(ch, record.id(), s.Subject, time.Time{}),
		passkeyRecords.Insert(ch, s.Subject+"/"+record.id(), record, time.Time{}),
	)
}

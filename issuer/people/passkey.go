package people

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tenon-auth/tenon/store"
)

// A Passkey is a credential of a person, as it is shown to them.
type Passkey struct {
	ID       string // base64url of SHA-256 over the credential's id
	Name     string // given by the person
	Created  time.Time
	LastUsed time.Time // zero if never
	Synced   bool      // can be copied between devices
}

// maxPasskeys bounds the passkeys of one person.
const maxPasskeys = 32

// A passkeyRecord is what is kept of a credential (Web Authentication Level 3 §4, credential record).
type passkeyRecord struct {
	Credential     []byte    `json:"credential"`
	PublicKey      []byte    `json:"public_key"` // COSE
	Count          uint32    `json:"count"`
	BackupEligible bool      `json:"backup_eligible"` // never changes
	BackedUp       bool      `json:"backed_up"`
	Transports     []string  `json:"transports,omitempty"`
	AAGUID         []byte    `json:"aaguid,omitempty"`
	Name           string    `json:"name"`
	Created        time.Time `json:"created"`
	LastUsed       time.Time `json:"last_used,omitzero"`
}

func (r passkeyRecord) id() string {
	sum := sha256.Sum256(r.Credential)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (r passkeyRecord) shown() Passkey {
	return Passkey{ID: r.id(), Name: r.Name, Created: r.Created, LastUsed: r.LastUsed, Synced: r.BackupEligible}
}

// credential is the record as the library reads it.
func (r passkeyRecord) credential() webauthn.Credential {
	flags := protocol.FlagUserPresent | protocol.FlagUserVerified
	if r.BackupEligible {
		flags |= protocol.FlagBackupEligible
	}
	if r.BackedUp {
		flags |= protocol.FlagBackupState
	}
	c := webauthn.Credential{ID: r.Credential, PublicKey: r.PublicKey, Flags: webauthn.NewCredentialFlags(flags)}
	c.Authenticator.SignCount = r.Count
	for _, t := range r.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}

// newWebAuthn sets the library up: one origin, user verification, discoverable credentials, no attestation. It gives nil where there
// are no passkeys: a relying party is a domain, and an address is none (Web Authentication Level 3 §5.1.3, step 7).
func newWebAuthn(origin *url.URL, name string) (*webauthn.WebAuthn, error) {
	host := origin.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: name, RPOrigins: []string{origin.String()},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore, // some managers add some; none is read (§9)
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: ceremonyLife},
			Registration: webauthn.TimeoutConfig{Timeout: ceremonyLife},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("people: passkeys: %w", err)
	}
	return w, nil
}

// HasPasskeys tells whether passkeys can work at this issuer.
func (d *Directory) HasPasskeys() bool { return d.webauthn != nil }

// An owner is a person as the library knows users.
type owner struct {
	person   Person
	passkeys []passkeyRecord
}

// WebAuthnID is the user handle. The subject tells nothing about the person (Web Authentication Level 3 §14.6.1).
func (o owner) WebAuthnID() []byte { return []byte(o.person.Subject) }

// WebAuthnName is the username.
func (o owner) WebAuthnName() string { return o.person.Username }

// WebAuthnDisplayName is the name of the person, or the username.
func (o owner) WebAuthnDisplayName() string {
	if o.person.Name != "" {
		return o.person.Name
	}
	return o.person.Username
}

// WebAuthnCredentials are the passkeys.
func (o owner) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(o.passkeys))
	for i, p := range o.passkeys {
		all[i] = p.credential()
	}
	return all
}

// owner reads a person with all passkeys.
func (d *Directory) owner(ctx context.Context, subject string) (owner, error) {
	p, err := d.Get(ctx, subject)
	if err != nil {
		return owner{}, err
	}
	items, err := d.passkeysOf(ctx, subject)
	if err != nil {
		return owner{}, err
	}
	o := owner{person: p}
	for _, item := range items {
		o.passkeys = append(o.passkeys, item.Value)
	}
	return o, nil
}

// passkeysOf gives the passkeys of a person, oldest first.
func (d *Directory) passkeysOf(ctx context.Context, subject string) ([]store.Item[passkeyRecord], error) {
	items, err := passkeyRecords.Scan(ctx, d.store, subject+"/", "", maxPasskeys+1)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(items, func(a, b store.Item[passkeyRecord]) int { return a.Value.Created.Compare(b.Value.Created) })
	return items, nil
}

// RenamePasskey gives a passkey another name. [store.ErrNotFound] means that the person has no such passkey.
func (d *Directory) RenamePasskey(ctx context.Context, subject, id, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	return d.change(ctx, func(ch *store.Change) error {
		item, err := d.passkey(ctx, subject, id)
		if err != nil {
			return err
		}
		item.Value.Name = name
		return passkeyRecords.Replace(ch, item)
	})
}

// RemovePasskey forgets a passkey. [store.ErrNotFound] means that the person has no such passkey.
func (d *Directory) RemovePasskey(ctx context.Context, subject, id string) error {
	return d.change(ctx, func(ch *store.Change) error {
		item, err := d.passkey(ctx, subject, id)
		if err != nil {
			return err
		}
		passkeyRecords.Delete(ch, item)
		return drop(ctx, d.store, ch, credentials, id)
	})
}

func (d *Directory) passkey(ctx context.Context, subject, id string) (store.Item[passkeyRecord], error) {
	if len(id) != base64.RawURLEncoding.EncodedLen(sha256.Size) || !strings.HasPrefix(subject, subjectPrefix) {
		return store.Item[passkeyRecord]{}, store.ErrNotFound
	}
	return passkeyRecords.Get(ctx, d.store, subject+"/"+id)
}

// dropPasskeys adds to the Change the removal of all passkeys of a person.
func (d *Directory) dropPasskeys(ctx context.Context, ch *store.Change, subject string) error {
	items, err := d.passkeysOf(ctx, subject)
	if err != nil {
		return err
	}
	for _, item := range items {
		passkeyRecords.Delete(ch, item)
		if err := drop(ctx, d.store, ch, credentials, item.Value.id()); err != nil {
			return err
		}
	}
	return nil
}

// passkeyName judges the name that a person gives a passkey; empty becomes "Passkey".
func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "Passkey", nil
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 64 || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("%w: the name of a passkey has at most 64 characters and no control characters", ErrInvalid)
	}
	return name, nil
}

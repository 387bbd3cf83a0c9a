package people

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/tenon-auth/tenon/store"
)

// ceremonyLife is how long a person has to find their passkey.
const ceremonyLife = 5 * time.Minute

// maxResponse bounds what a browser sends to finish a ceremony.
const maxResponse = 64 << 10

// A Ceremony is one use of a passkey under way.
type Ceremony struct {
	// Options is for the browser: PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON, to be read by
	// PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON (Web Authentication Level 3 §5.1.8, §5.1.9).
	Options json.RawMessage
	// State is for the caller, to be handed back with the browser's answer by way of a cookie or a form. It is sealed, and
	// lasts five minutes. It says nothing about which browser it is for.
	State []byte
}

// The purposes of a ceremony. A state that was made for one cannot be used for the other.
const (
	forRegistration = "passkey registration"
	forLogin        = "passkey login"
)

// A ceremonyState is what a State holds.
type ceremonyState struct {
	Challenge string `json:"challenge"`
	Subject   string `json:"sub,omitempty"` // for registration: whose passkey it will be
	Expires   int64  `json:"exp"`
}

// begin seals the state of a ceremony.
func (d *Directory) begin(purpose, subject string, options any, s *webauthn.SessionData) (Ceremony, error) {
	shown, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, err
	}
	state, err := json.Marshal(ceremonyState{s.Challenge, subject, d.now().Add(ceremonyLife).Unix()})
	if err != nil {
		return Ceremony{}, err
	}
	keys, err := deriveKeys(d.secrets, purpose)
	if err != nil {
		return Ceremony{}, err
	}
	box, err := sealer(keys[0])
	if err != nil {
		return Ceremony{}, err
	}
	return Ceremony{Options: shown, State: box.Seal(nil, nil, state, nil)}, nil
}

// open reads a state, and refuses one that is not ours, for something else or too old.
func (d *Directory) open(purpose string, sealed []byte) (ceremonyState, error) {
	keys, err := deriveKeys(d.secrets, purpose)
	if err != nil {
		return ceremonyState{}, err
	}
	var state ceremonyState
	plain, err := unseal(keys, sealed)
	if err != nil {
		return ceremonyState{}, wrong("state", err)
	}
	if err := json.Unmarshal(plain, &state); err != nil {
		return ceremonyState{}, wrong("state", err)
	}
	if !d.now().Before(time.Unix(state.Expires, 0)) {
		return ceremonyState{}, wrong("expired", nil)
	}
	return state, nil
}

// session is the state as the library reads it. User verification is asked for here and not by the state, so that no state can
// do without (Web Authentication Level 3 §7.1 step 16, §7.2 step 17).
func (s ceremonyState) session(w *webauthn.WebAuthn) webauthn.SessionData {
	data := webauthn.SessionData{
		Challenge: s.Challenge, RelyingPartyID: w.Config.RPID,
		UserVerification: protocol.VerificationRequired, CredParams: algorithms(),
	}
	if s.Subject != "" {
		data.UserID = []byte(s.Subject)
	}
	return data
}

// algorithms are the signatures that a passkey may make: Ed25519, ES256, RS256.
func algorithms() []protocol.CredentialParameter { return webauthn.CredentialParametersRecommendedL3() }

// spend adds to the Change that the challenge has been used. It refuses one that was used already.
func (d *Directory) spend(ctx context.Context, ch *store.Change, s ceremonyState) error {
	sum := sha256.Sum256([]byte(s.Challenge))
	id := base64.RawURLEncoding.EncodeToString(sum[:])
	switch _, err := spentChallenges.Get(ctx, d.store, id); {
	case err == nil:
		return wrong("replay", nil)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	return spentChallenges.Insert(ch, id, struct{}{}, time.Unix(s.Expires, 0).Add(time.Minute)) // replicas' clocks differ
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// unseal opens what one of the keys has sealed.
func unseal(keys [][]byte, sealed []byte) ([]byte, error) {
	if len(sealed) > 4096 {
		return nil, errors.New("people: the state is too long")
	}
	for _, key := range keys {
		box, err := sealer(key)
		if err != nil {
			return nil, err
		}
		if plain, err := box.Open(nil, nil, sealed, nil); err == nil {
			return plain, nil
		}
	}
	return nil, errors.New("people: the state is not one of ours")
}

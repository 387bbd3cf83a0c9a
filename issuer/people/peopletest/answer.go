package peopletest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
)

// The flags of authenticator data (Web Authentication Level 3 §6.1).
const (
	UserPresent    byte = 1 << 0
	UserVerified   byte = 1 << 2
	BackupEligible byte = 1 << 3
	BackedUp       byte = 1 << 4
	attested       byte = 1 << 6
)

// An Answer is what browser and authenticator are about to say. A test changes one thing of it to see that it is refused.
type Answer struct {
	Type        string // "webauthn.create" or "webauthn.get"
	Challenge   string
	Origin      string
	CrossOrigin bool
	TopOrigin   string
	RPID        string // whose hash is in the authenticator data
	Flags       byte
	Count       uint32
	Handle      []byte // who the passkey is for; in a login only
	Credential  []byte // the id of the credential
	Forged      bool   // signed with another key
	Algorithm   int64  // what the new public key says of itself; in a registration only
}

// clientData is what the browser collects (Web Authentication Level 3 §5.8.1).
func (a *Answer) clientData() []byte {
	data := map[string]any{"type": a.Type, "challenge": a.Challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin}
	if a.TopOrigin != "" {
		data["topOrigin"] = a.TopOrigin
	}
	b, _ := json.Marshal(data) // strings and a boolean
	return b
}

// authenticatorData is what the authenticator signs together with the hash of the client data (Web Authentication Level 3 §6.1).
func (a *Answer) authenticatorData(attestedCredential []byte) []byte {
	hash := sha256.Sum256([]byte(a.RPID))
	b := append(hash[:], a.Flags)
	b = binary.BigEndian.AppendUint32(b, a.Count)
	return append(b, attestedCredential...)
}

// response is the JSON form of a credential (Web Authentication Level 3 §5.1).
func (a *Answer) response(members map[string]any) ([]byte, error) {
	members["clientDataJSON"] = b64(a.clientData())
	return json.Marshal(map[string]any{
		"id": b64(a.Credential), "rawId": b64(a.Credential), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": members,
	})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

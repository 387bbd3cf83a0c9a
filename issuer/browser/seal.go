package browser

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tenon-auth/tenon/internal/purposekey"
)

// formLife is for how long a form may stay open.
const formLife = 30 * time.Minute

// A seal says that we made something, for one purpose, in one setting. It is stateless: a form carries its own.
type seal struct {
	purpose string
	setting []string // all that must be the same when it comes back
}

// make seals until a time.
func (b *Browser) seal(s seal, until time.Time) (string, error) {
	keys, err := b.sealKeys(s.purpose)
	if err != nil {
		return "", err
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(head, s.mac(keys[0], head)...)), nil
}

// sealed reports whether a text is this seal, and still holds.
func (b *Browser) sealed(s seal, text string) (bool, error) {
	keys, err := b.sealKeys(s.purpose)
	if err != nil {
		return false, err
	}
	if len(text) != base64.RawURLEncoding.EncodedLen(8+sha256.Size) {
		return false, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || b.Now().Unix() >= int64(binary.BigEndian.Uint64(raw)) {
		return false, nil
	}
	for _, key := range keys {
		if hmac.Equal(raw[8:], s.mac(key, raw[:8])) {
			return true, nil
		}
	}
	return false, nil
}

// mac is over the expiry and each part of the setting with its length, so that no two settings look the same.
func (s seal) mac(key, head []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(head)
	for _, part := range s.setting {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}

// sealKeys makes the keys for a purpose, newest first. A key of one purpose opens no other's seal.
func (b *Browser) sealKeys(purpose string) ([][]byte, error) {
	keys, err := purposekey.Derive(b.Secrets(), "tenon browser "+purpose)
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	return keys, nil
}

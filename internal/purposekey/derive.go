package purposekey

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
)

// Derive makes a key of 32 bytes for a purpose out of every secret, in their order (RFC 5869). It is an error when there is no
// secret, or one of less than 32 bytes.
func Derive(secrets [][]byte, purpose string) ([][]byte, error) {
	var keys [][]byte
	for _, secret := range secrets {
		if len(secret) < 32 {
			return nil, errors.New("each of the Secrets must have at least 32 bytes")
		}
		key, err := hkdf.Key(sha256.New, secret, nil, purpose, 32)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key in Secrets")
	}
	return keys, nil
}

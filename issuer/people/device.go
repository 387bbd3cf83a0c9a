package people

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-auth/tenon/internal/purposekey"
)

// deviceLife is for how long a browser stays known without a login.
const deviceLife = 365 * 24 * time.Hour

const (
	deviceID  = 16
	deviceTag = deviceID + 8 // id and time
	deviceAll = deviceTag + sha256.Size
)

// Device gives what a browser keeps to be known the next time somebody tries the username there. It proves nothing but that:
// it opens no session and no account. Give it after a whole login only, second factor included, and a new one at each.
func (d *Directory) Device(username string) (string, error) {
	keys, err := deriveKeys(d.secrets, "device")
	if err != nil {
		return "", err
	}
	b := binary.BigEndian.AppendUint64(random(deviceID), uint64(d.now().Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, deviceMAC(keys[0], b, username)...)), nil
}

// knows gives the id of the device if it is known for the username, or "".
func (d *Directory) knows(device, username string) string {
	b, err := parseDevice(device)
	if err != nil {
		return ""
	}
	keys, err := deriveKeys(d.secrets, "device")
	if err != nil {
		return ""
	}
	age := d.now().Sub(time.Unix(int64(binary.BigEndian.Uint64(b[deviceID:deviceTag])), 0))
	if age > deviceLife {
		return ""
	}
	for _, key := range keys {
		if hmac.Equal(b[deviceTag:], deviceMAC(key, b[:deviceTag], username)) {
			return string(b[:deviceID])
		}
	}
	return ""
}

// parseDevice reads the form of what Device gave.
func parseDevice(device string) ([]byte, error) {
	if len(device) != base64.RawURLEncoding.EncodedLen(deviceAll) {
		return nil, errors.New("people: not a device")
	}
	return base64.RawURLEncoding.Strict().DecodeString(device)
}

func deviceMAC(key, tag []byte, username string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(tag)
	mac.Write([]byte(lookupKey(username)))
	return mac.Sum(nil)
}

// deriveKeys makes the keys for one purpose, newest first.
func deriveKeys(secrets func() [][]byte, purpose string) ([][]byte, error) {
	keys, err := purposekey.Derive(secrets(), "tenon people "+purpose)
	if err != nil {
		return nil, fmt.Errorf("people: %w", err)
	}
	return keys, nil
}

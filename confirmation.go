package tenon

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Confirmation is the cnf claim: the key that must be proved to use the token (RFC 7800 §3.1). Both members may be
// present, and then both must be proved. The zero value binds to nothing; see [Confirmation.Bound].
type Confirmation struct {
	JKT string // RFC 7638 SHA-256 thumbprint of a DPoP key, 43 characters of base64url (RFC 9449 §6.1)
	X5T string // SHA-256 of a DER certificate, 43 characters of base64url (x5t#S256, RFC 8705 §3.1)
}

// Bound reports whether the confirmation names any key.
func (c Confirmation) Bound() bool { return c.JKT != "" || c.X5T != "" }

// MarshalJSON gives the cnf object. An unbound confirmation is an error: a token that should be bound and is not must
// never be written by accident.
func (c Confirmation) MarshalJSON() ([]byte, error) {
	if !c.Bound() {
		return nil, errors.New("tenon: an empty confirmation has no JSON form")
	}
	return json.Marshal(struct {
		JKT string `json:"jkt,omitempty"`
		X5T string `json:"x5t#S256,omitempty"`
	}{c.JKT, c.X5T})
}

// UnmarshalJSON reads a cnf object strictly. A member this package does not know, a duplicate, an empty object or a value
// that is not a 43-character thumbprint is an error: what cannot be checked must not pass as checked.
func (c *Confirmation) UnmarshalJSON(data []byte) error {
	var read Confirmation
	err := strictjson.Object(data, func(name string, v strictjson.Value) error {
		value, err := v.Str()
		if err != nil || !IsThumbprint(value) {
			return fmt.Errorf("cnf member %q is not a SHA-256 thumbprint in base64url", name)
		}
		switch name {
		case "jkt":
			read.JKT = value
		case "x5t#S256":
			read.X5T = value
		default:
			return fmt.Errorf("cnf has the member %q, which is not known here", name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !read.Bound() {
		return errors.New("cnf is empty")
	}
	*c = read
	return nil
}

// IsThumbprint reports whether s has the form of a SHA-256 value in base64url without padding. The two bits after the
// last byte are not looked at: the example of RFC 8705 §3.1 has them set, and thumbprints are compared as strings.
func IsThumbprint(s string) bool {
	if len(s) != 43 || strings.ContainsAny(s, "\r\n") { // encoding/base64 skips line ends
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil
}

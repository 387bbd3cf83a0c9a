package people

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
	"unicode/utf8"
)

// A Session is one browser in which a person is logged in. What the browser keeps is a secret that the Session does not show.
type Session struct {
	ID       string    `json:"sid"` // unrelated to the secret: it may be told to clients, as sid
	Subject  string    `json:"sub"`
	Methods  []Method  `json:"methods"`
	AuthTime time.Time `json:"auth_time"` // when the person last proved who they are
	Created  time.Time `json:"created"`
	Seen     time.Time `json:"seen"`    // to about a tenth of SessionConfig.Idle
	Expires  time.Time `json:"expires"` // unless it is seen again
	Address  string    `json:"address,omitempty"`
	Agent    string    `json:"agent,omitempty"`
	Pending  bool      `json:"pending,omitzero"` // the password was right, the second factor is missing: nobody is logged in yet
}

// ACR gives the level of authentication of the session; "" while it is pending.
func (s Session) ACR() string {
	if s.Pending {
		return ""
	}
	return ACR(s.Methods)
}

// A sessionRecord is what is kept of a session.
type sessionRecord struct {
	Session
	Key string `json:"key"` // the id of its sessionKey
}

func (r sessionRecord) id() string { return r.Subject + "/" + r.ID }

// A sessionKey leads from a secret to its session.
type sessionKey struct {
	Session string `json:"session"` // the id of the sessionRecord
}

const secretBytes = 32

// newSecret makes what a cookie holds, and the id of its sessionKey.
func newSecret() (secret, key string) {
	secret = base64.RawURLEncoding.EncodeToString(random(secretBytes))
	return secret, keyOf(secret)
}

// keyOf gives the id of the sessionKey for a secret, or "" for what cannot be one.
func keyOf(secret string) string {
	if len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return ""
	}
	if _, err := base64.RawURLEncoding.Strict().DecodeString(secret); err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// clip shortens what a browser says about itself.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

package issuer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/tenon-auth/tenon"
)

// A refresh token is "tnr_", the index of the entry of its grant's first token, and a secret of 48 bytes: 32 that nobody can
// guess, and 16 that show that they were made with the key of this grant. All tokens that a grant has had are alike in that, so
// that one which was replaced long ago is told from an invention without remembering each of them.
const (
	refreshRandom = 32
	refreshMark   = 16
)

// refreshRecord is the refresh token of a grant: the one that is good now, and the one before. It is named by the index of the
// entry of the grant's first token, as liveTokens are, and its tokens carry that name.
type refreshRecord struct {
	Grant    string             `json:"grant"`
	ClientID string             `json:"client_id"`
	Key      string             `json:"key"`               // makes the successors; without a token in hand it makes none
	Current  string             `json:"current"`           // secretID of the one that is good
	Binding  tenon.Confirmation `json:"cnf,omitzero"`      // what the last token was bound to; a public client's refresh token is bound to it (RFC 9449 §5)
	Rotated  *rotation          `json:"rotated,omitempty"` // profile oauth2: how the current one came to be
}

// A rotation is the replacement of a refresh token by the next.
type rotation struct {
	At       time.Time          `json:"at"`
	Previous string             `json:"previous"`     // secretID of the one that was replaced
	Binding  tenon.Confirmation `json:"cnf,omitzero"` // who did it, and may have the same answer again for a while
}

// newRefreshSecret makes the first secret of a grant.
func newRefreshSecret(key string) string { return marked(key, randomBytes(refreshRandom)) }

// nextRefreshSecret makes the successor of a secret. The same secret has always the same, and only who has it can know.
func nextRefreshSecret(key, secret string) string {
	return marked(key, keyed(key, "next", []byte(secret)))
}

// wasGiven reports whether a secret is, or once was, one of the grant that has the key.
func wasGiven(key, secret string) bool {
	const size = refreshRandom + refreshMark
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	return err == nil && len(raw) == size && len(secret) == base64.RawURLEncoding.EncodedLen(size) && // line ends are skipped when it is read
		hmac.Equal(raw[refreshRandom:], mark(key, raw[:refreshRandom]))
}

func marked(key string, random []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(random, mark(key, random)...))
}

func mark(key string, random []byte) []byte { return keyed(key, "mark", random)[:refreshMark] }

func keyed(key, purpose string, message []byte) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write(message)
	return h.Sum(nil)
}

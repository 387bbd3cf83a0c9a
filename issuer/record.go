package issuer

import (
	"encoding/json"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// The kinds of record that the issuer keeps.
const (
	kindProofs     store.Kind = "proofs"     // a proof's jti that was spent, by dpop.Proof.ReplayKey
	kindAssertions store.Kind = "assertions" // an assertion's jti that was spent, by client
)

var (
	clientRecords = store.Collection[Client]{Kind: "clients"}
	signingKeys   = store.Collection[keyRecord]{Kind: "keys"}
	nonceKeys     = store.Collection[nonceKeyRecord]{Kind: "nonce_keys"}
	liveTokens    = store.Collection[tokenRecord]{Kind: "tokens"} // named by the index of the leaf
	revokedTokens = store.Collection[struct{}]{Kind: "revoked"}   // the same; there while the token would be alive
)

// commitMargin is how long after its use could be judged good a spent jti, and after its expiry a token's record, is kept.
// Judging comes before the commit, and replicas' clocks differ: without it an honest request at the edge would be taken for a
// second use, and a token of another replica could be out of reach of a revocation while it is alive.
const commitMargin = time.Minute

// tokenRecord is what is remembered of a token while it is alive: enough to find it for revocation.
type tokenRecord struct {
	ID       string `json:"jti"` // without the index, which is the record's name
	ClientID string `json:"client_id"`
	KeyID    string `json:"kid"`
	JKT      string `json:"jkt,omitempty"` // both halves of the token's cnf
	X5T      string `json:"x5t,omitempty"`
	Expires  int64  `json:"exp"`
}

// A leaf is one entry of the binding log: what the log is made of is exactly these bytes, in the order of commits. The field
// names, their order and their meaning are for ever; names whose values need a salt are not written yet.
type leaf struct {
	Version  int     `json:"v"`
	Type     string  `json:"t"`
	Time     int64   `json:"ts"` // milliseconds
	Outcome  string  `json:"out"`
	Binding  string  `json:"b"`            // "jkt", "x5t", both joined by "+", or "none"
	Client   string  `json:"cl,omitempty"` // client id
	Audience string  `json:"aud,omitempty"`
	Scope    string  `json:"sc,omitempty"`
	Expires  int64   `json:"exp,omitempty"` // of the token, seconds
	KeyID    string  `json:"kid,omitempty"` // that signs the token
	Of       *uint64 `json:"of,omitempty"`  // the index of the token that is revoked
}

// The types of leaf.
const (
	leafIssued  = "token.issued"
	leafRevoked = "token.revoked"
)

// bytes gives the leaf as it is stored and hashed.
func (l leaf) bytes(now time.Time) ([]byte, error) {
	l.Version, l.Time, l.Outcome = 1, now.UnixMilli(), "ok"
	return json.Marshal(l)
}

// binding tells in a word what the token is bound to.
func (t tokenRecord) binding() string {
	switch {
	case t.JKT != "" && t.X5T != "":
		return "jkt+x5t"
	case t.JKT != "":
		return "jkt"
	case t.X5T != "":
		return "x5t"
	}
	return "none"
}

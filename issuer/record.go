package issuer

import (
	"time"

	"github.com/tenon-auth/tenon"
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
	ID           string             `json:"jti"`
	ClientID     string             `json:"client_id"`
	KeyID        string             `json:"kid"`
	Confirmation tenon.Confirmation `json:"cnf,omitzero"`
	Expires      int64              `json:"exp"`
}

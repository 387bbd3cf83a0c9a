package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
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

	pushedRequests = store.Collection[pushedRequest]{Kind: "requests"} // named by secretID of the request_uri's random part
	codes          = store.Collection[codeRecord]{Kind: "codes"}       // named by secretID of the code; a spent one stays while its tokens could live
	personGrants   = store.Collection[grantRecord]{Kind: "grants"}     // named by grantID: the grants of a person have a prefix in common
	refreshTokens  = store.Collection[refreshRecord]{Kind: "refresh"}  // named by the index of the leaf of the grant's first token
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
	Grant        string             `json:"grant,omitempty"`  // the grant it comes from, "" when the client acts for itself
	Opaque       *opaqueRecord      `json:"opaque,omitempty"` // nil for a JWT
}

// opaqueRecord is what an opaque token stands for.
type opaqueRecord struct {
	Secret string          `json:"secret"` // secretID of the token's random part
	Claims json.RawMessage `json:"claims"` // what a JWT would say, without the index of its entry
}

// secretID names a record by what its holder presents: whoever reads the store cannot present it.
func secretID(secret string) string {
	digest := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// newSecret gives 256 random bits (FAPI 2.0 §5.4.1 (4)).
func newSecret() string { return base64.RawURLEncoding.EncodeToString(randomBytes(32)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// grantID makes the name of a grant: who gave it, unreadable, and a random part.
func grantID(person string) string { return grantsOf(person) + newSecret()[:22] }

// grantsOf is what the names of a person's grants begin with.
func grantsOf(person string) string { return secretID(person)[:22] + "." }

// grantRecord is what a person has allowed a client. It is made when the person says yes, and lives as long as its tokens may.
type grantRecord struct {
	Person         string               `json:"person"` // the directory's subject, never told to a client with pairwise subjects
	ClientID       string               `json:"client_id"`
	SessionID      string               `json:"sid,omitempty"`
	Scope          tenon.Scope          `json:"scope,omitempty"`
	Details        rar.Details          `json:"authorization_details,omitempty"`
	Resources      []string             `json:"resources"`
	Authentication tenon.Authentication `json:"authentication"`
	Identity       claimsRequest        `json:"claims,omitzero"` // which claims about the person were asked for
	Created        time.Time            `json:"created"`
	Used           time.Time            `json:"used,omitzero"`   // when a token was last given, to within an hour
	Since          uint64               `json:"since,omitempty"` // an index before those of all its tokens
	First          *uint64              `json:"first,omitempty"` // the log's index of its first token; not known before the second
}

// codeRecord is an authorization code that was given out.
type codeRecord struct {
	Grant       string    `json:"grant"`
	ClientID    string    `json:"client_id"`
	RedirectURI string    `json:"redirect_uri"`
	Challenge   string    `json:"code_challenge"`     // S256 (RFC 7636 §4.2)
	JKT         string    `json:"dpop_jkt,omitempty"` // the key it is bound to, "" for none (RFC 9449 §10)
	Nonce       string    `json:"nonce,omitempty"`    // for the ID token
	Until       time.Time `json:"until"`              // when it stops being good; the record stays, to notice a second use
	Spent       bool      `json:"spent,omitempty"`
}

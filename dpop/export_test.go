package dpop

import (
	"crypto"
	"net/http"
	"time"
)

// What follows opens the inside of this package to its external tests.

// Parsed is what the strict parser reads in a proof whose signature fits.
type Parsed struct {
	Algorithm     Algorithm
	Thumbprint    string
	JTI, HTM, HTU string
	ATH, Nonce    *string
	IAT           int64
	NBF, EXP      *int64
}

// Parse runs the checks on a proof that need no request: 1 to 7.
func Parse(proof string) (*Parsed, error) {
	field, err := oneField([]string{proof})
	if err != nil {
		return nil, err
	}
	parts, err := cut(field)
	if err != nil {
		return nil, err
	}
	head, err := parseHeader(parts.header, Algorithms())
	if err != nil {
		return nil, err
	}
	c, err := parseClaims(parts.payload)
	if err != nil {
		return nil, err
	}
	if err := head.verify(parts.signed, parts.signature); err != nil {
		return nil, err
	}
	return &Parsed{head.alg, head.thumbprint, c.jti, c.htm, c.htu, c.ath, c.nonce, c.iat, c.nbf, c.exp}, nil
}

func VerifySignature(key crypto.PublicKey, signed string, sig []byte) bool {
	return verifySignature(key, signed, sig)
}

func ParseKeyFile(data []byte) (crypto.Signer, error) { return parseKeyFile(data) }

func ChallengeError(h http.Header) string { return challengeError(h) }

// NormalTarget is the normal form of a URL on the side of htu.
func NormalTarget(url string) (string, bool) {
	t, ok := appendTarget(nil, url, dotsRemoved)
	return string(t), ok
}

// OfferedCount is how many keys are remembered as having been given a nonce.
func (n *Nonces) OfferedCount() int { return len(n.offered.keys) }

// CachedHeaders is how many parsed headers are kept.
func (c *Checker) CachedHeaders() int { return len(c.headers.young) + len(c.headers.old) }

// HoldTable holds the lock of the table that a key belongs to, as a caller does who is at work there.
func (m *Memory) HoldTable(key [32]byte) (t *HeldTable) {
	t = &HeldTable{m, &m.tables[m.tableOf(m.hash([16]byte(key[:])))]}
	t.table.mu.Lock()
	return t
}

// A HeldTable is a table whose lock is held.
type HeldTable struct {
	memory *Memory
	table  *table
}

// Forget drops what has expired at the given time.
func (t *HeldTable) Forget(now time.Time) int {
	return t.memory.rebuild(t.table, uint32(now.Unix()), 0)
}

// Release lets go of the lock.
func (t *HeldTable) Release() { t.table.mu.Unlock() }

const (
	MaxCachedHeaders = maxCachedHeaders

	MaxProof   = maxProof
	MaxJTI     = maxJTI
	MaxHTU     = maxHTU
	MaxOffered = maxOffered
	MaxOrigins = maxOrigins
)

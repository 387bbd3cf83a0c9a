package dpop

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// A Proof is a proof that was checked against its request. Only [Checker.Check] makes one.
type Proof struct {
	header    *header
	jti       string
	iat       time.Time
	offset    time.Duration
	until     time.Time
	nextNonce string
}

// Thumbprint returns the RFC 7638 thumbprint of the key that made the proof: the jkt to bind a token to.
func (p *Proof) Thumbprint() string { return p.header.thumbprint }

// Algorithm returns the alg of the proof.
func (p *Proof) Algorithm() Algorithm { return p.header.alg }

// JTI returns the identifier the client gave the proof, 1 to 256 bytes. For the replay memory use [Proof.ReplayKey].
func (p *Proof) JTI() string { return p.jti }

// IssuedAt returns iat.
func (p *Proof) IssuedAt() time.Time { return p.iat }

// Offset returns how far the client's clock seems to be ahead of ours: iat minus the time of the check.
func (p *Proof) Offset() time.Duration { return p.offset }

// NextNonce returns a nonce to hand out with the answer in DPoP-Nonce (RFC 9449 §8.2), or "".
func (p *Proof) NextNonce() string { return p.nextNonce }

// Until returns the last instant at which this proof could be accepted. A replay memory must not forget it before.
func (p *Proof) Until() time.Time { return p.until }

// ReplayKey returns what a replay memory remembers: SHA-256 over realm, thumbprint and jti, each with its length before it.
// The thumbprint is in it so that nobody can use up another's jti; the realm, so that a gateway and the service behind it
// can share a memory and both check.
func (p *Proof) ReplayKey(realm string) [32]byte {
	buf := make([]byte, 0, 512)
	for _, part := range [...]string{realm, p.header.thumbprint, p.jti} {
		buf = binary.BigEndian.AppendUint32(buf, uint32(len(part)))
		buf = append(buf, part...)
	}
	return sha256.Sum256(buf)
}

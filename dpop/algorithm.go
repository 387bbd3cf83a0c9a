package dpop

import "slices"

// An Algorithm is a JWS algorithm a proof may be signed with (RFC 7518 §3.1, RFC 8037, RFC 9864).
type Algorithm string

// The algorithms of FAPI 2.0 §5.4. EdDSA and Ed25519 are two names of one algorithm: both mean Ed25519, no other curve.
const (
	ES256   Algorithm = "ES256"   // ECDSA on P-256 with SHA-256 (RFC 7518 §3.4)
	PS256   Algorithm = "PS256"   // RSASSA-PSS with SHA-256 and a salt of 32 bytes (RFC 7518 §3.5)
	EdDSA   Algorithm = "EdDSA"   // Ed25519 by its first name (RFC 8037 §3.1)
	Ed25519 Algorithm = "Ed25519" // Ed25519 by its full name (RFC 9864 §2.2)
)

// Algorithms returns every algorithm this package knows, in a new slice, in the order of preference.
func Algorithms() []Algorithm { return []Algorithm{ES256, PS256, EdDSA, Ed25519} }

// known reports whether a is one of [Algorithms].
func (a Algorithm) known() bool { return slices.Contains(Algorithms(), a) }

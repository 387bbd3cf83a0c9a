// Package tenon is the vocabulary that the rooms of this module share: what a refusal is ([Error], [Code]), what an access
// token says ([Claims], RFC 9068), which key it belongs to ([Confirmation], RFC 7800) and what it allows ([Scope], RFC 6749).
// It has no behaviour beyond them and imports the standard library only.
//
// Somebody who protects an API starts at package verifier; somebody who calls one, at package client; somebody who issues
// tokens, at package issuer. Packages dpop and mtls hold the two proofs of possession.
//
// Reading order: error.go, confirmation.go, scope.go, claims.go.
package tenon

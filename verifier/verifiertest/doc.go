// Package verifiertest lets a service test its protected routes without an issuer, a client or a network of its own: it has a fake
// issuer, which publishes keys and status lists on a loopback address, and makes the tokens, proofs and requests that the service's
// handler gets to see.
//
// The verifier under test is the real one, with the real key set, status lists, proofs and replay memory. Only the issuer is
// fake: it gives a token to whoever asks.
//
// Reading order: issuer.go, statuslist.go, token.go, request.go. The example shows a whole test.
package verifiertest

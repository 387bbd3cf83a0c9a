// Package dpop is proof of possession at the application layer (RFC 9449), both sides of it. A client makes a proof with a
// [Key]; a server checks one with a [Checker] and then asks a [Replays] whether it has seen it before.
//
// # Checking
//
// [NewChecker] takes the policy, [Checker.Check] takes a request and returns a [Proof], which nothing else can make. The
// check is stateless: it remembers nothing about the proof, so a refused request burns no jti. The caller finishes with
// [Replays.Use], given [Proof.ReplayKey] and [Proof.Until], after everything else about the request was judged. [Memory] is a
// Replays that lives in this process; a durable one builds on it.
//
// A refusal is a *tenon.Error. Its code is invalid_dpop_proof, or use_dpop_nonce when the caller should repeat the request
// with the nonce of [Nonces.Mint], or invalid_token when the proof is good but the token belongs to another key.
//
// # Proving
//
// [Key.Proof] makes one proof for one request. [NewTransport] gives an http.RoundTripper that adds the access token and a
// proof to every request, keeps one nonce an origin and repeats a request at most once.
//
// # Promises
//
//   - typ is exactly "dpop+jwt", in lower case: one spelling, so that a proof is never mistaken for another JWT (RFC 9449 §11.5).
//   - ES256, PS256 and EdDSA with Ed25519 only; RSA moduli of 2048 to 4096 bits.
//   - htu is compared after the normalisation of RFC 3986 §6.2.2 and §6.2.3, without its query and fragment. A request whose
//     path has dot segments matches no proof.
//   - Nothing that is still acceptable is forgotten: the same function decides on iat and computes [Proof.Until].
//
// Reading order: algorithm.go, thumbprint.go, jwk.go, key.go, keyfile.go, make.go; compact.go, header.go, headercache.go,
// claims.go, signature.go, htu.go, window.go, proof.go, check.go; nonce.go, offered.go; replays.go, memory.go, table.go, load.go;
// origin.go, noncejar.go, clock.go, challenge.go, transport.go.
package dpop

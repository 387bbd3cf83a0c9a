// Package issuer is the authorization server: it authenticates a client, looks at the key the client holds, and signs an
// access token that is good for that key only (RFC 9068 with the cnf of RFC 9449 §6 or RFC 8705 §3).
//
// [New] makes an [Issuer] from a [Config]; [Issuer.Handler] serves everybody, [Issuer.MTLSHandler] the second listener that
// asks for certificates, and [Issuer.Run] keeps the signing keys on their schedule. [Admin] is what an operator does:
// registrations, keys, revocation. Neither reads files or opens listeners.
//
// A token request goes through these steps, and each is a file:
//
//	form.go -> possession.go -> client_auth*.go -> grant*.go -> commit.go -> mint.go -> respond.go
//
// Everything is judged before anything is spent. Then one store.Commit spends the proof's jti and the assertion's jti, and
// writes the record of the token and the leaf of the log: a refused request costs its client nothing, and two requests with
// the same proof get one token. The token is signed after the commit and carries the index of its leaf, so that no token is
// without a record; a crash in between leaves a record without a token, which harms nobody.
//
// Three statements hold by construction: possession.go alone makes a tenon.Confirmation, mint.go alone signs an access token
// and refuses one that is bound to nothing, and respond.go alone turns an error into HTTP.
//
// Reading order: config.go, issuer.go, token.go and the files named above; client.go and registry.go (registrations);
// keyring.go, keyschedule.go, keyfiles.go and noncekeys.go (keys); metadata.go, statuslist.go (what is published);
// record.go, revoked.go, admin.go (what is remembered and how it is administered); limits.go, event.go, routes.go.
package issuer

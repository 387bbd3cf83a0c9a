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
// What a person allows begins at the other end. A client pushes its request (par.go), which is judged whole before a person is
// asked: authrequest.go, authtarget.go and authwishes.go are one column of checks for each concern, claimsrequest.go and
// idtokenhint.go read what needs a parser. Package browser then asks the person, and comes back through requests.go, where a yes
// becomes a grant and a code and a no becomes an error, in the one commit that uses the request up. redirect.go knows where an
// answer may go. grantlist.go is what a person sees and ends later.
//
// The code brings the client back to the token endpoint. grant.go says what a grant is; grant_authorization_code.go and
// grant_refresh_token.go are two columns of checks, and grant_person.go what they have in common: a token is never for more than
// the person granted and the client is still registered for. refreshtoken.go and opaque.go know what these tokens look like,
// idtoken.go what is told about the login. What another request has changed in the meantime is judged again, so that of two who
// redeem one code the second is refused for what it is; then the grant ends (ended.go), and its tokens with it.
//
// Tokens come back too. livetoken.go finds the token that a text is and asks whether it is good now; introspection.go tells an API
// about the tokens that are for it, revocationendpoint.go ends a client's own. userinfo.go is an API of this issuer: package
// verifier stands in front of it and answers what it refuses, with what it asks in ownkeys.go and owntokens.go; identityclaims.go
// knows which claims a scope is worth.
//
// Three statements hold by construction: possession.go alone makes a tenon.Confirmation, mint.go alone signs an access token
// and refuses one that is bound to nothing, and respond.go alone turns an error into HTTP.
//
// Reading order: config.go, issuer.go, call.go, token.go and the files named above; client.go, registration.go, registrationflow.go
// and registry.go (registrations); subject.go and pairwisesubject.go (the names by which clients know people);
// keyring.go, keyschedule.go, keyfiles.go and noncekeys.go (keys); metadata.go, statuslist.go (what is published);
// record.go, revoked.go, ended.go, admin.go (what is remembered and how it is administered); limits.go, event.go, routes.go.
package issuer

// Package verifier is the resource server's half of Tenon: it lets a request through only when its access token is good and the
// caller has proved possession of the key or certificate that the token is bound to (RFC 9068, RFC 9449 §7, RFC 8705 §3, and
// FAPI 2.0 §5.3.4).
//
// A service wraps its handler and says which scope each route needs:
//
//	v, err := verifier.New(verifier.Config{
//		Issuer:     "https://as.example.com",
//		Audience:   "https://api.example.com",
//		Origin:     "https://api.example.com",
//		Keys:       keys,        // NewRemoteKeys
//		Revocation: lists,       // NewStatusLists
//		DPoP:       checker,     // dpop.NewChecker
//		Replays:    replays,     // dpop.NewMemory, or a durable memory
//	})
//	http.Handle("/payments", v.Middleware(verifier.Require("payments")(payments)))
//
// What is promised: a handler behind [Verifier.Middleware] runs only for a request whose token a key of the issuer signed for this
// audience, that has not expired and is not revoked within the delay stated by its [Revocation], and whose every confirmation was
// proved on this request with a proof that has not been used before. When any of that cannot be known the answer is 503.
// A service without net/http calls [Verifier.Verify] and gets the same verdicts.
//
// What is not promised: a proof does not cover the request's body or query (RFC 9449 §11.7), and a service that needs CORS
// answers preflight requests in front of the middleware, because a request without a token never passes it.
//
// Reading order: config.go, request.go, target.go, verify.go (the column of checks), bind.go (the only comparison of a
// confirmation with what was presented), jws.go, token.go, cache.go, event.go, verdict.go; opaque.go, introspection.go, introspectionanswer.go, credential.go; keys.go, document.go, remotekeys.go, discovery.go;
// revocation.go, statuslist.go, statuslists.go; middleware.go, challenge.go (the only file that turns errors into HTTP),
// require.go, metadata.go.
package verifier

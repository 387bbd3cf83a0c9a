// Package client gets sender-constrained access tokens and calls protected APIs with them: for a program that acts for
// itself (client_credentials, RFC 6749 §4.4) and for one that acts for a person who logs in (authorization code with pushed
// requests and PKCE, OpenID Connect). Every token is bound to a key (DPoP, RFC 9449) or to a certificate (RFC 8705); a token
// that comes back unbound is discarded.
//
//	c, err := client.New(client.Config{Issuer: "https://as.example.com", ClientID: "tpp", Key: key, Assertion: assertion})
//	resp, err := c.HTTPClient().Get("https://api.example.com/accounts")
//
//	s, err := c.Login(ctx, client.Login{Scope: tenon.Scope{"openid", "accounts"}, Vault: vault}, openBrowser)
//	resp, err = s.HTTPClient().Get("https://api.example.com/accounts")
//
// The client discovers the issuer's endpoints, proves who it is (private_key_jwt or mutual TLS), answers nonce challenges,
// renews the token before it expires with one request for all callers, and asks for a fresh one when a server says that
// the one it has is no longer good. What a server refuses comes back as a [*Refusal] that says what to change; what comes
// from somebody else than it claims is a [*Distrust]. It follows the client's part of FAPI 2.0 Security Profile §5.3.3.
//
// Reading order: config.go and client.go (what a caller sees), keeper.go (when a token is asked for), credentials.go,
// request.go, assertion.go, metadata.go and response.go (how), identity.go (the certificate and its connections),
// transport.go (calls), refusal.go, cause.go and challenge.go (what went wrong). For people: login.go, finish.go and
// loopback.go (how they log in), idtoken.go, jwks.go and userinfo.go (who they are), session.go, refresh.go and vault.go (how
// a session lives), logout.go (how it ends).
package client

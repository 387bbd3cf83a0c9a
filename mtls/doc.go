// Package mtls is the certificate side of proof of possession (RFC 8705): which certificate came with a request, what its
// thumbprint is, whose it is, and how a TLS endpoint must be set up so that these answers can be trusted.
//
// A server builds its tls.Config with [ServerConfig] and asks a [Source] for the certificate of each request. The resource
// server needs only [Thumbprint]: it compares with the cnf claim and validates no chain (RFC 8705 §6.2). The authorization
// server tells clients apart in one of two ways: [VerifyClient] and then [Subject.Match] for tls_client_auth (RFC 8705 §2.1),
// or [CheckValidity] and then [MatchRegistered] for self_signed_tls_client_auth (RFC 8705 §2.2). Neither half is enough alone.
//
// The errors of this package are plain: it knows certificates, not OAuth. Its callers turn every one of them into a refusal.
//
// Reading order: source.go, thumbprint.go, verify.go, registered.go, subject.go, san.go, sanvalue.go, dn.go, dnattribute.go,
// dnvalue.go, dnparse.go, config.go.
package mtls

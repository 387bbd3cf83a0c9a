package verifier_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/verifier"
)

// An API that takes JWTs and opaque tokens, and learns of a revocation within five seconds.
func ExampleNewIntrospection() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // in earnest: the one that the issuer knows this API by
	if err != nil {
		fmt.Println(err)
		return
	}
	asking, err := verifier.NewIntrospection(verifier.IntrospectionConfig{
		Endpoint: "https://as.example.com/introspect",
		Credential: &verifier.PrivateKeyJWT{
			Issuer: "https://as.example.com", ClientID: "payments-api", Key: jose.JSONWebKey{Key: key, Algorithm: "ES256", KeyID: "2026"},
		},
		MaxAge: 5 * time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: "https://as.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	if err != nil {
		fmt.Println(err)
		return
	}
	replays, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1_000_000})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.New(verifier.Config{
		Issuer: "https://as.example.com", Audience: "https://api.example.com", Origin: "https://api.example.com",
		Keys: keys, DPoP: checker, Replays: replays,
		Revocation: asking,                              // of JWTs
		TokenRules: verifier.TokenRules{Opaque: asking}, // what the others stand for
	})
	fmt.Println(err)
	// Output: <nil>
}

// A transfer needs a login with two factors, not older than five minutes; looking at the balance does not.
func ExampleRequireAuthentication() {
	var v *verifier.Verifier // verifier.New
	var balance, transfer http.Handler
	recent := verifier.RequireAuthentication(verifier.AuthenticationRule{
		ACR:    []string{"urn:tenon:acr:mfa", "phr", "phrh"},
		MaxAge: 5 * time.Minute,
	})
	protect := func() http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /balance", verifier.Require("accounts")(balance))
		mux.Handle("POST /transfer", verifier.Require("payments")(recent(transfer)))
		return v.Middleware(mux)
	}
	_ = protect
}

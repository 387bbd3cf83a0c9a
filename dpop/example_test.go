package dpop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// A server checks a proof first, and asks its replay memory last.
func ExampleChecker_Check() {
	key, err := dpop.GenerateKey(dpop.ES256)
	if err != nil {
		panic(err)
	}
	const url, token = "https://api.example.com/payments", "token-bound-to-the-key"
	proof, err := key.Proof(dpop.Target{Method: "POST", URL: url, AccessToken: token})
	if err != nil {
		panic(err)
	}

	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	if err != nil {
		panic(err)
	}
	memory, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1_000_000})
	if err != nil {
		panic(err)
	}
	for range 2 {
		checked, err := checker.Check(dpop.Request{
			Method: "POST", URL: url, Proofs: []string{proof}, AccessToken: token, Thumbprint: key.Thumbprint(),
		})
		if err != nil {
			panic(err)
		}
		first, err := memory.Use(context.Background(), checked.ReplayKey("payments"), checked.Until())
		fmt.Println(first, err)
	}
	_, err = checker.Check(dpop.Request{Method: "DELETE", URL: url, Proofs: []string{proof}, AccessToken: token, Thumbprint: key.Thumbprint()})
	fmt.Println(err, errors.Is(err, tenon.InvalidDPoPProof))
	// Output:
	// true <nil>
	// false <nil>
	// invalid_dpop_proof: htm is POST, the request is DELETE true
}

// A client gives its http.Client a transport, and uses it like any other.
func ExampleNewTransport() {
	key, err := dpop.LoadOrCreateKey("client.key", dpop.ES256)
	if err != nil {
		panic(err)
	}
	transport, err := dpop.NewTransport(dpop.TransportConfig{
		Key:   key,
		Token: func(context.Context) (string, error) { return "token-bound-to-the-key", nil },
	})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: transport}
	resp, err := client.Get("https://api.example.com/accounts")
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// The thumbprint of a key is what a token is bound to.
func ExampleKey_Thumbprint() {
	key, err := dpop.GenerateKey(dpop.Ed25519)
	if err != nil {
		panic(err)
	}
	thumbprint, err := dpop.Thumbprint(key.Signer().Public())
	if err != nil {
		panic(err)
	}
	fmt.Println(thumbprint == key.Thumbprint(), len(thumbprint))
	// Output: true 43
}

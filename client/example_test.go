package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// A client with two keys: one tells the issuer who it is, the other is what its tokens are bound to.
func Example() {
	proofKey, err := dpop.LoadOrCreateKey("dpop.pem", dpop.ES256)
	if err != nil {
		log.Fatal(err)
	}
	registered, err := dpop.LoadKey("assertion.pem")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{
		Issuer:    "https://as.example.com",
		ClientID:  "tpp-4711",
		Key:       proofKey,
		Assertion: &client.AssertionKey{Signer: registered.Signer(), Algorithm: registered.Algorithm()},
		Scope:     tenon.Scope{"accounts"},
		Resource:  []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := c.HTTPClient().Get("https://api.example.com/accounts")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if refusal := c.Explain(resp); refusal != nil {
		log.Fatal(refusal) // says what was wrong and what to change
	}
	io.Copy(io.Discard, resp.Body)
}

// A client with a certificate authenticates with it, and its tokens are bound to it. The certificate may be renewed while
// the program runs.
func ExampleNew_certificate() {
	certificate, err := certs.NewReloader("client.pem", "client-key.pem", func(err error) { log.Print(err) })
	if err != nil {
		log.Fatal(err)
	}
	go certificate.Run(context.Background(), time.Minute)
	c, err := client.New(client.Config{
		Issuer:      "https://as.example.com",
		ClientID:    "tpp-4712",
		Certificate: certificate.GetClientCertificate,
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Token(context.Background()); errors.Is(err, tenon.InvalidClient) {
		log.Fatal(err)
	}
}

func ExampleRefusal() {
	refusal := &client.Refusal{
		Method: "POST", URL: "https://api.bank.example/payments", Status: 401, Code: tenon.InvalidDPoPProof,
		Description: "proof iat is 94 s behind server time; accepted window 60 s",
		At:          time.Date(2026, 11, 22, 9, 58, 26, 0, time.UTC),
		ServerTime:  time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	fmt.Println(refusal.Cause())
	fmt.Println(refusal.Advice())
	// Output:
	// clock
	// set this machine's clock (it is 94 s slow); or follow the server's clock (LearnClock)
}

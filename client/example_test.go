package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
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

// A program at a person's desk. The session is in a vault, so that the person logs in once and not at every start.
func ExampleClient_Login() {
	var c *client.Client   // see the first example
	var vault client.Vault // a file that only its owner can read, a row that is encrypted
	ctx := context.Background()
	session, err := c.Resume(ctx, vault)
	if errors.Is(err, client.ErrNoSession) {
		session, err = c.Login(ctx, client.Login{Scope: tenon.Scope{"openid", "accounts"}, Vault: vault}, func(address string) error {
			fmt.Println("Log in at", address)
			return nil
		})
	}
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close(ctx)
	resp, err := session.HTTPClient().Get("https://api.example.com/accounts")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

// A web application begins a login where the person asks for one, and finishes it where the browser comes back.
func ExampleClient_Begin() {
	var c *client.Client // see the first example
	var ctx context.Context
	attempt, err := c.Begin(ctx, client.Login{RedirectURI: "https://tpp.example.com/callback", Scope: tenon.Scope{"openid", "accounts"}})
	if err != nil {
		log.Fatal(err)
	}
	// Keep the attempt with this browser's session, and redirect it to attempt.Address. When it comes to the callback, take
	// the attempt out of the session and finish it:
	var callback url.Values // the query
	session, err := c.Finish(ctx, attempt, callback)
	if denied := (*client.Denied)(nil); errors.As(err, &denied) {
		log.Print(denied) // the person has said no
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	person := session.Identity()
	fmt.Println(person.Issuer, person.Subject) // together the name of an account; an email address is none
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

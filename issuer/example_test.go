package issuer_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store/bolt"
)

// An authorization server that binds tokens to DPoP keys, with one client.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "issuer")
	check(err)
	defer os.RemoveAll(dir)

	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "tenon.db")})
	check(err)
	defer db.Close()
	book, err := audit.OpenBook(ctx, audit.BookConfig{Store: db, Origin: "as.example.com/log"})
	check(err)
	keys, err := issuer.OpenKeyring(ctx, issuer.KeyringConfig{Store: db, Log: book, Signers: issuer.KeyFiles(filepath.Join(dir, "keys"))})
	check(err)
	proofs, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	check(err)
	as, err := issuer.New(issuer.Config{Issuer: "https://as.example.com", Store: db, Log: issuer.BindingLog{Book: book}, Signing: keys, DPoP: proofs})
	check(err)

	clientKey, err := dpop.GenerateKey(dpop.ES256) // the client keeps this; the server is given the public half
	check(err)
	admin := &issuer.Admin{Store: db, Log: book, Keyring: keys}
	client, err := admin.AddClient(ctx, issuer.Client{
		ID: "tpp-4711", AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256",
		JWKS:       jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey.Signer().Public(), KeyID: "1"}}},
		GrantTypes: []string{"client_credentials"}, Scope: tenon.Scope{"payments"}, Resources: []string{"https://api.example.com"},
	})
	check(err)
	fmt.Println("registered", client.ID)

	// In a server: go as.Run(ctx), and as.Handler() behind TLS.
	answer := httptest.NewRecorder()
	as.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/token", nil))
	fmt.Println(answer.Code, answer.Body)
	// Output:
	// registered tpp-4711
	// 400 {"error":"invalid_request","error_description":"0 Content-Type fields: send application/x-www-form-urlencoded"}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

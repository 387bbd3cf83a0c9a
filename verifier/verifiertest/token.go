package verifiertest

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// Audience is the audience of the tokens that [Issuer.Token] makes, unless an edit says otherwise.
const Audience = "https://api.example.com"

// Token makes an access token for [Audience] that is good for five minutes, after the edits have been made to its claims. It is bound
// to nothing until an edit such as [BoundTo] binds it.
func (i *Issuer) Token(edits ...func(*tenon.Claims)) string {
	i.t.Helper()
	now := i.Now()
	index := i.nextIndex()
	claims := tenon.Claims{
		Issuer:   i.URL,
		Subject:  "client-1",
		ClientID: "client-1",
		ID:       rand.Text(),
		Audience: []string{Audience},
		IssuedAt: now,
		Expires:  now.Add(5 * time.Minute),
		Status:   &tenon.StatusReference{Index: uint64(index), URI: i.listURL()},
	}
	for _, edit := range edits {
		edit(&claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	token := i.sign("at+jwt", payload)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.indices[token] = index
	return token
}

func (i *Issuer) nextIndex() int {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.indices) >= statuses {
		i.t.Fatalf("verifiertest: one issuer makes at most %d tokens", statuses)
	}
	return len(i.indices)
}

// BoundTo binds a token to a DPoP key.
func BoundTo(key *dpop.Key) func(*tenon.Claims) {
	return func(c *tenon.Claims) { c.Confirmation.JKT = key.Thumbprint() }
}

// BoundToCertificate binds a token to a client certificate.
func BoundToCertificate(certificate tls.Certificate) func(*tenon.Claims) {
	return func(c *tenon.Claims) { c.Confirmation.X5T = mtls.Thumbprint(certificate.Leaf) }
}

// Scope gives a token its scope.
func Scope(scope ...string) func(*tenon.Claims) {
	return func(c *tenon.Claims) { c.Scope = scope }
}

// sign makes a JWT of the given type with the issuer's key.
func (i *Issuer) sign(typ string, payload []byte) string {
	options := new(jose.SignerOptions).WithType(jose.ContentType(typ)).WithHeader("kid", keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, options)
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return compact
}

package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/verifier"
)

// TestPrivateKeyJWT verifies assertions of every algorithm (RFC 7523 §3, FAPI 2.0 §5.3.3.1 (5)).
func TestPrivateKeyJWT(t *testing.T) {
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{
		jose.ES256: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		jose.PS256: must(rsa.GenerateKey(rand.Reader, 2048)),
		jose.EdDSA: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
	} {
		t.Run(string(alg), func(t *testing.T) {
			k := &verifier.PrivateKeyJWT{
				Issuer: testIssuer, ClientID: "api", Key: jose.JSONWebKey{Key: key, Algorithm: string(alg), KeyID: "k1"}, Now: func() time.Time { return base },
			}
			seen := map[string]bool{}
			for range 2 {
				form := url.Values{}
				if err := k.Authenticate(t.Context(), form); err != nil {
					t.Fatal(err)
				}
				if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Errorf("%v", form)
				}
				checkAssertion(t, form.Get("client_assertion"), alg, key, seen)
			}
		})
	}
}

func checkAssertion(t *testing.T, compact string, alg jose.SignatureAlgorithm, key crypto.Signer, seen map[string]bool) {
	t.Helper()
	parsed := must(jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{alg}))
	payload, err := parsed.Verify(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"` // a string and not an array
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	h := parsed.Signatures[0].Header
	if h.KeyID != "k1" || h.ExtraHeaders[jose.HeaderType] != "client-authentication+jwt" || h.JSONWebKey != nil {
		t.Errorf("header %+v", h)
	}
	if claims.Issuer != "api" || claims.Subject != "api" || claims.Audience != testIssuer || claims.IssuedAt != base.Unix() || claims.Expires != base.Unix()+60 {
		t.Errorf("%+v", claims)
	}
	if len(claims.ID) < 22 || seen[claims.ID] {
		t.Errorf("the jti %q is short, or comes twice", claims.ID)
	}
	seen[claims.ID] = true
}

func TestPrivateKeyJWTWithoutAKeySendsNothing(t *testing.T) {
	form := url.Values{}
	if err := (&verifier.PrivateKeyJWT{Issuer: testIssuer, ClientID: "api"}).Authenticate(t.Context(), form); err == nil || len(form) != 0 {
		t.Errorf("%v, %v", err, form)
	}
}

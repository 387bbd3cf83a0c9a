package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
)

// signProof makes a proof with any claims.
func signProof(t *testing.T, key *dpop.Key, claims map[string]any) string {
	t.Helper()
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(key.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", jwk)
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Signer()}, options))(t)
	signed := must(signer.Sign(must(json.Marshal(claims))(t)))(t)
	return must(signed.CompactSerialize())(t)
}

// A kept proof is judged as when it came, whatever today's date: form, algorithm and signature.
func TestKeptProof(t *testing.T) {
	key := must(dpop.GenerateKey(dpop.ES256))(t)
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"jti": "1", "htm": "POST", "htu": stageEndpoint, "iat": at.Unix()}
		change(c)
		return c
	}
	good := signProof(t, key, claims(func(map[string]any) {}))
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		proof string
		ok    bool
	}{
		"years later":            {good, true},
		"with ath and nonce":     {signProof(t, key, claims(func(c map[string]any) { c["ath"], c["nonce"] = "x", "n" })), true},
		"not before, a bit late": {signProof(t, key, claims(func(c map[string]any) { c["nbf"] = at.Unix() + 90 })), true},
		"expired when made":      {signProof(t, key, claims(func(c map[string]any) { c["exp"] = at.Unix() })), true},
		"dots in the address":    {signProof(t, key, claims(func(c map[string]any) { c["htu"] = "https://as.bank.example/a/%2e%2e/token" })), true},
		"no jti":                 {signProof(t, key, claims(func(c map[string]any) { delete(c, "jti") })), false},
		"no address":             {signProof(t, key, claims(func(c map[string]any) { c["htu"] = "token" })), false},
		"no iat":                 {signProof(t, key, claims(func(c map[string]any) { delete(c, "iat") })), false},
		"another signature":      {parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86), false},
		"another payload": {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"1","htm":"GET","htu":"https://a.example/","iat":1577836800}`)) +
			"." + parts[2], false},
		"two parts":   {parts[0] + "." + parts[1], false},
		"not base64":  {"*.*.*", false},
		"not JSON":    {"e30.e30x.e30", false},
		"empty":       {"", false},
		"other types": {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iat":"x"}`)) + "." + parts[2], false},
	} {
		t.Run(name, func(t *testing.T) {
			thumbprint, htm, _, iat, err := checkKeptProof(c.proof)
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if c.ok && (thumbprint != key.Thumbprint() || htm != "POST" || !iat.Equal(at)) {
				t.Errorf("it says %s %s %v", thumbprint, htm, iat)
			}
		})
	}
}

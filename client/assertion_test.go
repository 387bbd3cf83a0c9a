package client_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// What the client signs is verified by a JOSE library of others, for every algorithm of the profile (FAPI 2.0 §5.4.1 (1)).
func TestAssertionVerifiesWithEveryAlgorithm(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			key, err := dpop.GenerateKey(alg)
			if err != nil {
				t.Fatal(err)
			}
			issuer := newFakeIssuer(t)
			cfg := issuer.config(t)
			cfg.Assertion = &client.AssertionKey{Signer: key.Signer(), Algorithm: alg}
			if _, err := newClient(t, cfg).Token(t.Context()); err != nil {
				t.Fatal(err)
			}
			assertion := issuer.requests()[0].form.Get("client_assertion")
			header := jwtPart(t, assertion, 0)
			if header["alg"] != string(alg) || header["kid"] != nil || header["jwk"] != nil {
				t.Errorf("header %v", header)
			}
			verify(t, assertion, alg, key.Signer().Public())
		})
	}
}

func verify(t *testing.T, assertion string, alg dpop.Algorithm, key crypto.PublicKey) {
	t.Helper()
	if alg == dpop.Ed25519 { // go-jose knows it by its first name only
		part := strings.Split(assertion, ".")
		signature, _ := base64.RawURLEncoding.DecodeString(part[2])
		if !ed25519.Verify(key.(ed25519.PublicKey), []byte(part[0]+"."+part[1]), signature) {
			t.Error("the signature does not verify")
		}
		return
	}
	jws, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Verify(key); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	if alg == dpop.PS256 { // RFC 7518 §3.5: the salt is as long as the hash, which go-jose does not insist on
		part := strings.Split(assertion, ".")
		h := crypto.SHA256.New()
		h.Write([]byte(part[0] + "." + part[1]))
		err := rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, h.Sum(nil), jws.Signatures[0].Signature,
			&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			t.Errorf("salt: %v", err)
		}
	}
}

package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// The request that most tests are about, and its time.
const (
	someURL   = "https://api.example.com/payments"
	someToken = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
)

var someTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// fixed is a clock that stands still.
func fixed(t time.Time) func() time.Time { return func() time.Time { return t } }

var b64 = base64.RawURLEncoding

// testKeys makes one key an algorithm for all tests: RSA keys take long.
var testKeys = sync.OnceValue(func() map[dpop.Algorithm]*dpop.Key {
	keys := map[dpop.Algorithm]*dpop.Key{}
	for _, alg := range dpop.Algorithms() {
		key, err := dpop.GenerateKey(alg)
		if err != nil {
			panic(err)
		}
		keys[alg] = key
	}
	return keys
})

// newChecker returns a checker for every algorithm whose clock stands at someTime.
func newChecker(t testing.TB, nonces *dpop.Nonces) *dpop.Checker {
	t.Helper()
	c, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: nonces, Now: fixed(someTime)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A forge makes proofs that no decent client makes. Header and claims are JSON text, so that a test can write what no
// encoder would.
type forge struct {
	signer         crypto.Signer
	thumbprint     string
	header, claims string
	finish         func(compact string) string // changes the signed proof; nil leaves it
}

// newForge starts from a good proof for a POST to someURL with someToken.
func newForge(alg dpop.Algorithm) *forge {
	key := testKeys()[alg]
	return &forge{
		signer:     key.Signer(),
		thumbprint: key.Thumbprint(),
		header:     fmt.Sprintf(`{"typ":"dpop+jwt","alg":"%s","jwk":%s}`, alg, key.JWK()),
		claims: fmt.Sprintf(`{"jti":"-BwC3ESc6acc2lTc","htm":"POST","htu":"%s","iat":%d,"ath":"%s"}`,
			someURL, someTime.Unix(), dpop.AccessTokenHash(someToken)),
	}
}

// proof signs what the forge holds.
func (f *forge) proof(t testing.TB) string {
	t.Helper()
	signed := b64.EncodeToString([]byte(f.header)) + "." + b64.EncodeToString([]byte(f.claims))
	proof := signed + "." + b64.EncodeToString(rawSign(t, f.signer, signed))
	if f.finish != nil {
		return f.finish(proof)
	}
	return proof
}

// request is the request the forge's proof is meant for.
func (f *forge) request(t testing.TB) dpop.Request {
	return dpop.Request{Method: "POST", URL: someURL, Proofs: []string{f.proof(t)}, AccessToken: someToken, Thumbprint: f.thumbprint}
}

// swap replaces one piece of text and fails when it is not there: a mutation that changes nothing tests nothing.
func swap(t testing.TB, s *string, old, with string) {
	t.Helper()
	if !strings.Contains(*s, old) {
		t.Fatalf("%q is not in %q", old, *s)
	}
	*s = strings.Replace(*s, old, with, 1)
}

// rawSign makes a JWS signature without the package under test.
func rawSign(t testing.TB, signer crypto.Signer, signed string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(signed))
	switch k := signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		size := (k.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		sig, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
		if err != nil {
			t.Fatal(err)
		}
		return sig
	case ed25519.PrivateKey:
		return ed25519.Sign(k, []byte(signed))
	}
	t.Fatalf("no signature by %T", signer)
	return nil
}

// reason gives the code and reason of a refusal, "accept" for no error, "fault" for an error that is none.
func reason(err error) string {
	if err == nil {
		return "accept"
	}
	if refusal, ok := errors.AsType[*tenon.Error](err); ok {
		return string(refusal.Code) + " " + refusal.Reason
	}
	return "fault"
}

// otherP256 is a second key for tests in which keys are mixed up.
var otherP256 = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// resign replaces the signature of a PS256 proof: by PKCS #1 v1.5 when salt is 0, else by PSS with that length of salt.
func resign(f *forge, proof string, salt int) string {
	signed := proof[:strings.LastIndexByte(proof, '.')]
	digest := sha256.Sum256([]byte(signed))
	options := crypto.SignerOpts(crypto.SHA256)
	if salt > 0 {
		options = &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256}
	}
	sig, err := f.signer.Sign(rand.Reader, digest[:], options)
	if err != nil {
		panic(err)
	}
	return signed + "." + b64.EncodeToString(sig)
}

// description is what a refusal tells the sender.
func description(err error) string {
	if refusal, ok := errors.AsType[*tenon.Error](err); ok {
		return refusal.Description
	}
	return ""
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// A text is what a JWS says, before it is encoded.
type text struct{ header, payload string }

// sign makes a compact JWS of exactly the given text, good or bad. It shares no code with what it tests.
func sign(t testing.TB, key any, alg string, says text) string {
	t.Helper()
	signed := encode([]byte(says.header)) + "." + encode([]byte(says.payload))
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		var der []byte
		der, err = k.Sign(rand.Reader, digest[:], crypto.SHA256)
		signature = rawSignature(t, der)
	case *rsa.PrivateKey:
		switch alg {
		case "RS256":
			signature, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
		case "PS256/long":
			signature, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		default:
			signature, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, []byte(signed))
	case []byte: // a secret
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(signed))
		signature = mac.Sum(nil)
	case nil: // alg none
	default:
		t.Fatalf("cannot sign with %T", key)
	}
	must(t, err)
	return signed + "." + encode(signature)
}

func rawSignature(t testing.TB, der []byte) []byte {
	t.Helper()
	var v struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(der, &v)
	must(t, err)
	raw := make([]byte, 64)
	v.R.FillBytes(raw[:32])
	v.S.FillBytes(raw[32:])
	return raw
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// respell changes a good JWS into another text for it, or into something that is none.
func respell(t testing.TB, compact, how string) string {
	t.Helper()
	parts := strings.Split(compact, ".")
	switch how {
	case "":
		return compact
	case "padded":
		return parts[0] + "=." + parts[1] + "." + parts[2]
	case "line break":
		return parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2]
	case "leading space":
		return " " + compact
	case "spare bits":
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, parts[2][len(parts[2])-1])
		return compact[:len(compact)-1] + string(alphabet[last|1])
	case "standard alphabet":
		return parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2]) + "+"
	case "four parts":
		return compact + "." + parts[2]
	case "two parts":
		return parts[0] + "." + parts[1]
	case "dots":
		return strings.Repeat(".", 4000)
	case "no signature":
		return parts[0] + "." + parts[1] + "."
	case "detached":
		return parts[0] + ".." + parts[2]
	case "flipped bit":
		b, err := base64.RawURLEncoding.DecodeString(parts[2])
		must(t, err)
		b[5] ^= 1
		return parts[0] + "." + parts[1] + "." + encode(b)
	case "json":
		return `{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`
	case "too long":
		return compact + strings.Repeat("A", 9000)
	}
	t.Fatalf("no spelling %q", how)
	return ""
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	return key
}

// rsaKey is one key for all tests: making one takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// publicSet is the JWK Set of public keys, with the kids k0, k1, …
func publicSet(keys ...crypto.Signer) jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for n, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: "k" + string(rune('0'+n)), Use: "sig"})
	}
	return set
}

// An accessToken is a token taken apart. Its signature has been verified with the keys the issuer publishes.
type accessToken struct {
	header  map[string]any
	payload string
	claims  tenon.Claims
}

func (v *server) open(token string) accessToken {
	v.t.Helper()
	var set jose.JSONWebKeySet
	v.getJSON(v.url+"/jwks", &set)
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
	must(v.t, err)
	keys := set.Key(signed.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		v.t.Fatalf("%d published keys have the kid of the token", len(keys))
	}
	payload, err := signed.Verify(keys[0])
	must(v.t, err)
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	must(v.t, err)
	a := accessToken{payload: string(payload)}
	must(v.t, json.Unmarshal(header, &a.header))
	must(v.t, json.Unmarshal(payload, &a.claims))
	return a
}

// verifies checks a JWS with the standard library only, to the letter of RFC 7518.
func verifies(t *testing.T, v *server, token string, alg dpop.Algorithm) {
	t.Helper()
	var set jose.JSONWebKeySet
	v.getJSON(v.url+"/jwks", &set)
	if len(set.Keys) != 1 || set.Keys[0].Algorithm != string(alg) {
		t.Fatalf("published %+v", set.Keys)
	}
	last := strings.LastIndexByte(token, '.')
	signed := token[:last]
	signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	must(t, err)
	digest := sha256.Sum256([]byte(signed))
	good := false
	switch key := set.Keys[0].Key.(type) {
	case *ecdsa.PublicKey:
		good = len(signature) == 64 && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		good = rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 32}) == nil // RFC 7518 §3.5
	case ed25519.PublicKey:
		good = ed25519.Verify(key, []byte(signed), signature)
	}
	if !good {
		t.Errorf("the %s signature does not verify", alg)
	}
}

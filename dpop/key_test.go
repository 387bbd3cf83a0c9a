package dpop_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
)

func TestKeyFiles(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			made, err := dpop.LoadOrCreateKey(path, alg)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("mode %v, %v", info.Mode(), err)
			}
			again, err := dpop.LoadOrCreateKey(path, alg)
			if err != nil || again.Thumbprint() != made.Thumbprint() || again.Algorithm() != alg {
				t.Fatalf("another key was read back: %v", err)
			}
			loaded, err := dpop.LoadKey(path)
			if err != nil || loaded.Thumbprint() != made.Thumbprint() {
				t.Fatalf("another key was loaded: %v", err)
			}
			if want := map[dpop.Algorithm]dpop.Algorithm{dpop.Ed25519: dpop.EdDSA}[alg]; loaded.Algorithm() != alg && loaded.Algorithm() != want {
				t.Errorf("loaded as %s", loaded.Algorithm())
			}
		})
	}
}

func TestKeyFileRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	key := testKeys()[dpop.ES256]
	if err := key.Save(path); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ed, x25519 := pkcs8(t, testKeys()[dpop.Ed25519].Signer()), pkcs8(t, must(ecdh.X25519().GenerateKey(rand.Reader)))
	sec1 := must(x509.MarshalECPrivateKey(otherP256()))
	for name, content := range map[string][]byte{
		"empty":                nil,
		"truncated":            good[:len(good)/2],
		"two keys":             append(bytes.Clone(good), ed...),
		"text in front":        append([]byte("my key\n"), good...),
		"text after":           append(bytes.Clone(good), "x"...),
		"not PEM":              []byte("key"),
		"SEC 1":                pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}),
		"SEC 1 called PKCS 8":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: sec1}),
		"PKCS 8 called SEC 1":  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(otherP256()))}),
		"PEM with headers":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: sec1}),
		"P-384":                pkcs8(t, must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))),
		"X25519":               x25519,
		"larger than the size": bytes.Repeat([]byte("x"), 20<<10),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := dpop.LoadKey(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("loaded, or the error does not name the file: %v", err)
			}
			if _, err := dpop.LoadOrCreateKey(path, dpop.ES256); err == nil {
				t.Error("a file that is no key was taken or replaced")
			}
		})
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dpop.LoadOrCreateKey(path, dpop.PS256); err == nil {
		t.Error("an EC key was taken for PS256")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := dpop.LoadKey(path); err == nil {
		t.Error("a file that everybody can read was loaded")
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestNewKeyRefusesKeysThatNoCheckerAccepts(t *testing.T) {
	rsa1024 := fakeRSA(1024, 65537)
	for _, tt := range []struct {
		name   string
		signer crypto.Signer
		alg    dpop.Algorithm
	}{
		{"no signer", nil, dpop.ES256},
		{"P-256 for EdDSA", otherP256(), dpop.EdDSA},
		{"P-256 for PS256", otherP256(), dpop.PS256},
		{"P-384 for ES256", must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)), dpop.ES256},
		{"Ed25519 for ES256", testKeys()[dpop.Ed25519].Signer(), dpop.ES256},
		{"RSA 1024", rsa1024, dpop.PS256},
		{"RSA with e 3", fakeRSA(2048, 3), dpop.PS256},
		{"RSA 8192", fakeRSA(8192, 65537), dpop.PS256},
		{"an algorithm of another kind", otherP256(), "ES256K"},
		{"no algorithm", otherP256(), ""},
	} {
		if _, err := dpop.NewKey(tt.signer, tt.alg); err == nil {
			t.Errorf("%s: taken", tt.name)
		}
	}
	if _, err := dpop.GenerateKey("RS256"); err == nil {
		t.Error("generated a key for RS256")
	}
	if _, err := dpop.Thumbprint(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)).Public()); err == nil {
		t.Error("a thumbprint of P-384")
	}
	if _, err := dpop.Thumbprint("a string"); err == nil {
		t.Error("a thumbprint of a string")
	}
}

// A publicOnly is a signer in some hardware of which only the public half is known here.
type publicOnly struct{ pub crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.pub }
func (p publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return []byte{0x30, 0x00}, nil
}

func fakeRSA(bits uint, e int) crypto.Signer {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return publicOnly{&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: e}}
}

func TestSignerThatReturnsNonsense(t *testing.T) {
	key, err := dpop.NewKey(publicOnly{otherP256().Public()}, dpop.ES256)
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := key.Proof(dpop.Target{Method: "GET", URL: someURL}); err == nil || proof != "" {
		t.Errorf("a proof %q with no signature in it", proof)
	}
	if err := key.Save(filepath.Join(t.TempDir(), "key.pem")); err == nil {
		t.Error("a key in hardware was saved")
	}
}

// Points of small order fit signatures that nobody made. They are computed here, not copied: a random point times the
// order of the large subgroup has an order that divides 8.
func TestSmallOrderEd25519KeysAreRefused(t *testing.T) {
	refused := map[string]bool{}
	for _, y := range smallOrderY() {
		for _, sign := range []byte{0, 0x80} {
			key := ed25519.PublicKey(littleEndian(y))
			key[31] |= sign
			f := newForge(dpop.EdDSA)
			f.header = `{"typ":"dpop+jwt","alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"` + b64.EncodeToString(key) + `"}}`
			if _, err := newChecker(t, nil).Check(f.request(t)); reason(err) != bad+"key" {
				t.Errorf("y %x: %v", key, err)
			}
			if _, err := dpop.NewKey(publicOnly{key}, dpop.EdDSA); err == nil {
				t.Errorf("y %x: taken as a client's key", key)
			}
			refused[y.String()] = true
		}
	}
	if len(refused) != 5+2 { // five points, and two of them in a second spelling
		t.Errorf("%d values of y were tried", len(refused))
	}
	for range 50 {
		pub, _, _ := ed25519.GenerateKey(rand.Reader)
		if _, err := dpop.NewKey(publicOnly{pub}, dpop.EdDSA); err != nil {
			t.Errorf("an ordinary key was refused: %v", err)
		}
	}
}

func TestProofContents(t *testing.T) {
	key := testKeys()[dpop.ES256]
	jti := regexp.MustCompile(`^[A-Za-z0-9_-]{16,}$`) // RFC 9449 §4.2: 96 bits or more in base64url
	seen := map[string]bool{}
	for range 1000 {
		_, claims := open(t, must(key.Proof(dpop.Target{Method: "GET", URL: someURL})))
		if id := claims["jti"].(string); seen[id] || !jti.MatchString(id) {
			t.Fatalf("jti %q", id)
		} else {
			seen[id] = true
		}
	}
	header, claims := open(t, must(key.Proof(dpop.Target{
		Method: "PATCH", URL: "https://h/a%2fb?x=1#f", AccessToken: someToken, Nonce: "eyJ7S_zG.eyJH0-Z.HX4w-7v", Time: someTime,
	})))
	delete(claims, "jti")
	want := map[string]any{"htm": "PATCH", "htu": "https://h/a%2fb", "iat": float64(someTime.Unix()), "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "nonce": "eyJ7S_zG.eyJH0-Z.HX4w-7v"}
	if got, w := must(json.Marshal(claims)), must(json.Marshal(want)); !bytes.Equal(got, w) {
		t.Errorf("claims %s, want %s", got, w)
	}
	if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || header["jwk"].(map[string]any)["d"] != nil {
		t.Errorf("header %v", header)
	}
	_, claims = open(t, must(key.Proof(dpop.Target{Method: "GET", URL: someURL})))
	for _, absent := range []string{"ath", "nonce"} {
		if _, there := claims[absent]; there {
			t.Errorf("%s without a reason", absent)
		}
	}
	if iat := time.Unix(int64(claims["iat"].(float64)), 0); time.Since(iat) > time.Minute || time.Until(iat) > 0 {
		t.Errorf("iat is %s", iat)
	}
}

// open decodes a proof without looking at its signature.
func open(t *testing.T, proof string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(proof, ".")
	for i, into := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(must(b64.DecodeString(parts[i])), into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestProofRefusesTargets(t *testing.T) {
	key := testKeys()[dpop.ES256]
	for name, target := range map[string]dpop.Target{
		"nothing":          {},
		"no method":        {URL: someURL},
		"no URL":           {Method: "GET"},
		"relative URL":     {Method: "GET", URL: "/payments"},
		"user name in URL": {Method: "GET", URL: "https://me@h/"},
		"dot segments":     {Method: "GET", URL: "https://h/a/../b"},
		"another scheme":   {Method: "GET", URL: "ftp://h/"},
		"impossible nonce": {Method: "GET", URL: someURL, Nonce: "a b"},
	} {
		if proof, err := key.Proof(target); err == nil || proof != "" {
			t.Errorf("%s: %q", name, proof)
		}
	}
}

// What Key makes, Checker accepts, and go-jose reads.
func TestProofsAreAcceptedByBothReaders(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		key := testKeys()[alg]
		proof := must(key.Proof(dpop.Target{Method: "GET", URL: someURL, AccessToken: someToken, Time: someTime}))
		p, err := newChecker(t, nil).Check(dpop.Request{Method: "GET", URL: someURL, Proofs: []string{proof}, AccessToken: someToken, Thumbprint: key.Thumbprint()})
		if err != nil || p.Algorithm() != alg {
			t.Errorf("%s: %v", alg, err)
		}
		var jwk jose.JSONWebKey
		if err := jwk.UnmarshalJSON(key.JWK()); err != nil {
			t.Fatal(err)
		}
		if sum := must(jwk.Thumbprint(crypto.SHA256)); b64.EncodeToString(sum) != key.Thumbprint() {
			t.Errorf("%s: go-jose computes the thumbprint %x", alg, sum)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.Ed25519} {
		der := must(x509.MarshalPKCS8PrivateKey(testKeys()[alg].Signer()))
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, data []byte) {
		signer, err := dpop.ParseKeyFile(data)
		if err != nil {
			return
		}
		der, err := x509.MarshalPKCS8PrivateKey(signer)
		if err != nil {
			t.Fatal(err)
		}
		again, err := dpop.ParseKeyFile(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		if err != nil {
			t.Fatalf("a key that was read is not read when written: %v", err)
		}
		type comparable interface{ Equal(crypto.PrivateKey) bool }
		if !signer.(comparable).Equal(again) {
			t.Error("another key came back")
		}
	})
}

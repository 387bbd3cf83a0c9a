package verifier_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// forgedKeys are the keys that attack files name. They are made once a test run.
var forgedKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{
		"rsa":        must(rsa.GenerateKey(rand.Reader, 2048)),
		"weak-rsa":   must(rsa.GenerateKey(rand.Reader, 1024)),
		"p384":       must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"issuer-rsa": must(rsa.GenerateKey(rand.Reader, 2048)),
	}
	for _, name := range []string{"client", "thief", "issuer", "withdrawn", "nameless", "unpublished"} {
		keys[name] = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	// The private key of RFC 8037 §A.1, which everybody has.
	keys["published"] = ed25519.NewKeyFromSeed(must(base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
	for _, name := range []string{"ed25519", "issuer-ed25519"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		keys[name] = must(key, err)
	}
	return keys
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// keyAlgorithm is the algorithm that a key signs with.
func keyAlgorithm(name string) string {
	switch forgedKeys()[name].(type) {
	case *rsa.PrivateKey:
		return "PS256"
	case ed25519.PrivateKey:
		return "EdDSA"
	}
	if name == "p384" {
		return "ES384"
	}
	return "ES256"
}

// keyTemplate gives {jwk client}, {private client}, {jkt client}, the same with upper and lower case swapped, and what certificateText gives.
func keyTemplate(kind, name string) (value string, isJSON, known bool) {
	if value, known := certificateText(kind, name); known {
		return value, false, true
	}
	key := forgedKeys()[name]
	if key == nil {
		return "", false, false
	}
	switch kind {
	case "jwk":
		return string(must(json.Marshal(jose.JSONWebKey{Key: key.Public()}))), true, true
	case "private":
		return string(must(json.Marshal(jose.JSONWebKey{Key: key}))), true, true
	case "jkt":
		return must(dpop.Thumbprint(key.Public())), false, true
	case "swapped":
		return strings.Map(swapCase, must(dpop.Thumbprint(key.Public()))), false, true
	}
	value, known = keyMember(key, kind)
	return value, false, known
}

// keyMember gives one member of a public JWK, for attacks that put one together: {x client}, {y client}, {n rsa}.
func keyMember(key crypto.Signer, name string) (value string, known bool) {
	var members map[string]string
	if err := json.Unmarshal(must(json.Marshal(jose.JSONWebKey{Key: key.Public()})), &members); err != nil {
		panic(err)
	}
	value, known = members[name]
	return value, known
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

// sign signs input and spoils the signature as asked for; the result is in base64url.
func sign(name, how, input string) string {
	spoil := signatures[how]
	if spoil == nil {
		panic("unknown signature " + how)
	}
	return encode(string(spoil(forgedKeys()[name], []byte(input))))
}

// signatures are the ways to make a signature that attack files name.
var signatures = map[string]func(crypto.Signer, []byte) []byte{
	"":      goodSignature,
	"empty": func(crypto.Signer, []byte) []byte { return nil },
	"zero":  func(crypto.Signer, []byte) []byte { return make([]byte, 64) },
	"flipped": func(key crypto.Signer, input []byte) []byte {
		s := goodSignature(key, input)
		s[len(s)-1] ^= 1
		return s
	},
	"short":        func(key crypto.Signer, input []byte) []byte { s := goodSignature(key, input); return s[:len(s)-1] },
	"long":         func(key crypto.Signer, input []byte) []byte { return append(goodSignature(key, input), 0) },
	"leading zero": func(key crypto.Signer, input []byte) []byte { return append([]byte{0}, goodSignature(key, input)...) },
	"zero in the middle": func(key crypto.Signer, input []byte) []byte { // the same r and s to a reader that does not count
		return slices.Insert(goodSignature(key, input), 32, 0)
	},
	"der": func(key crypto.Signer, input []byte) []byte {
		digest := sha256.Sum256(input)
		return must(key.Sign(rand.Reader, digest[:], crypto.SHA256))
	},
	"dropped zeros": droppedZeros,
	"mirrored":      mirrored,
	"pkcs1": func(key crypto.Signer, input []byte) []byte {
		digest := sha256.Sum256(input)
		return must(rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:]))
	},
	"short salt": func(key crypto.Signer, input []byte) []byte {
		digest := sha256.Sum256(input)
		return must(rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 8}))
	},
	"forged pkcs1": func(key crypto.Signer, input []byte) []byte {
		digest := sha256.Sum256(input)
		s := make([]byte, 256)
		copy(s, append([]byte{0, 1, 0xff, 0xff, 0}, digest[:]...))
		return s
	},
	"identity": func(crypto.Signer, []byte) []byte { // valid for any text, where the public key is the neutral point of Ed25519
		return append([]byte{1}, make([]byte, 63)...)
	},
	"hmac of jwk": func(key crypto.Signer, input []byte) []byte {
		return mac(must(json.Marshal(jose.JSONWebKey{Key: key.Public()})), input)
	},
	"hmac of pem": func(key crypto.Signer, input []byte) []byte {
		der := must(x509.MarshalPKIXPublicKey(key.Public()))
		return mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), input)
	},
}

func mac(secret, input []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(input)
	return h.Sum(nil)
}

func goodSignature(key crypto.Signer, input []byte) []byte {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		r, s := signECDSA(key, input)
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		return must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input)
	}
	panic("no such key")
}

func signECDSA(key *ecdsa.PrivateKey, input []byte) (r, s *big.Int) {
	digest := sha256.Sum256(input)
	hash := digest[:]
	if key.Curve == elliptic.P384() {
		long := sha512.Sum384(input)
		hash = long[:]
	}
	var both struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(must(ecdsa.SignASN1(rand.Reader, key, hash)), &both); err != nil {
		panic(err)
	}
	return both.R, both.S
}

// droppedZeros signs until r begins with a zero byte, and drops it.
func droppedZeros(key crypto.Signer, input []byte) []byte {
	for {
		if s := goodSignature(key, input); s[0] == 0 {
			return s[1:]
		}
	}
}

// mirrored gives the other signature that is valid for the same input: n-s in place of s.
func mirrored(key crypto.Signer, input []byte) []byte {
	r, s := signECDSA(key.(*ecdsa.PrivateKey), input)
	s.Sub(elliptic.P256().Params().N, s)
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// A forgedCertificate is a self-signed client certificate with its key.
type forgedCertificate struct {
	Leaf *x509.Certificate
	key  crypto.Signer
}

// certificates are those that attack files name.
var certificates = sync.OnceValue(func() map[string]*forgedCertificate {
	client := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	good := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client-1"},
		NotBefore: base.Add(-time.Hour), NotAfter: base.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	made := map[string]*forgedCertificate{}
	issue := func(name string, key crypto.Signer, change func(*x509.Certificate)) {
		c := good
		change(&c)
		der := must(x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key))
		made[name] = &forgedCertificate{must(x509.ParseCertificate(der)), key}
	}
	other := func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }
	issue("client", client, func(*x509.Certificate) {})
	issue("same name", other(), func(*x509.Certificate) {})
	issue("renewed", client, func(c *x509.Certificate) { c.SerialNumber = big.NewInt(2) })
	issue("expired", other(), func(c *x509.Certificate) { c.NotAfter = base.Add(-time.Minute) })
	issue("future", other(), func(c *x509.Certificate) { c.NotBefore = base.Add(time.Minute) })
	issue("server", other(), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	issue("ca", other(), func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	return made
})

// certificateText gives {x5t client}, {der client}, {pem client} and {pem-hash client}, for attacks that send a certificate as text.
func certificateText(kind, name string) (value string, known bool) {
	certificate := certificates()[name]
	if certificate == nil {
		return "", false
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Leaf.Raw})
	switch kind {
	case "x5t":
		return mtls.Thumbprint(certificate.Leaf), true
	case "der":
		return base64.StdEncoding.EncodeToString(certificate.Leaf.Raw), true
	case "pem":
		return strings.ReplaceAll(string(block), "\n", "%0A"), true
	case "pem-hash":
		sum := sha256.Sum256(block)
		return base64.RawURLEncoding.EncodeToString(sum[:]), true
	case "hex":
		sum := sha256.Sum256(certificate.Leaf.Raw)
		return hex.EncodeToString(sum[:]), true
	case "sha1":
		sum := sha1.Sum(certificate.Leaf.Raw)
		return base64.RawURLEncoding.EncodeToString(sum[:]), true
	}
	return "", false
}

package dpop_test

import (
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

func TestMutationsOfTheKey(t *testing.T) {
	mutations := []mutation{
		{"no jwk (3)", dpop.ES256, bad + "malformed", inHeader(`"jwk"`, `"JWK"`)},
		{"jwk is a string", dpop.ES256, bad + "key", func(_ testing.TB, f *forge) { f.header = `{"typ":"dpop+jwt","alg":"ES256","jwk":"key"}` }},
		{"jwk is null", dpop.ES256, bad + "key", func(_ testing.TB, f *forge) { f.header = `{"typ":"dpop+jwt","alg":"ES256","jwk":null}` }},
		{"oct key (7)", dpop.ES256, bad + "jwk_private", func(_ testing.TB, f *forge) {
			f.header = `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"oct","k":"AAAA"}}`
		}},
		{"oct key without k", dpop.ES256, bad + "key", func(_ testing.TB, f *forge) { f.header = `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"oct"}}` }},
		{"kty in lower case", dpop.ES256, bad + "key", inHeader(`"EC"`, `"ec"`)},
		{"crv of another curve", dpop.ES256, bad + "key", inHeader("P-256", "P-384")},
		{"no crv", dpop.ES256, bad + "key", inHeader(`"crv":"P-256",`, "")},
		{"x twice", dpop.ES256, bad + "malformed", inHeader(`"x":`, `"x":"AAAA","x":`)},
		{"x is a number", dpop.ES256, bad + "key", inHeader(`"x":"`, `"x":1,"z":"`)},
		{"no y", dpop.ES256, bad + "key", inHeader(`"y":`, `"Y":`)},
		{"off the curve", dpop.ES256, bad + "key", inHeader(`"x":"`, `"z":"`+"\",\"x\":\""+b64.EncodeToString(make([]byte, 31))+"AQ\",\"w\":\"")},
		{"x padded", dpop.ES256, bad + "key", inHeader(`","y"`, `=","y"`)},
		{"x with a line end", dpop.ES256, bad + "key", inHeader(`","y"`, `\n","y"`)},
		{"jku in the jwk", dpop.ES256, bad + "key", inHeader(`{"crv"`, `{"jku":"https://evil.example","crv"`)},
		{"x5u in the jwk", dpop.ES256, bad + "key", inHeader(`{"crv"`, `{"x5u":"https://evil.example","crv"`)},
		{"EC key for EdDSA", dpop.ES256, bad + "key", inHeader(`"ES256"`, `"EdDSA"`)},
		{"OKP key for ES256", dpop.Ed25519, bad + "key", inHeader(`"alg":"Ed25519"`, `"alg":"ES256"`)},
		{"RSA key for ES256", dpop.PS256, bad + "key", inHeader(`"PS256"`, `"ES256"`)},
		{"X25519 for Ed25519", dpop.EdDSA, bad + "key", inHeader(`"crv":"Ed25519"`, `"crv":"X25519"`)},
		{"n with a leading zero", dpop.PS256, bad + "key", func(_ testing.TB, f *forge) { f.header = rsaHeader(zeroInFront(f.signer.Public()), "AQAB") }},
		{"RSA key that says EC", dpop.PS256, bad + "key", inHeader(`"kty":"RSA"`, `"kty":"EC"`)},
		{"Ed25519 key that says EC", dpop.EdDSA, bad + "key", inHeader(`"OKP"`, `"EC"`)},
		{"Ed25519 key of 31 bytes", dpop.EdDSA, bad + "key", inHeader(`"x":"`, `"x":"`+b64.EncodeToString(make([]byte, 31))+`","z":"`)},
		{"Ed25519 key of 33 bytes", dpop.EdDSA, bad + "key", inHeader(`"x":"`, `"x":"`+b64.EncodeToString(make([]byte, 33))+`","z":"`)},
		{"e with a leading zero", dpop.PS256, bad + "key", inHeader("AQAB", "AAEAAQ")},
		{"e is 3", dpop.PS256, bad + "key", inHeader("AQAB", "Aw")},
		{"e is 1", dpop.PS256, bad + "key", inHeader("AQAB", "AQ")},
		{"e is even", dpop.PS256, bad + "key", inHeader("AQAB", "AQAC")},
		{"e is 2^31 and 1", dpop.PS256, bad + "key", inHeader("AQAB", "gAAAAQ")},
		{"e is 2^64 and 65537", dpop.PS256, bad + "key", inHeader("AQAB", "AQAAAAAAAQAB")},
		{"no e", dpop.PS256, bad + "key", inHeader(`"e":`, `"E":`)},
		{"key members with other uses are ignored", dpop.ES256, "accept", inHeader(`{"crv"`, `{"kid":"1","use":"sig","alg":"ES256","x5c":["x"],"ext":true,"crv"`)},
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.PS256, dpop.EdDSA} {
			member := map[dpop.Algorithm]string{dpop.PS256: `{"e"`}[alg]
			if member == "" {
				member = `{"crv"`
			}
			mutations = append(mutations, mutation{string(alg) + " jwk with " + name + " (7)", alg, bad + "jwk_private", inHeader(member, `{"`+name+`":null,`+member[1:])})
		}
	}
	for _, m := range mutations {
		t.Run(m.name, m.run)
	}
}

// zeroInFront is the modulus of an RSA key with a byte too many: the same number, another text.
func zeroInFront(pub any) string {
	return b64.EncodeToString(append([]byte{0}, pub.(*rsa.PublicKey).N.Bytes()...))
}

func rsaHeader(n, e string) string {
	return `{"typ":"dpop+jwt","alg":"PS256","jwk":{"kty":"RSA","n":"` + n + `","e":"` + e + `"}}`
}

func TestRSAModulusBounds(t *testing.T) {
	number := func(bits uint, low int64) string { // 2^(bits-1) + low
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return b64.EncodeToString(n.Add(n, big.NewInt(low)).Bytes())
	}
	for _, tt := range []struct{ name, n, want string }{
		{"512 bits", number(512, 1), bad + "key"},
		{"2047 bits", number(2047, 1), bad + "key"},
		{"2048 bits", number(2048, 1), bad + "signature"}, // the key passes, the signature is another's
		{"2048 bits, even", number(2048, 2), bad + "key"},
		{"4096 bits", number(4096, 1), bad + "signature"},
		{"4097 bits", number(4097, 1), bad + "key"},
		{"one", "AQ", bad + "key"},
		{"zero", "AA", bad + "key"},
		{"nothing", "", bad + "key"},
	} {
		mutation{tt.name, dpop.PS256, tt.want, func(_ testing.TB, f *forge) { f.header = rsaHeader(tt.n, "AQAB") }}.run(t)
	}
}

func TestP256Coordinates(t *testing.T) {
	pub := otherP256().PublicKey
	point, err := pub.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x, y := point[1:33], point[33:]
	p := elliptic.P256().Params().P
	header := func(x, y []byte) string {
		return `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"` + b64.EncodeToString(x) + `","y":"` + b64.EncodeToString(y) + `"}}`
	}
	for _, tt := range []struct{ name, header, want string }{
		{"another good key", header(x, y), bad + "signature"},
		{"33 bytes", header(append([]byte{0}, x...), y), bad + "key"},
		{"31 bytes", header(x[1:], y), bad + "key"},
		{"swapped", header(y, x), bad + "key"},
		{"infinity", header(make([]byte, 32), make([]byte, 32)), bad + "key"},
		{"x is p", header(p.Bytes(), y), bad + "key"},
		{"x and y with a leading 4", header(point, nil), bad + "key"},
	} {
		t.Run(tt.name, mutation{tt.name, dpop.ES256, tt.want, func(_ testing.TB, f *forge) { f.header = tt.header }}.run)
	}
}

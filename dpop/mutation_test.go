package dpop_test

import (
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// A mutation changes one thing of a good request.
type mutation struct {
	name string // with the clause, or the entry of the attack list, that it is about
	alg  dpop.Algorithm
	want string // code and reason
	do   func(t testing.TB, f *forge)
}

func (m mutation) run(t *testing.T) {
	check := func(f *forge) string {
		c := newChecker(t, nil)
		p, err := c.Check(f.request(t))
		if (p == nil) != (err != nil) {
			t.Errorf("proof %v with error %v", p, err)
		}
		return reason(err)
	}
	if got := check(newForge(m.alg)); got != "accept" {
		t.Fatalf("untouched, before: %s", got)
	}
	f := newForge(m.alg)
	if m.do(t, f); check(f) != m.want {
		t.Errorf("%s, want %s", check(f), m.want)
	}
	if got := check(newForge(m.alg)); got != "accept" {
		t.Errorf("untouched, after: %s", got)
	}
}

// inHeader, inClaims and after make the mutations that replace text.
func inHeader(old, with string) func(testing.TB, *forge) {
	return func(t testing.TB, f *forge) { swap(t, &f.header, old, with) }
}

func inClaims(old, with string) func(testing.TB, *forge) {
	return func(t testing.TB, f *forge) { swap(t, &f.claims, old, with) }
}

func after(change func(string) string) func(testing.TB, *forge) {
	return func(_ testing.TB, f *forge) { f.finish = change }
}

const bad = "invalid_dpop_proof "

// part changes one of the three parts of a compact proof.
func part(i int, change func(string) string) func(testing.TB, *forge) {
	return after(func(proof string) string {
		parts := strings.Split(proof, ".")
		parts[i] = change(parts[i])
		return strings.Join(parts, ".")
	})
}

func TestMutationsOfSyntax(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, m := range []mutation{
		{"two proofs joined by a comma (1)", dpop.ES256, bad + "headers", after(func(p string) string { return p + "," + p })},
		{"two proofs joined by comma and space (1)", dpop.ES256, bad + "headers", after(func(p string) string { return p + ", " + p })},
		{"empty field (1)", dpop.ES256, bad + "headers", after(func(string) string { return "" })},
		{"white space only (1)", dpop.ES256, bad + "headers", after(func(string) string { return "  " })},
		{"leading space (2)", dpop.ES256, bad + "headers", after(func(p string) string { return " " + p })},
		{"line end inside (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p[:50] + "\n" + p[50:] })},
		{"carriage return at the end (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p + "\r" })},
		{"NUL (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p + "\x00" })},
		{"not ASCII (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p + "é" })},
		{"too long", dpop.ES256, bad + "headers", after(func(p string) string { return p + long })},
		{"two parts (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p[:strings.LastIndexByte(p, '.')] })},
		{"four parts (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p + ".AAAA" })},
		{"five parts, as a JWE (2)", dpop.ES256, bad + "malformed", after(func(p string) string { return p + ".AAAA.AAAA" })},
		{"thousands of dots", dpop.ES256, bad + "malformed", after(func(string) string { return strings.Repeat(".", dpop.MaxProof) })},
		{"no header (2)", dpop.ES256, bad + "malformed", part(0, func(string) string { return "" })},
		{"detached payload (2)", dpop.ES256, bad + "malformed", part(1, func(string) string { return "" })},
		{"no signature (2)", dpop.ES256, bad + "malformed", part(2, func(string) string { return "" })},
		{"padded header (2)", dpop.ES256, bad + "malformed", part(0, func(s string) string { return s + "=" })},
		{"padded signature (2)", dpop.ES256, bad + "malformed", part(2, func(s string) string { return s + "==" })},
		{"plus in the payload (2)", dpop.ES256, bad + "malformed", part(1, func(s string) string { return "+" + s[1:] })},
		{"slash in the header (2)", dpop.ES256, bad + "malformed", part(0, func(s string) string { return "/" + s[1:] })},
		{"spare bits in the signature (2)", dpop.ES256, bad + "malformed", part(2, withSpareBits)},
		{"JSON instead of compact (2)", dpop.ES256, bad + "headers", after(func(string) string { return `{"payload":"e30","signature":"AAAA"}` })},
		{"header is an array (2)", dpop.ES256, bad + "malformed", func(_ testing.TB, f *forge) { f.header = "[]" }},
		{"data after the header (2)", dpop.ES256, bad + "malformed", func(_ testing.TB, f *forge) { f.header += "{}" }},
		{"data after the claims (2)", dpop.ES256, bad + "malformed", func(_ testing.TB, f *forge) { f.claims += "null" }},
		{"claims are a string (2)", dpop.ES256, bad + "malformed", func(_ testing.TB, f *forge) { f.claims = `"claims"` }},
		{"ten thousand levels", dpop.ES256, bad + "headers", inClaims(`{"jti"`, `{"x":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`,"jti"`)},
		{"a hundred levels", dpop.ES256, bad + "malformed", inClaims(`{"jti"`, `{"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,"jti"`)},
	} {
		t.Run(m.name, m.run)
	}
}

// withSpareBits respells base64url so that lenient readers decode the same bytes.
func withSpareBits(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + string(alphabet[last+1]) // 64 bytes: the last character has four spare bits, all zero
}

func TestMutationsOfTheHeader(t *testing.T) {
	for _, m := range []mutation{
		{"no typ (3)", dpop.ES256, bad + "typ", inHeader(`"typ":"dpop+jwt",`, "")},
		{"typ JWT (4)", dpop.ES256, bad + "typ", inHeader("dpop+jwt", "JWT")},
		{"typ of an access token (4)", dpop.ES256, bad + "typ", inHeader("dpop+jwt", "at+jwt")},
		{"typ with application/ (4)", dpop.ES256, bad + "typ", inHeader("dpop+jwt", "application/dpop+jwt")},
		{"typ in capitals (4)", dpop.ES256, bad + "typ", inHeader("dpop+jwt", "DPOP+JWT")},
		{"typ is a number (4)", dpop.ES256, bad + "typ", inHeader(`"dpop+jwt"`, "7")},
		{"typ is null (4)", dpop.ES256, bad + "typ", inHeader(`"dpop+jwt"`, "null")},
		{"TYP does not count as typ (4)", dpop.ES256, bad + "typ", inHeader(`"typ"`, `"TYP"`)},
		{"no alg (3)", dpop.ES256, bad + "alg", inHeader(`"alg":"ES256",`, "")},
		{"alg none (5)", dpop.ES256, bad + "alg", inHeader("ES256", "none")},
		{"alg None (5)", dpop.ES256, bad + "alg", inHeader("ES256", "nOnE")},
		{"alg HS256 (5)", dpop.ES256, bad + "alg", inHeader("ES256", "HS256")},
		{"alg RS256 (5)", dpop.PS256, bad + "alg", inHeader("PS256", "RS256")},
		{"alg ES384 (5)", dpop.ES256, bad + "alg", inHeader("ES256", "ES384")},
		{"alg ES256K (5)", dpop.ES256, bad + "alg", inHeader("ES256", "ES256K")},
		{"alg es256 (5)", dpop.ES256, bad + "alg", inHeader("ES256", "es256")},
		{"alg Ed448 (5)", dpop.Ed25519, bad + "alg", inHeader(`"alg":"Ed25519"`, `"alg":"Ed448"`)},
		{"alg is null (5)", dpop.ES256, bad + "alg", inHeader(`"ES256"`, "null")},
		{"alg is an array (5)", dpop.ES256, bad + "alg", inHeader(`"ES256"`, `["ES256"]`)},
		{"alg twice", dpop.ES256, bad + "malformed", inHeader(`"alg":"ES256"`, `"alg":"ES256","alg":"ES256"`)},
		{"typ twice", dpop.ES256, bad + "malformed", inHeader(`"typ":"dpop+jwt"`, `"typ":"JWT","typ":"dpop+jwt"`)},
		{"alg twice by an escape", dpop.ES256, bad + "malformed", inHeader(`"alg":"ES256"`, `"alg":"ES256","\u0061lg":"none"`)},
		{"jwk twice", dpop.ES256, bad + "malformed", func(_ testing.TB, f *forge) {
			f.header = strings.TrimSuffix(f.header, "}") + `,"jwk":` + string(testKeys()[dpop.Ed25519].JWK()) + "}"
		}},
		{"crit unknown", dpop.ES256, bad + "crit", inHeader(`{"typ"`, `{"crit":["x"],"x":1,"typ"`)},
		{"crit empty", dpop.ES256, bad + "crit", inHeader(`{"typ"`, `{"crit":[],"typ"`)},
		{"b64", dpop.ES256, bad + "crit", inHeader(`{"typ"`, `{"b64":false,"typ"`)},
		{"jku", dpop.ES256, bad + "key", inHeader(`{"typ"`, `{"jku":"https://evil.example/jwks","typ"`)},
		{"x5u", dpop.ES256, bad + "key", inHeader(`{"typ"`, `{"x5u":"https://evil.example/cert","typ"`)},
		{"kid is a number", dpop.ES256, bad + "malformed", inHeader(`{"typ"`, `{"kid":1,"typ"`)},
		{"kid is ignored", dpop.ES256, "accept", inHeader(`{"typ"`, `{"kid":"../../etc/passwd","typ"`)},
		{"unknown members are ignored (RFC 9449 §4.2)", dpop.ES256, "accept", inHeader(`{"typ"`, `{"tx_id":{"a":[1,2]},"typ"`)},
	} {
		t.Run(m.name, m.run)
	}
}

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
		{"n with a leading zero", dpop.PS256, bad + "key", func(t testing.TB, f *forge) { f.header = rsaHeader("AAE", "AQAB") }},
		{"e with a leading zero", dpop.PS256, bad + "key", inHeader("AQAB", "AAEAAQ")},
		{"e is 3", dpop.PS256, bad + "key", inHeader("AQAB", "Aw")},
		{"e is 1", dpop.PS256, bad + "key", inHeader("AQAB", "AQ")},
		{"e is even", dpop.PS256, bad + "key", inHeader("AQAB", "AQAC")},
		{"e is 2^31 and 1", dpop.PS256, bad + "key", inHeader("AQAB", "gAAAAQ")},
		{"e is 2^64 and 65537", dpop.PS256, bad + "key", inHeader("AQAB", "AQAAAAAAAQAB")},
		{"no e", dpop.PS256, bad + "key", inHeader(`"e":`, `"E":`)},
		{"key members with other uses are ignored", dpop.ES256, "accept", inHeader(`{"crv"`, `{"kid":"1","use":"sig","alg":"ES256","x5c":["x"],"ext":true,"crv"`)},
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
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

// Signatures that other libraries have taken: another length, DER, leading zeros, r or s of zero or of the group's order.
func TestMutationsOfTheSignature(t *testing.T) {
	order := elliptic.P256().Params().N.Bytes()
	zeros := make([]byte, 32)
	sig := func(change func([]byte) []byte) func(testing.TB, *forge) {
		return part(2, func(s string) string {
			raw, err := b64.DecodeString(s)
			if err != nil {
				panic(err)
			}
			return b64.EncodeToString(change(raw))
		})
	}
	for _, m := range []mutation{
		{"ES256 in DER", dpop.ES256, bad + "signature", sig(func(s []byte) []byte {
			der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
			if err != nil {
				panic(err)
			}
			return der
		})},
		{"ES256 with 63 bytes", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return s[:63] })},
		{"ES256 with 65 bytes", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s, 0) })},
		{"ES256 with zeros in front of r and s", dpop.ES256, bad + "signature", sig(func(s []byte) []byte {
			return append(append([]byte{0}, s[:32]...), append([]byte{0}, s[32:]...)...)
		})},
		{"ES256 r and s zero", dpop.ES256, bad + "signature", sig(func([]byte) []byte { return make([]byte, 64) })},
		{"ES256 r zero", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(zeros, s[32:]...) })},
		{"ES256 s zero", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s[:32], zeros...) })},
		{"ES256 r and s the order", dpop.ES256, bad + "signature", sig(func([]byte) []byte { return append(order, order...) })},
		{"ES256 r and s swapped", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s[32:], s[:32]...) })},
		{"PS256 with a zero in front", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return append([]byte{0}, s...) })},
		{"PS256 one byte short", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return s[1:] })},
		{"PS256 all zero", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return make([]byte, len(s)) })},
		{"Ed25519 with 63 bytes", dpop.Ed25519, bad + "signature", sig(func(s []byte) []byte { return s[:63] })},
		{"Ed25519 with 65 bytes", dpop.Ed25519, bad + "signature", sig(func(s []byte) []byte { return append(s, 0) })},
		{"Ed25519 all zero", dpop.Ed25519, bad + "signature", sig(func([]byte) []byte { return make([]byte, 64) })},
		{"ES256 by another key", dpop.ES256, bad + "signature", func(_ testing.TB, f *forge) { f.signer = otherP256() }},
		{"PS256 by PKCS 1.5", dpop.PS256, bad + "signature", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 0) } }},
		{"PS256 with a salt of 20", dpop.PS256, bad + "signature", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 20) } }},
		{"PS256 with a salt of 32", dpop.PS256, "accept", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 32) } }},
	} {
		t.Run(m.name, m.run)
	}
}

func TestEveryBitOfASignedProofCounts(t *testing.T) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.Ed25519} {
		f := newForge(alg)
		good, c := f.request(t), newChecker(t, nil)
		for i := range good.Proofs[0] {
			r := good
			flipped := []byte(good.Proofs[0])
			flipped[i] ^= 1
			r.Proofs = []string{string(flipped)}
			if _, err := c.Check(r); !strings.HasPrefix(reason(err), "invalid_") {
				t.Errorf("%s, byte %d: %s", alg, i, reason(err))
			}
		}
		if _, err := c.Check(good); err != nil {
			t.Errorf("%s untouched: %v", alg, err)
		}
	}
}

func TestMutationsOfTheClaims(t *testing.T) {
	hexHash := sha256.Sum256([]byte(someToken))
	sha512Hash := sha512.Sum512([]byte(someToken))
	ath := dpop.AccessTokenHash(someToken)
	iat := `"iat":1795341600` // someTime
	for _, m := range []mutation{
		{"no jti (3)", dpop.ES256, bad + "malformed", inClaims(`"jti"`, `"JTI"`)},
		{"no htm (3)", dpop.ES256, bad + "malformed", inClaims(`"htm"`, `"HTM"`)},
		{"no htu (3)", dpop.ES256, bad + "malformed", inClaims(`"htu"`, `"HTU"`)},
		{"no iat (3)", dpop.ES256, bad + "malformed", inClaims(`"iat"`, `"IAT"`)},
		{"no ath (12)", dpop.ES256, bad + "ath", inClaims(`"ath"`, `"ATH"`)},
		{"jti empty", dpop.ES256, bad + "malformed", inClaims("-BwC3ESc6acc2lTc", "")},
		{"jti blank", dpop.ES256, bad + "malformed", inClaims("-BwC3ESc6acc2lTc", "  ")},
		{"jti is a number", dpop.ES256, bad + "malformed", inClaims(`"-BwC3ESc6acc2lTc"`, "17")},
		{"jti is null", dpop.ES256, bad + "malformed", inClaims(`"-BwC3ESc6acc2lTc"`, "null")},
		{"jti of 256 bytes", dpop.ES256, "accept", inClaims("-BwC3ESc6acc2lTc", strings.Repeat("j", dpop.MaxJTI))},
		{"jti of 257 bytes", dpop.ES256, bad + "malformed", inClaims("-BwC3ESc6acc2lTc", strings.Repeat("j", dpop.MaxJTI+1))},
		{"jti twice", dpop.ES256, bad + "malformed", inClaims(`{"jti"`, `{"jti":"1","jti"`)},
		{"htu twice", dpop.ES256, bad + "malformed", inClaims(`{"jti"`, `{"htu":"`+someURL+`","jti"`)},
		{"jti with NUL", dpop.ES256, bad + "malformed", inClaims("-BwC3", `\u0000`)},
		{"jti with a lone surrogate", dpop.ES256, bad + "malformed", inClaims("-BwC3", `\ud800`)},
		{"jti is not UTF-8", dpop.ES256, bad + "malformed", inClaims("-BwC3", "\xff")},
		{"htm in lower case (8)", dpop.ES256, bad + "htm", inClaims("POST", "post")},
		{"htm of another method (8)", dpop.ES256, bad + "htm", inClaims("POST", "GET")},
		{"htm with a space (8)", dpop.ES256, bad + "htm", inClaims("POST", "POST ")},
		{"htm too long", dpop.ES256, bad + "malformed", inClaims("POST", strings.Repeat("P", 65))},
		{"htu of another path (9)", dpop.ES256, bad + "htu", inClaims("/payments", "/accounts")},
		{"htu with a query (9)", dpop.ES256, "accept", inClaims("/payments", "/payments?amount=1")},
		{"htu with a user name (9)", dpop.ES256, bad + "htu", inClaims("https://", "https://api.example.com@")},
		{"htu too long", dpop.ES256, bad + "malformed", inClaims("/payments", "/payments?"+strings.Repeat("q", dpop.MaxHTU))},
		{"htu is an array", dpop.ES256, bad + "malformed", inClaims(`"`+someURL+`"`, `["`+someURL+`"]`)},
		{"ath in hex (12)", dpop.ES256, bad + "ath", inClaims(ath, hex.EncodeToString(hexHash[:]))},
		{"ath padded (12)", dpop.ES256, bad + "ath", inClaims(ath, ath+"=")},
		{"ath by SHA-512 (12)", dpop.ES256, bad + "ath", inClaims(ath, b64.EncodeToString(sha512Hash[:]))},
		{"ath over the scheme too (12)", dpop.ES256, bad + "ath", inClaims(ath, dpop.AccessTokenHash("DPoP "+someToken))},
		{"ath of another token (12)", dpop.ES256, bad + "ath", inClaims(ath, dpop.AccessTokenHash("other"))},
		{"ath empty (12)", dpop.ES256, bad + "ath", inClaims(ath, "")},
		{"ath is null", dpop.ES256, bad + "malformed", inClaims(`"`+ath+`"`, "null")},
		{"iat as a string", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":"1795341600"`)},
		{"iat with a fraction", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":1795341600.5`)},
		{"iat with an exponent", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":1795341600e0`)},
		{"iat of 1e999", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":1e999`)},
		{"iat negative", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":-1795341600`)},
		{"iat beyond the year 9999", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":253402300800`)},
		{"iat in milliseconds", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":1795341600000`)},
		{"iat null", dpop.ES256, bad + "malformed", inClaims(iat, `"iat":null`)},
		{"iat an hour ago (11)", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795338000`)},
		{"iat in an hour (11)", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795345200`)},
		{"iat 60 s ago (11)", dpop.ES256, "accept", inClaims(iat, `"iat":1795341540`)},
		{"iat 61 s ago (11)", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795341539`)},
		{"iat in 10 s (11)", dpop.ES256, "accept", inClaims(iat, `"iat":1795341610`)},
		{"iat in 11 s (11)", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795341611`)},
		{"exp now", dpop.ES256, bad + "iat", inClaims(iat, iat+`,"exp":1795341600`)},
		{"exp in a second", dpop.ES256, "accept", inClaims(iat, iat+`,"exp":1795341601`)},
		{"exp does not widen", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795341539,"exp":1795349999`)},
		{"nbf now", dpop.ES256, "accept", inClaims(iat, iat+`,"nbf":1795341600`)},
		{"nbf in 10 s", dpop.ES256, "accept", inClaims(iat, iat+`,"nbf":1795341610`)},
		{"nbf in 11 s", dpop.ES256, bad + "iat", inClaims(iat, iat+`,"nbf":1795341611`)},
		{"nbf does not widen", dpop.ES256, bad + "iat", inClaims(iat, `"iat":1795341611,"nbf":1795341600`)},
		{"exp as a string", dpop.ES256, bad + "malformed", inClaims(iat, iat+`,"exp":"1795341601"`)},
		{"nbf is an object", dpop.ES256, bad + "malformed", inClaims(iat, iat+`,"nbf":{}`)},
		{"unknown claims are ignored (RFC 9449 §4.2)", dpop.ES256, "accept", inClaims(`{"jti"`, `{"tx_id":[{"a":null}],"iss":"https://evil.example","jti"`)},
		{"a nonce nobody asked for", dpop.ES256, "accept", inClaims(iat, iat+`,"nonce":"eyJ7S_zG.eyJH0-Z.HX4w-7v"`)},
		{"nonce is a number", dpop.ES256, bad + "malformed", inClaims(iat, iat+`,"nonce":1`)},
		{"key of another client (12)", dpop.ES256, "invalid_token jkt", func(_ testing.TB, f *forge) { f.thumbprint = testKeys()[dpop.PS256].Thumbprint() }},
		{"thumbprint in another case (12)", dpop.ES256, "invalid_token jkt", func(_ testing.TB, f *forge) { f.thumbprint = swapCase(f.thumbprint) }},
		{"thumbprint padded (12)", dpop.ES256, "invalid_token jkt", func(_ testing.TB, f *forge) { f.thumbprint += "=" }},
	} {
		t.Run(m.name, m.run)
	}
}

func swapCase(s string) string {
	if up := strings.ToUpper(s); up != s {
		return up
	}
	return strings.ToLower(s)
}

package dpop_test

import (
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

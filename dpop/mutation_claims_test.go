package dpop_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

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

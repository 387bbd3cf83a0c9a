package dpop_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

func TestChallengeError(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		fields     []string
	}{
		{"none", "", nil},
		{"RFC 9449 §9", "use_dpop_nonce", []string{`DPoP error="use_dpop_nonce", error_description="Resource server requires nonce in DPoP proof"`}},
		{"scheme in lower case", "use_dpop_nonce", []string{`dpop error="use_dpop_nonce"`}},
		{"a token instead of a string", "use_dpop_nonce", []string{`DPoP error=use_dpop_nonce`}},
		{"space around", "use_dpop_nonce", []string{` , DPoP  realm = "x" ,,	ERROR = "use_dpop_nonce"`}},
		{"after Bearer in one field", "use_dpop_nonce", []string{`Bearer error="invalid_token", DPoP algs="ES256", error="use_dpop_nonce"`}},
		{"in a field of its own", "use_dpop_nonce", []string{`Bearer error="invalid_token"`, `DPoP error="use_dpop_nonce"`}},
		{"of Bearer", "", []string{`DPoP algs="ES256", Bearer error="use_dpop_nonce"`}},
		{"inside a string", "", []string{`Bearer realm="DPoP error=\"use_dpop_nonce\""`}},
		{"inside a string, after a comma", "", []string{`Bearer realm="x, DPoP error=use_dpop_nonce"`}},
		{"escaped", "use_dpop_nonce", []string{`DPoP error="use_\dpop_nonce"`}},
		{"string without end", "", []string{`DPoP error="use_dpop_nonce`}},
		{"escape at the end", "", []string{`DPoP error="use\`}},
		{"no value", "", []string{`DPoP error=`}},
		{"too long", "", []string{`DPoP realm="` + strings.Repeat("x", 5000) + `", error="use_dpop_nonce"`}},
	} {
		if got := dpop.ChallengeError(http.Header{"Www-Authenticate": tt.fields}); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzChallengeError(f *testing.F) {
	f.Add(`DPoP error="use_dpop_nonce", algs="ES256 PS256"`)
	f.Add(`Basic abc==, Negotiate, dpop ,error=x`)
	f.Add(`DPoP error="\`)
	f.Fuzz(func(t *testing.T, field string) {
		if got := dpop.ChallengeError(http.Header{"Www-Authenticate": {field}}); len(got) > len(field) {
			t.Errorf("%q holds the error %q", field, got)
		}
	})
}

package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseChallenges(t *testing.T) {
	type params = map[string]string
	for _, c := range []struct {
		name   string
		fields []string
		want   []challenge
	}{
		{"none", nil, nil},
		{"scheme alone", []string{"DPoP"}, []challenge{{"DPoP", params{}}}},
		{
			"RFC 9449 §7.1",
			[]string{`DPoP error="invalid_token", error_description="Invalid DPoP key binding", algs="ES256"`},
			[]challenge{{"DPoP", params{"error": "invalid_token", "error_description": "Invalid DPoP key binding", "algs": "ES256"}}},
		},
		{
			"two in one field",
			[]string{`Bearer realm="a, b", DPoP algs="ES256 PS256"`},
			[]challenge{{"Bearer", params{"realm": "a, b"}}, {"DPoP", params{"algs": "ES256 PS256"}}},
		},
		{
			"two fields",
			[]string{`DPoP error=use_dpop_nonce`, `Bearer`},
			[]challenge{{"DPoP", params{"error": "use_dpop_nonce"}}, {"Bearer", params{}}},
		},
		{"names in any case, spaces about the =", []string{`dpop ERROR = "x"`}, []challenge{{"dpop", params{"error": "x"}}}},
		{"quoted quote", []string{`DPoP error_description="say \"htu\""`}, []challenge{{"DPoP", params{"error_description": `say "htu"`}}}},
		{"the first of two", []string{`DPoP error="a", error="b"`}, []challenge{{"DPoP", params{"error": "a"}}}},
		{"credentials", []string{`Basic dGVzdA==, DPoP error="a"`}, []challenge{{"Basic", params{}}, {"DPoP", params{"error": "a"}}}},
		{"string without an end", []string{`DPoP error="a`}, []challenge{{"DPoP", params{}}}},
		{"parameter without a scheme", []string{`error="a"`}, nil},
		{"a field of ten kilobytes", []string{`DPoP x="` + string(make([]byte, 10<<10)) + `"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, parseChallenges(c.fields), cmp.AllowUnexported(challenge{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseChallenges(f *testing.F) {
	for _, seed := range []string{
		`DPoP error="invalid_token", algs="ES256"`, `Bearer realm="a, b", DPoP`, `,,=`, `DPoP error="a\`, "DPoP\x00 a=b", `x y=z, "`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		for _, c := range parseChallenges([]string{field}) {
			if !isHeaderToken(c.scheme) {
				t.Errorf("scheme %q", c.scheme)
			}
			for name := range c.params {
				if !isHeaderToken(name) {
					t.Errorf("parameter %q", name)
				}
			}
		}
	})
}

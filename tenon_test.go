package tenon_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
)

const (
	jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	x5t = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" // RFC 8705 §3.1, not canonical base64url
)

func TestErrorIsItsCodeAndItsCause(t *testing.T) {
	err := error(tenon.Refuse(tenon.InvalidGrant, "expired", "the code expired 3 s ago").Because(io.ErrUnexpectedEOF))
	var refusal *tenon.Error
	if !errors.As(err, &refusal) || refusal.Reason != "expired" {
		t.Errorf("not a refusal with its reason: %v", err)
	}
	for target, want := range map[error]bool{tenon.InvalidGrant: true, io.ErrUnexpectedEOF: true, tenon.InvalidToken: false} {
		if errors.Is(err, target) != want {
			t.Errorf("errors.Is(err, %v) is not %v", target, want)
		}
	}
	if want := "invalid_grant: the code expired 3 s ago (unexpected EOF)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestBecauseDoesNotChangeTheOriginal(t *testing.T) {
	original := tenon.Refuse(tenon.InvalidToken, "token", "malformed")
	original.Because(io.EOF)
	if errors.Is(original, io.EOF) {
		t.Error("the original wraps the cause of its copy")
	}
}

func TestDescriptionHoldsOnlyWhatRFC6749Allows(t *testing.T) {
	got := tenon.Refuse(tenon.InvalidRequest, "form", "a\"b\\c\r\nd\té%s", strings.Repeat("x", 1000)).Description
	if !strings.HasPrefix(got, "a'b/c??d??xxx") {
		t.Errorf("%q", got)
	}
	if len(got) > 400 {
		t.Errorf("%d bytes long", len(got))
	}
	for i := range len(got) {
		if c := got[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			t.Errorf("byte %d is %#x", i, c)
		}
	}
}

func TestConfirmationRoundTrip(t *testing.T) {
	for _, c := range []tenon.Confirmation{{JKT: jkt}, {X5T: x5t}, {JKT: jkt, X5T: x5t}} {
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var got tenon.Confirmation
		if err := json.Unmarshal(data, &got); err != nil || got != c {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	if data, err := json.Marshal(tenon.Confirmation{}); err == nil {
		t.Errorf("an empty confirmation became %s", data)
	}
}

func TestConfirmationRefuses(t *testing.T) {
	for name, data := range map[string]string{
		"empty":                       `{}`,
		"not an object":               `"` + jkt + `"`,
		"null":                        `null`,
		"unknown member alone":        `{"kid":"1"}`,
		"unknown member beside jkt":   `{"jkt":"` + jkt + `","kid":"1"}`,
		"duplicate":                   `{"jkt":"` + jkt + `","jkt":"` + jkt + `"}`,
		"jkt padded":                  `{"jkt":"` + jkt + `="}`,
		"jkt one short":               `{"jkt":"` + jkt[1:] + `"}`,
		"jkt in hex":                  `{"jkt":"` + strings.Repeat("0a", 32) + `"}`,
		"jkt with the other alphabet": `{"jkt":"` + strings.Replace(jkt, "-", "+", 1) + `"}`,
		"jkt with a line end":         `{"jkt":"` + jkt[:42] + `\n"}`,
		"jkt empty":                   `{"jkt":""}`,
		"jkt a number":                `{"jkt":1}`,
		"case of the member":          `{"JKT":"` + jkt + `"}`,
		"SHA-1 certificate hash":      `{"x5t":"` + x5t + `"}`,
		"trailing data":               `{"jkt":"` + jkt + `"}x`,
	} {
		t.Run(name, func(t *testing.T) {
			c := tenon.Confirmation{}
			if err := c.UnmarshalJSON([]byte(data)); err == nil || c.Bound() {
				t.Errorf("%s read as %+v, %v", data, c, err)
			}
		})
	}
}

func TestScope(t *testing.T) {
	s, err := tenon.ParseScope("payments accounts payments")
	if err != nil || !cmp.Equal(s, tenon.Scope{"payments", "accounts"}) {
		t.Fatalf("%v, %v", s, err)
	}
	if !s.Has("payments") || s.Has("pay") || !s.Covers(tenon.Scope{"accounts"}) || s.Covers(tenon.Scope{"accounts", "pay"}) || !s.Covers(nil) {
		t.Error("a scope token was not compared exactly")
	}
	for _, bad := range []string{" a", "a ", "a  b", "a\tb", "a\"b", `a\b`, "é", "a\x00"} {
		if got, err := tenon.ParseScope(bad); err == nil {
			t.Errorf("%q read as %v", bad, got)
		}
	}
}

func goodClaims() tenon.Claims {
	return tenon.Claims{
		Issuer: "https://as.example.com", Subject: "tpp-1", ClientID: "tpp-1", ID: "7d0e",
		Audience: []string{"https://api.example.com"}, IssuedAt: time.Unix(1000, 0).UTC(), Expires: time.Unix(1300, 0).UTC(),
		Scope: tenon.Scope{"payments"}, Confirmation: tenon.Confirmation{JKT: jkt},
		Status: &tenon.StatusReference{Index: 7, URI: "https://as.example.com/status/0"},
		Log:    &tenon.LogReference{Origin: "as.example.com/2026", Index: 7},
	}
}

func TestClaimsWireFormat(t *testing.T) {
	data, err := json.Marshal(goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"iss":"https://as.example.com","sub":"tpp-1","aud":"https://api.example.com","exp":1300,"iat":1000,"jti":"7d0e","client_id":"tpp-1",` +
		`"scope":"payments","cnf":{"jkt":"` + jkt + `"},"status":{"status_list":{"idx":7,"uri":"https://as.example.com/status/0"}},"tlog":{"o":"as.example.com/2026","i":7}}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
	var got tenon.Claims
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(goodClaims(), got); diff != "" {
		t.Error(diff)
	}
}

func TestClaimsRefuses(t *testing.T) {
	good, err := json.Marshal(goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("%q is not in the good claims", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	for name, data := range map[string]string{
		"no iss":                   change(`"iss":"https://as.example.com",`, ``),
		"no sub (RFC 9068 §2.2)":   change(`"sub":"tpp-1",`, ``),
		"no aud":                   change(`"aud":"https://api.example.com",`, ``),
		"empty aud":                change(`"aud":"https://api.example.com"`, `"aud":""`),
		"empty aud array":          change(`"aud":"https://api.example.com"`, `"aud":[]`),
		"aud with an empty entry":  change(`"aud":"https://api.example.com"`, `"aud":["a",""]`),
		"aud a number":             change(`"aud":"https://api.example.com"`, `"aud":1`),
		"no exp":                   change(`"exp":1300,`, ``),
		"exp a string":             change(`"exp":1300`, `"exp":"1300"`),
		"exp a fraction":           change(`"exp":1300`, `"exp":1300.5`),
		"exp zero":                 change(`"exp":1300`, `"exp":0`),
		"no iat":                   change(`"iat":1000,`, ``),
		"no jti":                   change(`"jti":"7d0e",`, ``),
		"no client_id":             change(`"client_id":"tpp-1",`, ``),
		"scope with a tab":         change(`"scope":"payments"`, `"scope":"pay\tments"`),
		"scope an array":           change(`"scope":"payments"`, `"scope":["payments"]`),
		"cnf unknown":              change(`{"jkt":"`+jkt+`"}`, `{"kid":"1"}`),
		"cnf null":                 change(`{"jkt":"`+jkt+`"}`, `null`),
		"status unknown mechanism": change(`"status_list"`, `"identifier_list"`),
		"status without idx":       change(`"idx":7,`, ``),
		"status with idx below 0":  change(`"idx":7`, `"idx":-1`),
		"status without uri":       change(`,"uri":"https://as.example.com/status/0"`, ``),
		"tlog without o":           change(`"o":"as.example.com/2026",`, ``),
		"tlog without i":           change(`,"i":7`, ``),
		"tlog with i a string":     change(`"i":7`, `"i":"7"`),
		"iss twice":                change(`"iss":`, `"iss":"https://as.example.com","iss":`),
	} {
		t.Run(name, func(t *testing.T) {
			var c tenon.Claims
			if err := c.UnmarshalJSON([]byte(data)); err == nil || c.Issuer != "" {
				t.Errorf("read as %+v, %v", c, err)
			}
		})
	}
}

func FuzzClaims(f *testing.F) {
	good, err := json.Marshal(goodClaims())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"aud":["a","b"],"nbf":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c tenon.Claims
		if c.UnmarshalJSON(data) != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", c, err)
		}
		var back tenon.Claims
		if err := back.UnmarshalJSON(again); err != nil {
			t.Fatalf("%s was written and cannot be read: %v", again, err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Error(diff)
		}
	})
}

package client

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func FuzzParseSuccess(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a.b.c","token_type":"DPoP","expires_in":300,"scope":"accounts"}`,
		`{"access_token":"a","token_type":"Bearer"}`, `{"access_token":"=","token_type":"DPoP"}`, `{"expires_in":1e3}`, `{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := parseSuccess(body)
		if err != nil {
			return
		}
		if strings.ContainsAny(s.accessToken, " \r\n\t,\"\x00") || s.accessToken == "" {
			t.Errorf("token %q", s.accessToken)
		}
		if s.life <= 0 || s.life > longestLifetime {
			t.Errorf("life %v", s.life)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	const issuer = "https://as.example.com"
	for _, seed := range []string{
		`{"issuer":"https://as.example.com","token_endpoint":"https://as.example.com/token"}`,
		`{"issuer":"https://as.example.com","token_endpoint":"https://as.example.com/token","mtls_endpoint_aliases":{"token_endpoint":"https://m/t"}}`,
		`{"issuer":"https://as.example.com","token_endpoint":"http://as.example.com/token"}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseMetadata(body, issuer)
		if err != nil {
			return
		}
		if m.Issuer != issuer || !strings.HasPrefix(strings.ToLower(m.TokenEndpoint), "https://") {
			t.Errorf("accepted %+v", m)
		}
	})
}

func TestLifeOfATokenThatDoesNotSay(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want time.Duration
	}{
		"no expires_in":        {`{"access_token":"a","token_type":"DPoP"}`, time.Minute},
		"five minutes":         {`{"access_token":"a","token_type":"DPoP","expires_in":300}`, 5 * time.Minute},
		"a thousand years":     {`{"access_token":"a","token_type":"DPoP","expires_in":31536000000}`, 24 * time.Hour},
		"more than int64 nano": {`{"access_token":"a","token_type":"DPoP","expires_in":9007199254740991}`, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSuccess([]byte(c.body))
			if err != nil || s.life != c.want {
				t.Errorf("life %v, error %v, want %v", s, err, c.want)
			}
		})
	}
}

func TestParseFailure(t *testing.T) {
	for name, c := range map[string]struct{ mediaType, body, code, description string }{
		"RFC 6749 §5.2":          {"application/json", `{"error":"invalid_grant","error_description":"no"}`, "invalid_grant", "no"},
		"with a charset":         {"application/json;charset=UTF-8", `{"error":"a"}`, "a", ""},
		"a page of a proxy":      {"text/html", `<html>`, "", ""},
		"JSON by another name":   {"text/plain", `{"error":"a"}`, "", ""},
		"not JSON":               {"application/json", `oops`, "", ""},
		"an escape for terminal": {"application/json", `{"error":"a","error_description":"\u001b]0;x\u0007"}`, "a", "?]0;x?"},
	} {
		t.Run(name, func(t *testing.T) {
			code, description := parseFailure(http.Header{"Content-Type": {c.mediaType}}, []byte(c.body))
			if code != c.code || description != c.description {
				t.Errorf("%q, %q", code, description)
			}
		})
	}
}

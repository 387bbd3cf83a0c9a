package client

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func FuzzParseIDToken(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"https://as.example.com","sub":"person:alice","aud":"tpp","exp":2000000000,"iat":1999999999,"nonce":"n","acr":"phr","amr":["swk"]}`,
		`{"sub":"a","aud":["tpp","x"],"exp":1,"iat":1,"azp":"tpp","auth_time":1,"at_hash":"x","sid":"s"}`,
		`{"sub":"a","sub":"b","exp":1,"iat":1}`, `{"sub":"","exp":1,"iat":1}`, `{"sub":"a","exp":1.5,"iat":1}`, `{}`, `[]`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		id, err := parseIDToken(payload)
		if err != nil {
			return
		}
		if id.Subject == "" || len(id.Subject) > 255 || id.expires.IsZero() || id.issued.IsZero() {
			t.Errorf("accepted %+v", id)
		}
		var lax struct{ Sub, Iss string }
		if err := json.Unmarshal(payload, &lax); err != nil {
			t.Errorf("accepted what encoding/json refuses: %v", err)
		}
	})
}

// Whatever a browser brings: it gives a code only together with the state and the issuer of the attempt.
func FuzzAuthorizationResponse(f *testing.F) {
	const issuer, state = "https://as.example.com", "s3cret"
	for _, seed := range []string{
		"code=a&state=s3cret&iss=https%3A%2F%2Fas.example.com", "error=access_denied&state=s3cret&iss=https%3A%2F%2Fas.example.com",
		"code=a&code=b&state=s3cret", "code=a&state=&iss=", "state=s3cret", "code=%0d%0a&state=s3cret&iss=https%3A%2F%2Fas.example.com",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		response, _ := url.ParseQuery(query)
		code, err := (&Attempt{State: state}).accept(response, issuer)
		if err != nil {
			return
		}
		if code == "" || strings.ContainsAny(code, "\r\n") || response.Get("state") != state || response.Get("iss") != issuer || len(response["code"]) != 1 {
			t.Errorf("%q gave %q", query, code)
		}
	})
}

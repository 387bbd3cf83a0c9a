package issuer

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// What is read of a claims parameter is bounded, and is read again as it was kept.
func FuzzClaimsRequest(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"id_token":{"acr":{"essential":true,"values":["phr"]},"sub":{"value":"person:1"}},"userinfo":{"email":null}}`, `{"id_token":null}`,
		`{"userinfo":{"":null}}`, `{"id_token":{"a":{"values":[1,"",null]}}}`, `[]`, `{"id_token":{"a":{"essential":1}}}`, "{\"id_token\":{\"\\u0000\":null}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		c, err := parseClaimsRequest(raw)
		if err != nil {
			return
		}
		for _, wishes := range []map[string]claimWish{c.IDToken, c.UserInfo} {
			for name, w := range wishes {
				if name == "" || len(name) > maxClaimName || len(w.Value) > maxClaimValue || len(w.Values) > maxClaimValues || slices.Contains(w.Values, "") {
					t.Errorf("kept %q: %+v", name, w)
				}
			}
		}
		kept, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseClaimsRequest(string(kept)); err != nil || len(again.IDToken) != len(c.IDToken) || len(again.UserInfo) != len(c.UserInfo) {
			t.Errorf("%s is read as %+v, %v", kept, again, err)
		}
	})
}

// Whatever is read as a hint, go-jose reads too, with the same header.
func FuzzHint(f *testing.F) {
	for _, seed := range []string{
		"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImEifQ.eyJpc3MiOiJ4Iiwic3ViIjoieSIsImF1ZCI6InoifQ.AAAA", "a.b.c", "..", "e30.e30.AA",
		"eyJhbGciOiJFUzI1NiIsImFsZyI6Im5vbmUifQ.e30.AA", "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOlsiYSIsImIiXX0.AA", "eyJhbGciOiJFUzI1NiJ9.e30.A\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		h, err := parseHint(compact)
		if err != nil || !supported(h.algorithm) {
			return
		}
		signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(h.algorithm)})
		if err != nil {
			if strings.Contains(err.Error(), "crit") || strings.Contains(err.Error(), "b64") || strings.Contains(err.Error(), "embedded") || strings.Contains(err.Error(), "json") {
				return // header parameters that mean nothing in a token that we signed
			}
			t.Fatalf("read %q, and go-jose does not: %v", compact, err)
		}
		if header := signed.Signatures[0].Protected; header.KeyID != h.kid || header.Algorithm != string(h.algorithm) {
			t.Errorf("%q: header %+v, want kid %q and alg %q", compact, header, h.kid, h.algorithm)
		}
	})
}

// Whatever a client is registered for, the answer goes to that host and nowhere else, and brings each parameter once.
func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com/cb", "https://app.example.com/cb?x=1", "https://app.example.com?", "http://127.0.0.1:80/cb", "http://[::1]/cb?",
		"https://a@b/", "https://a\\@b/", "http://127.0.0.1.evil/", "https://a/#", "javascript:x", "https://a/?code=1", "https://a/?%63ode=1", "https://a/?x&&y=;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if checkRedirectURI(uri) != nil {
			return
		}
		if c := (&Client{CodeFlow: CodeFlow{RedirectURIs: []string{uri}}}); !c.redirectsTo(uri) || c.redirectsTo(uri+"x") && !strings.HasPrefix(uri, "http://") {
			t.Errorf("%q is not compared letter by letter", uri)
		}
		before, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		location := withParameters(uri, url.Values{"code": {"c"}, "state": {"a&b=c#d"}, "iss": {"https://as.example.com"}})
		after, err := url.Parse(location)
		switch {
		case err != nil || after.Scheme != before.Scheme || after.Host != before.Host || after.Path != before.Path || after.Fragment != "" || after.User != nil:
			t.Errorf("%q leads to %q: %v", uri, location, err)
		case before.Scheme != "https" && before.Hostname() != "127.0.0.1" && before.Hostname() != "::1":
			t.Errorf("%q is neither https nor loopback", uri)
		case !strings.HasPrefix(location, uri):
			t.Errorf("%q became %q", uri, location)
		}
		for name, want := range map[string]string{"code": "c", "state": "a&b=c#d", "iss": "https://as.example.com"} {
			if got := after.Query()[name]; len(got) != 1 || got[0] != want {
				t.Errorf("%q: %s is %q", location, name, got)
			}
		}
	})
}

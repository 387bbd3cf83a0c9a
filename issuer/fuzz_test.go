package issuer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// Whatever the form parser accepts, net/url reads the same way, every parameter once.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials&scope=a+b", "a=%41&b=%zz", "a=1&a=2", "resource=x&resource=y", "a&b=&=c", "a=%ff", "a=%00", "a;b=1", "&&&", "scope=&scope=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := parseForm(body)
		if err != nil {
			if !errors.Is(err, tenon.InvalidRequest) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if strings.Contains(body, ";") { // net/url refuses what others once split at
			return
		}
		want, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("accepted %q, and net/url says %v", body, err)
		}
		for name, values := range got {
			if name != "resource" && (len(values) != 1 || len(want[name]) != 1) || want.Get(name) != values[0] && name != "resource" {
				t.Fatalf("%q: %v, and net/url says %v", name, values, want[name])
			}
		}
	})
}

// Whatever the assertion parser accepts, go-jose accepts too, with the same header.
func FuzzAssertion(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiIsInR5cCI6ImNsaWVudC1hdXRoZW50aWNhdGlvbitqd3QiLCJraWQiOiJrMCJ9.eyJpc3MiOiJjIiwic3ViIjoiYyIsImF1ZCI6Imh0dHBzOi8vYXMuZXhhbXBsZS5jb20iLCJleHAiOjE3OTUzNTQwMjEsImp0aSI6IjEifQ.AAAA")
	f.Add("eyJhbGciOiJub25lIn0.e30.AA")
	f.Add("...")
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, compact string) {
		a, err := parseAssertion(compact)
		if err != nil {
			if !errors.Is(err, tenon.InvalidClient) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		algs := []jose.SignatureAlgorithm{}
		for _, alg := range dpop.Algorithms() {
			algs = append(algs, jose.SignatureAlgorithm(alg))
		}
		signed, err := jose.ParseSignedCompact(compact, algs)
		if err != nil {
			t.Fatalf("accepted %q, and go-jose says %v", compact, err)
		}
		if h := signed.Signatures[0].Header; h.Algorithm != string(a.algorithm) || h.KeyID != a.kid {
			t.Fatalf("%+v, and go-jose says %+v", a, h)
		}
		_ = a.check("https://as.example.com", "", time.Unix(1795354000, 0))
		if err := a.verify(nil); err == nil {
			t.Fatal("verified without a key")
		}
	})
}

// Every issuer that the configuration takes has its metadata at the places the specifications name.
func FuzzMetadataPath(f *testing.F) {
	for _, seed := range []string{"https://as.example.com", "https://as.example.com/t1", "https://as.example.com/a/b", "https://as.example.com/{n}", "https://as.example.com/%2e", "https://as.example.com/a b", "http://x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, issuer string) {
		if checkIssuer(issuer) != nil {
			return
		}
		i := &Issuer{cfg: Config{Issuer: issuer}, urls: newURLs(issuer, "")}
		i.refused, i.served = newLimiters(bound{}), newLimiters(bound{})
		handler := i.Handler()
		u, err := url.Parse(issuer)
		if err != nil {
			t.Fatalf("accepted %q, and net/url says %v", issuer, err)
		}
		for _, path := range []string{"/.well-known/oauth-authorization-server" + u.Path, u.Path + "/.well-known/openid-configuration"} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}, Header: http.Header{}})
			if w.Code != http.StatusOK {
				t.Fatalf("%q: %s is %d", issuer, path, w.Code)
			}
		}
	})
}

package ui_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/issuer/ui/testdata/samples"
)

func TestEveryPageCarriesTheHeaders(t *testing.T) {
	pages := newPages(t, ui.Config{})
	for name, page := range samples.Pages() {
		w := get(pages, page, "de")
		for header, want := range map[string]string{
			"Content-Type":                 "text/html; charset=utf-8",
			"Content-Language":             "de",
			"Content-Length":               strconv.Itoa(w.Body.Len()),
			"Cache-Control":                "no-store",
			"Referrer-Policy":              "no-referrer", // RFC 9700 §4.2.4
			"X-Frame-Options":              "DENY",        // RFC 9700 §4.16
			"X-Content-Type-Options":       "nosniff",
			"X-Robots-Tag":                 "noindex",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Vary":                         "Accept-Language, Cookie",
			"Set-Cookie":                   "",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		for _, want := range []string{"publickey-credentials-get=(self)", "publickey-credentials-create=(self)", "camera=()", "geolocation=()", "payment=()"} {
			if got := w.Header().Get("Permissions-Policy"); !strings.Contains(got, want) {
				t.Errorf("%s: Permissions-Policy %q has no %s", name, got, want)
			}
		}
	}
}

// policy gives the directives of a page's policy; a directive that comes twice, which browsers ignore, is an error.
func policy(t *testing.T, h http.Header) map[string]string {
	t.Helper()
	directives := map[string]string{}
	for d := range strings.SplitSeq(h.Get("Content-Security-Policy"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(d), " ")
		if _, twice := directives[name]; twice {
			t.Errorf("%s comes twice", name)
		}
		directives[name] = value
	}
	return directives
}

func TestContentSecurityPolicy(t *testing.T) {
	pages := newPages(t, ui.Config{})
	for name, page := range samples.Pages() {
		want := map[string]string{
			"default-src": "'none'", "style-src": "'self'", "script-src": "'self'", "img-src": "'self' data:", "form-action": "'self'",
			"frame-ancestors": "'none'", "base-uri": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'",
		}
		if strings.HasPrefix(name, "consent") {
			want["form-action"] = "'self' https://tea.example"
		}
		if diff := cmp.Diff(want, policy(t, get(pages, page, "en").Header())); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// Chromium holds the redirect after a post to form-action, so the client's origin must be there, and nothing that says more.
func TestFormTargets(t *testing.T) {
	tests := []struct{ name, target, want string }{
		{"an origin", "https://shop.example", "https://shop.example"},
		{"a port", "https://shop.example:8443", "https://shop.example:8443"},
		{"an application on this computer", "http://127.0.0.1:49152", "http://127.0.0.1:49152"},
		{"the same over IPv6", "http://[::1]:49152", "http://[::1]:49152"},
		{"an application on a phone", "com.example.app:", "com.example.app:"},
		{"another directive", "https://a.example; script-src *", ""},
		{"another source", "https://a.example *", ""},
		{"another header line", "https://a.example\r\nX: y", ""},
		{"another policy", "https://a.example, default-src *", ""},
		{"a source before it", "* https://a.example", ""},
		{"a wildcard", "*", ""},
		{"a wildcard host", "https://*.example", ""},
		{"a keyword", "'unsafe-inline'", ""},
		{"a whole scheme", "https:", ""},
		{"a whole scheme in capitals", "HTTPS:", ""},
		{"script", "javascript:", ""},
		{"data", "data:", ""},
		{"a path", "https://a.example/cb", ""},
		{"user information", "https://a@b.example", ""},
		{"nothing", "", ""},
		{"too much", "https://" + strings.Repeat("a", 300), ""},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			page := ui.Login{Frame: ui.Frame{FormTargets: []string{tt.target}}}
			want := strings.TrimSpace("'self' " + tt.want)
			directives := policy(t, get(pages, page, "en").Header())
			if got := directives["form-action"]; got != want || len(directives) != 9 {
				t.Errorf("form-action %q, want %q, of %d directives", got, want, len(directives))
			}
		})
	}
}

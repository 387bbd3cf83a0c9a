package dpop_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

func TestSameTarget(t *testing.T) {
	for _, tt := range []struct {
		name, htu, url string
		want           bool
	}{
		{"identical", "https://api.example.com/pay", "https://api.example.com/pay", true},
		{"scheme case (RFC 3986 §6.2.2.1)", "HTTPS://api.example.com/pay", "https://api.example.com/pay", true},
		{"host case (§6.2.2.1)", "https://API.Example.COM/pay", "https://api.example.com/pay", true},
		{"default port of https (§6.2.3)", "https://api.example.com:443/pay", "https://api.example.com/pay", true},
		{"default port of http (§6.2.3)", "http://api.example.com:80/pay", "http://api.example.com/pay", true},
		{"empty port (§6.2.3)", "https://api.example.com:/pay", "https://api.example.com/pay", true},
		{"empty path (§6.2.3)", "https://api.example.com", "https://api.example.com/", true},
		{"empty path before a query", "https://api.example.com?x", "https://api.example.com/?y", true},
		{"query on either side (RFC 9449 §4.3 (9))", "https://api.example.com/pay?a", "https://api.example.com/pay?b=/../", true},
		{"question mark in the fragment", "https://api.example.com/pay#a?b/", "https://api.example.com/pay", true},
		{"hex case (§6.2.2.1)", "https://h/a%2fb", "https://h/a%2Fb", true},
		{"encoded unreserved (§6.2.2.2)", "https://h/%7euser/%61%2D%5f", "https://h/~user/a-_", true},
		{"dot segments in htu (§6.2.2.3)", "https://h/x/./../token", "https://h/token", true},
		{"encoded dot segments in htu", "https://h/x/%2e%2E/token", "https://h/token", true},
		{"dot segment at the end of htu", "https://h/token/x/..", "https://h/token/", true},
		{"more dots than segments in htu", "https://h/../../token", "https://h/token", true},
		{"three dots are a name", "https://h/.../token", "https://h/.../token", true},
		{"IPv6 spellings (RFC 5952)", "https://[2001:DB8:0:0::1]/t", "https://[2001:db8::1]/t", true},
		{"IPv6 with a default port", "https://[::1]:443/t", "https://[::1]/t", true},
		{"matrix parameters", "https://h/t;v=1", "https://h/t;v=1", true},
		{"browser characters", "https://h/a|b[1]^", "https://h/a|b[1]^", true},

		{"http for https", "http://api.example.com/pay", "https://api.example.com/pay", false},
		{"default port of the other scheme", "https://h:80/t", "http://h/t", false},
		{"https on port 80", "https://h:80/t", "https://h/t", false},
		{"another port", "https://h:8443/t", "https://h/t", false},
		{"port with zeros on both sides", "https://h:0443/t", "https://h:0443/t", false},
		{"port with zeros", "https://h:0443/t", "https://h/t", false},
		{"port that is no number", "https://h:443x/t", "https://h/t", false},
		{"port with a sign", "https://h:+443/t", "https://h/t", false},
		{"port too long", "https://h:443443/t", "https://h:443443/t", false},
		{"another host", "https://evil.example/t", "https://h/t", false},
		{"sub-domain", "https://a.h/t", "https://h/t", false},
		{"trailing dot in htu", "https://h./t", "https://h/t", false},
		{"trailing dot on both sides", "https://h./t", "https://h./t", false},
		{"empty label", "https://a..h/t", "https://a..h/t", false},
		{"leading dot", "https://.h/t", "https://.h/t", false},
		{"no host", "https:///t", "https:///t", false},
		{"user name", "https://h@evil.example/t", "https://evil.example/t", false},
		{"user name on both sides", "https://u@h/t", "https://u@h/t", false},
		{"encoded host", "https://%68/t", "https://h/t", false},
		{"host beyond ASCII", "https://bücher.example/t", "https://bücher.example/t", false},
		{"punycode and Unicode", "https://xn--bcher-kva.example/t", "https://bücher.example/t", false},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/t", "https://[fe80::1%25eth0]/t", false},
		{"IPv4 in brackets", "https://[127.0.0.1]/t", "https://[127.0.0.1]/t", false},
		{"half a bracket", "https://[::1/t", "https://[::1/t", false},
		{"IPv4 and IPv4-mapped", "https://[::ffff:127.0.0.1]/t", "https://127.0.0.1/t", false},
		{"IPv4 in another base", "https://0x7f.0.0.1/t", "https://127.0.0.1/t", false},
		{"path case", "https://h/Token", "https://h/token", false},
		{"trailing slash", "https://h/token/", "https://h/token", false},
		{"encoded slash", "https://h/a%2Fb", "https://h/a/b", false},
		{"encoded backslash", "https://h/a%5Cb", "https://h/a/b", false},
		{"backslash", `https://h/a\b`, `https://h/a\b`, false},
		{"backslash before the host", `https:\\h/a`, "https://h/a", false},
		{"two slashes", "https://h//t", "https://h/t", false},
		{"two slashes in the request", "https://h/t", "https://h//t", false},
		{"encoded NUL", "https://h/t%00", "https://h/t", false},
		{"double encoding", "https://h/%252e%252e/t", "https://h/t", false},
		{"double encoding is kept", "https://h/a/%252e%252e/t", "https://h/a/../t", false},
		{"dot segments in the request", "https://h/admin", "https://h/pay/../admin", false},
		{"dot segments in the request, the same in htu", "https://h/pay/../admin", "https://h/pay/../admin", false},
		{"encoded dot segments in the request", "https://h/admin", "https://h/pay/%2e%2e/admin", false},
		{"half-encoded dot segments in the request", "https://h/admin", "https://h/pay/.%2E/admin", false},
		{"dot in the request", "https://h/t", "https://h/./t", false},
		{"dots at the end of the request", "https://h/", "https://h/t/..", false},
		{"matrix parameters differ", "https://h/t;v=1", "https://h/t", false},
		{"half an escape", "https://h/t%2", "https://h/t%2", false},
		{"no hex", "https://h/t%zz", "https://h/t%zz", false},
		{"space", "https://h/a b", "https://h/a b", false},
		{"line end", "https://h/a\r\nb", "https://h/a\r\nb", false},
		{"beyond ASCII", "https://h/é", "https://h/%C3%A9", false},
		{"relative", "/token", "https://h/token", false},
		{"without scheme", "//h/token", "https://h/token", false},
		{"empty", "", "https://h/token", false},
		{"both empty", "", "", false},
		{"another scheme", "ftp://h/t", "ftp://h/t", false},
		{"scheme and no slashes", "https:h/t", "https:h/t", false},
		{"longer than the cap", "https://h/" + strings.Repeat("a", dpop.MaxHTU), "https://h/" + strings.Repeat("a", dpop.MaxHTU), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := dpop.SameTarget(tt.htu, tt.url); got != tt.want {
				t.Errorf("htu %q, request %q: %v", tt.htu, tt.url, got)
			}
		})
	}
}

// FuzzSameTarget holds that the normal form is one: it is its own normal form, net/url reads the same host and path in it as
// in the original, and two URLs are the same target exactly when their normal forms are equal.
func FuzzSameTarget(f *testing.F) {
	for _, v := range load[struct {
		HTU  string `json:"htu"`
		URL  string `json:"url"`
		Same bool   `json:"same"`
	}](f, "targets.json") {
		f.Add(v.HTU, v.URL)
	}
	f.Add("https://[2001:DB8::0]:8443/%7e/..//x", "http://a-b_c.example:80")
	f.Fuzz(func(t *testing.T, a, b string) {
		normal, ok := dpop.NormalTarget(a)
		if !ok {
			if dpop.SameTarget(a, b) {
				t.Errorf("%q has no normal form and matches %q", a, b)
			}
			return
		}
		if again, ok := dpop.NormalTarget(normal); !ok || again != normal {
			t.Errorf("the normal form of %q is %q, and that of that is %q", a, normal, again)
		}
		if !dpop.SameTarget(a, normal) {
			t.Errorf("%q is not its own normal form %q", a, normal)
		}
		checkWithNetURL(t, a, normal)
		if other, ok := dpop.NormalTarget(b); dpop.SameTarget(a, b) && (!ok || other != normal) {
			t.Errorf("%q and %q are one target but %q and %q", a, b, normal, other)
		}
	})
}

// checkWithNetURL compares with the standard library's reading: same host but for case, and the same decoded path when there
// are no dots to remove.
func checkWithNetURL(t *testing.T, original, normal string) {
	t.Helper()
	u, err := url.Parse(original)
	if err != nil {
		return // net/url has refusals of its own, for example of control characters in a fragment
	}
	n, err := url.Parse(normal)
	if err != nil {
		t.Fatalf("net/url does not read the normal form %q: %v", normal, err)
	}
	if u.User != nil {
		t.Errorf("%q has a user name", original)
	}
	if !strings.Contains(u.Host, "[") && !strings.EqualFold(u.Hostname(), n.Hostname()) {
		t.Errorf("host %q became %q", u.Hostname(), n.Hostname())
	}
	if !strings.Contains(u.Path, "/.") && u.Path != "" && u.Path != n.Path {
		t.Errorf("path %q became %q", u.Path, n.Path)
	}
}

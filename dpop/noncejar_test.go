package dpop_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// A client that meets more servers than it remembers keeps the ones used last.
func TestNonceJarIsBounded(t *testing.T) {
	jar := dpop.NewNonceJar()
	server := func(i int) *url.URL {
		return &url.URL{Scheme: "https", Host: "h" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)}
	}
	jar.Put(server(0), "first")
	for i := 1; i < dpop.MaxOrigins*2; i++ {
		jar.Put(server(i), "n")
		if jar.Get(server(0)) != "first" {
			t.Fatalf("the nonce in use was dropped after %d others", i)
		}
	}
	if jar.Get(server(1)) != "" {
		t.Error("the oldest is still there")
	}
	for _, u := range []*url.URL{nil, {}, {Scheme: "https"}, {Scheme: "https", Host: "h/x"}, {Scheme: "mailto", Opaque: "x"}} {
		if jar.Put(u, "n"); jar.Get(u) != "" {
			t.Errorf("%v has a nonce", u)
		}
	}
}

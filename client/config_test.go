package client_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	key, other := newKey(t), newKey(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := client.Config{
		Issuer: "https://as.example.com", ClientID: "tpp", Key: key,
		Assertion: &client.AssertionKey{Signer: other.Signer(), Algorithm: dpop.ES256},
	}
	if _, err := client.New(good); err != nil {
		t.Fatalf("the untouched configuration is refused: %v", err)
	}
	for name, change := range map[string]func(*client.Config){
		"no issuer":                                   func(c *client.Config) { c.Issuer = "" },
		"issuer without TLS":                          func(c *client.Config) { c.Issuer = "http://as.example.com" },
		"issuer with a query":                         func(c *client.Config) { c.Issuer += "?a=b" },
		"issuer with a fragment":                      func(c *client.Config) { c.Issuer += "#a" },
		"issuer with a password":                      func(c *client.Config) { c.Issuer = "https://a:b@as.example.com" },
		"issuer that is no URL":                       func(c *client.Config) { c.Issuer = "https://[::1" },
		"no client id":                                func(c *client.Config) { c.ClientID = "" },
		"nothing to bind to":                          func(c *client.Config) { c.Key = nil },
		"nothing to authenticate with":                func(c *client.Config) { c.Assertion = nil },
		"assertion key without a signer":              func(c *client.Config) { c.Assertion = &client.AssertionKey{Algorithm: dpop.ES256} },
		"algorithm of another kind of key":            func(c *client.Config) { c.Assertion.Algorithm = dpop.PS256 },
		"algorithm outside the profile":               func(c *client.Config) { c.Assertion.Algorithm = "RS256" },
		"RSA below 2048 bits, FAPI 2.0 §5.4.1 (2)":    func(c *client.Config) { *c.Assertion = client.AssertionKey{Signer: small, Algorithm: dpop.PS256} },
		"one key for both purposes, FAPI 2.0 §6.8":    func(c *client.Config) { c.Assertion.Signer = key.Signer() },
		"scope with a space in a token":               func(c *client.Config) { c.Scope = tenon.Scope{"a", ""} },
		"scope with a quote":                          func(c *client.Config) { c.Scope = tenon.Scope{`a"b`} },
		"relative resource, RFC 8707 §2":              func(c *client.Config) { c.Resource = []string{"/accounts"} },
		"resource with a fragment, RFC 8707 §2":       func(c *client.Config) { c.Resource = []string{"https://api.example.com#a"} },
		"a clock that follows any server":             func(c *client.Config) { c.LearnClock = 48 * time.Hour },
		"a clock that is to be learnt back into past": func(c *client.Config) { c.LearnClock = -time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			assertion := *good.Assertion
			cfg.Assertion = &assertion
			change(&cfg)
			if _, err := client.New(cfg); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestNewNamesEveryFaultAtOnce(t *testing.T) {
	_, err := client.New(client.Config{Issuer: "http://as.example.com", Scope: tenon.Scope{""}})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("want five faults, one a line: %v", err)
	}
}

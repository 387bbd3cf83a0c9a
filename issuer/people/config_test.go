package people_test

import (
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/people"
)

// New tells everything that is wrong at once.
func TestNewReportsAllFaults(t *testing.T) {
	_, err := people.New(people.Config{Issuer: "http://id.example", Table: -1, Cost: people.Cost{Memory: 1024}})
	for _, want := range []string{"Store", "Issuer", "Secrets", "Table", "InsecureCost"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("says nothing of %s: %v", want, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	p := newParty(t)
	good := people.Config{Store: p.store, Issuer: issuerURL, Secrets: func() [][]byte { return [][]byte{key(1)} }}
	for name, edit := range map[string]func(*people.Config){
		"a query":             func(c *people.Config) { c.Issuer += "?x" },
		"a fragment":          func(c *people.Config) { c.Issuer += "#x" },
		"a user":              func(c *people.Config) { c.Issuer = "https://u@id.example" },
		"no host":             func(c *people.Config) { c.Issuer = "https:///x" },
		"no URL":              func(c *people.Config) { c.Issuer = "\x7f" },
		"a host that is none": func(c *people.Config) { c.Issuer = "https://id_example" },
		"a short secret":      func(c *people.Config) { c.Secrets = func() [][]byte { return [][]byte{key(1), make([]byte, 31)} } },
		"no secret":           func(c *people.Config) { c.Secrets = func() [][]byte { return nil } },
		"a low cost":          func(c *people.Config) { c.Cost = people.Cost{Memory: 19455, Passes: 2} },
		"too much memory":     func(c *people.Config) { c.Cost = people.Cost{Memory: 1<<20 + 1} },
		"too many passes":     func(c *people.Config) { c.Cost = people.Cost{Passes: 65} },
		"too many lanes":      func(c *people.Config) { c.Cost, c.InsecureCost = people.Cost{Memory: 64, Lanes: 9}, true },
		"no places":           func(c *people.Config) { c.Cost.Parallel = -1 },
		"no room":             func(c *people.Config) { c.Cost.Waiting = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			edit(&c)
			if _, err := people.New(c); err == nil {
				t.Error("accepted")
			}
		})
	}
	d, err := people.New(good)
	must(t, err)
	if !d.HasPasskeys() {
		t.Error("no passkeys")
	}
}

// Secrets that are gone later stop what needs them, and nothing passes.
func TestSecretsThatAreGone(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	a, _ := p.passkey(ada)
	device, err := p.Device("ada")
	must(t, err)
	p.flood("ada", 20)
	p.secrets = nil
	if _, err := p.Device("ada"); err == nil {
		t.Error("a device without a secret")
	}
	if _, err := p.BeginPasskeyLogin(t.Context()); err == nil {
		t.Error("a ceremony without a secret")
	}
	if _, _, err := p.FinishPasskeyLogin(t.Context(), make([]byte, 100), nil); err == nil {
		t.Error("a login without a secret")
	}
	held(t, p.from(device, secret))
	p.secrets = [][]byte{key(1)}
	_, _, err = p.present(a)
	must(t, err)
}

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeProfile = `issuer: https://as.example.com
client_id: tpp-4711
dpop_key: keys/dpop.pem
assertion_key: /etc/tenon/assertion.pem
assertion_key_id: k1
cert: cert.pem
cert_key: cert-key.pem
ca: ca.pem
scope: accounts payments
resource: [https://api.example.com, "https://pay.example.com"]
`

func TestProfileIsYAMLOrJSON(t *testing.T) {
	want := &clientProfile{
		Issuer: "https://as.example.com", ClientID: "tpp-4711", DPoPKey: "keys/dpop.pem", AssertionKey: "/etc/tenon/assertion.pem",
		AssertionKeyID: "k1", Certificate: "cert.pem", CertificateKey: "cert-key.pem", CA: "ca.pem", Scope: "accounts payments",
		Resource: []string{"https://api.example.com", "https://pay.example.com"},
	}
	for name, text := range map[string]string{
		"YAML": wholeProfile,
		"JSON": `{"issuer": "https://as.example.com", "client_id": "tpp-4711", "dpop_key": "keys/dpop.pem",
			"assertion_key": "/etc/tenon/assertion.pem", "assertion_key_id": "k1", "cert": "cert.pem", "cert_key": "cert-key.pem",
			"ca": "ca.pem", "scope": "accounts payments", "resource": ["https://api.example.com", "https://pay.example.com"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := parseProfile("client.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestProfileFaultsNameTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown setting":      {"issuer: https://as\ncolour: red\n", `client.yaml:2:1: unknown setting "colour": known are assertion_key`},
		"spelt wrong":          {"isuer: https://as\n", `client.yaml:1:1: unknown setting "isuer": did you mean "issuer"?`},
		"with a hyphen":        {"\nclient-id: tpp\n", `client.yaml:2:1: unknown setting "client-id": did you mean "client_id"?`},
		"upper case":           {"Scope: a\n", `client.yaml:1:1: unknown setting "Scope": did you mean "scope"?`},
		"twice":                {"ca: a\nca: b\n", `client.yaml:2:1: "ca" comes twice`},
		"list twice":           {"resource: a\nresource: [b]\n", `client.yaml:2:1: "resource" comes twice`},
		"number":               {"client_id: 4711\n", `client.yaml:1:12: client_id must be text`},
		"yes":                  {"scope: true\n", `client.yaml:1:8: scope must be text`},
		"list for text":        {"issuer: [a]\n", `client.yaml:1:9: issuer must be text`},
		"mapping in the list":  {"resource:\n  - a: b\n", `client.yaml:2:`},
		"empty text":           {"ca: \"\"\n", `client.yaml:1:5: ca is empty`},
		"no value":             {"ca:\n", `ca must be text`},
		"a list":               {"- issuer\n", `client.yaml:1:1: a client file is lines of`},
		"a word":               {"issuer\n", `client.yaml:1:1: a client file is lines of`},
		"not YAML":             {"issuer: [\n", `not YAML`},
		"two documents":        {"ca: a\n---\nca: b\n", `client.yaml:3:`},
		"key that is no word":  {"[a]: b\n", `client.yaml:1:`},
		"alias":                {"ca: &x a\ncert: *x\n", `client.yaml:`},
		"two faults, both say": {"a: b\nc: d\n", "client.yaml:2:1: unknown setting \"c\""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseProfile("client.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestProfileIsWrittenAsItIsRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "client.yaml")
	p := &clientProfile{Issuer: "https://as.example.com", ClientID: "4711", DPoPKey: "dpop.pem", CA: "/etc/ca.pem", Resource: []string{"https://a"}}
	if err := p.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := findProfile(path, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	p.DPoPKey = filepath.Join(dir, "dpop.pem") // relative to the file
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzParseProfile(f *testing.F) {
	for _, seed := range []string{wholeProfile, `{"issuer":"a"}`, "a: [b, {c: d}]\n", "- a", "? a\n: b", "<<: *a", "\x00", "a: |\n b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseProfile("client.yaml", data)
		if err != nil && !strings.Contains(err.Error(), "client.yaml:") {
			t.Errorf("a fault without a place: %v", err)
		}
		if err == nil && p == nil {
			t.Error("neither profile nor fault")
		}
	})
}

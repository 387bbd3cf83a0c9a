package config_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
)

var update = flag.Bool("update", false, "write what is said now into the golden files")

// minimal is the least that is a configuration.
const minimal = `issuer: https://as.example.com
tls: {certificate: server.pem, key: server-key.pem}
`

// faultsOf gives what is said about a file, and fails when it is accepted.
func faultsOf(t *testing.T, dir string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, "tenon.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err == nil || c != nil {
		t.Fatalf("accepted, with the configuration %v", c)
	}
	return strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "") + "\n"
}

func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := faultsOf(t, t.TempDir(), archive.Files[0].Data)
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse(filepath.Join(t.TempDir(), "tenon.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAccepted is the other half of TestFaults: what is next to a fault and must pass.
func TestAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"the least":                     minimal,
		"comments only beside":          "# hello\n" + minimal,
		"issuer with path and port":     strings.Replace(minimal, ".com", ".com:8443/t1", 1),
		"port 0 on this machine":        strings.Replace(minimal, "as.example.com", "127.0.0.1:0", 1),
		"two addresses of port 0":       minimal + "listen: 127.0.0.1:0\noperations: {listen: 127.0.0.1:0}\n",
		"no operators' listener":        minimal + "operations: {listen: off}\n",
		"bounds themselves":             minimal + "access_token_lifetime: 1h\ndpop: {max_age: 5m, max_ahead: 60s}\n",
		"half the rotation":             minimal + "signing: {rotate_every: 2d, publish_before: 1d}\n",
		"nonces off with short tokens":  minimal + "access_token_lifetime: 10m\ndpop: {nonce: off}\n",
		"bearer under oauth2":           minimal + "profile: oauth2\nmtls: {listen: :9444, client_ca: [ca.pem]}\nclients:\n  - {id: a, token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: a.example.com, resources: [https://api.example.com], bearer: true}\n",
		"an origin for certificates":    minimal + "mtls: {listen: :9444, origin: https://mtls.example.com}\n",
		"a number in quotes as text":    minimal + "mtls: {listen: :9444, client_ca: [ca.pem]}\nclients:\n  - {id: \"4711\", token_endpoint_auth_method: tls_client_auth, tls_client_auth_san_dns: a.example.com, resources: [https://api.example.com]}\n",
		"a trailing document separator": minimal + "---\n",
	} {
		t.Run(name, func(t *testing.T) { parse(t, text) })
	}
}

// full sets everything to something else than its default.
const full = `issuer: https://as.example.com/t1
profile: oauth2
data: /var/lib/tenon
listen: 0.0.0.0:443
tls: {certificate: server.pem, key: server-key.pem}
mtls: {listen: 0.0.0.0:8443, origin: "https://mtls.example.com", client_ca: [a.pem, b.pem]}
operations: {listen: off}
access_token_lifetime: 90s
signing: {algorithm: PS256, rotate_every: 7d, publish_before: 36h}
dpop: {algorithms: [ES256], max_age: 30s, max_ahead: 20s, nonce: offer, nonce_lifetime: 2m}
status_list: {ttl: 20s}
limits: {header: 8KiB, body: 5000, read_timeout: 1m, write_timeout: 90s, idle_timeout: 1h, connections: 10, requests_per_client: 0, unauthenticated_per_address: 7, drain: 1s}
clients:
  - id: "0815"
    client_name: "An: odd # name"
    token_endpoint_auth_method: tls_client_auth
    tls_client_auth_subject_dn: CN=a,O=b
    scope: accounts payments
    resources: [https://api.example.com, "https://other.example.com"]
    tls_client_certificate_bound_access_tokens: true
    disabled: true
log: {format: json, level: warn}
`

// same compares configurations but for where they were read from.
func same(a, b *config.Config) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(config.Config{}))
}

func TestShowReadsBackAsTheSame(t *testing.T) {
	for name, text := range map[string]string{"the least": minimal, "everything": full} {
		t.Run(name, func(t *testing.T) {
			c := parse(t, text)
			shown, err := c.Show()
			if err != nil {
				t.Fatal(err)
			}
			again, err := config.Parse("/elsewhere/tenon.yaml", shown) // relative paths have become absolute
			if err != nil {
				t.Fatalf("%v\n%s", err, shown)
			}
			if diff := same(c, again); diff != "" {
				t.Errorf("(-read +shown and read)\n%s\n%s", diff, shown)
			}
		})
	}
}

func TestShowMarksDefaults(t *testing.T) {
	shown, err := parse(t, minimal+"dpop: {max_age: 60s}\n").Show()
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		"  max_age: 1m\n":               true, // written, although it is the default
		"  max_ahead: 10s  # default\n": true,
		"profile: fapi2  # default\n":   true,
		"#  origin:\n":                  true, // not set
	} {
		if got := strings.Contains(string(shown), line); got != want {
			t.Errorf("%q is there: %v", line, got)
		}
	}
}

func TestTemplate(t *testing.T) {
	text, err := config.Template(minimal)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/template.yaml"
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := same(parseAt(t, "/etc/tenon/tenon.yaml", minimal), parseAt(t, "/etc/tenon/tenon.yaml", string(text))); diff != "" {
		t.Errorf("the template says something else than what it was made from: %s", diff)
	}
}

func parseAt(t *testing.T, path, text string) *config.Config {
	t.Helper()
	c, err := config.Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A "#" in front of a setting is all that keeps it from being set: removing every one gives a file whose only faults are the
// settings that have no value to show.
func TestTemplateSettingsWantOnlyTheirHash(t *testing.T) {
	text, err := config.Template(minimal)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.SplitSeq(string(text), "\n") {
		if bare, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(line, "# ") || ok && strings.HasPrefix(line, "#  ") {
			if strings.HasSuffix(bare, ":") && !strings.Contains("binding_log: dpop: limits: log: login: operations: mtls: signing: status_list: clients:", strings.TrimSpace(bare)) {
				continue // no value to show
			}
			line = bare
		}
		lines = append(lines, line)
	}
	_, err = config.Parse("tenon.yaml", []byte(strings.Join(lines, "\n")))
	if err == nil || !strings.Contains(err.Error(), `client "tpp-4711"`) || strings.Contains(err.Error(), "unknown") || strings.Contains(err.Error(), "YAML") {
		t.Errorf("want faults of the example client only (it has no keys), got %v", err)
	}
}

func TestPathsAreRelativeToTheFile(t *testing.T) {
	c := parseAt(t, "/etc/tenon/tenon.yaml", minimal+"data: ../lib\n")
	for got, want := range map[config.Path]config.Path{
		c.TLS.Certificate: "/etc/tenon/server.pem", c.Data: "/etc/lib",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCheckFilesNamesEveryMissingFile(t *testing.T) {
	dir := t.TempDir()
	c := parseAt(t, filepath.Join(dir, "tenon.yaml"), minimal+"mtls: {listen: :9444, client_ca: [ca.pem]}\n")
	err := c.CheckFiles()
	var faults *config.Faults
	if !asFaults(err, &faults) || len(faults.List) != 3 {
		t.Fatalf("want 3 faults, got %v", err)
	}
	for _, name := range []string{"server.pem", "server-key.pem", "ca.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CheckFiles(); err != nil {
		t.Errorf("with the files there: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "ca.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	if !asFaults(c.CheckFiles(), &faults) || faults.List[0].Setting != "mtls.client_ca[0]" {
		t.Errorf("a directory passes as a file")
	}
}

func asFaults(err error, into **config.Faults) bool {
	f, ok := err.(*config.Faults)
	*into = f
	return ok
}

// A key set says what its keys are for, or their kind does.
func TestAssertionAlgorithm(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pss, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]jose.JSONWebKey{
		"ES256":   {Key: ec.Public(), KeyID: "k"},
		"EdDSA":   {Key: ed, KeyID: "k"},
		"Ed25519": {Key: ed, KeyID: "k", Algorithm: "Ed25519"},
		"PS256":   {Key: pss.Public(), KeyID: "k"},
	} {
		dir := t.TempDir()
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "keys.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c := parseAt(t, filepath.Join(dir, "tenon.yaml"), minimal+"clients:\n  - {id: a, jwks_file: keys.json, resources: [https://api.example.com]}\n")
		clients, err := c.Registrations()
		if err != nil || clients[0].Algorithm != want {
			t.Errorf("%s: %+v, %v", want, clients, err)
		}
	}
}

func TestLoadSaysWhatToDoWithoutAFile(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.Contains(err.Error(), "tenon init") {
		t.Errorf("%v", err)
	}
}

// TestTags holds the tags of the settings to what the reader takes for granted.
func TestTags(t *testing.T) {
	if faults := config.TagFaults(); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(full))
	files, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := config.Parse("/nowhere/tenon.yaml", text)
		var faults *config.Faults
		if err != nil && !asFaults(err, &faults) {
			t.Fatalf("an error that is no fault of the file: %v", err)
		}
		if err != nil {
			for _, fault := range faults.List {
				if fault.Line < 1 || fault.Column < 1 || fault.Text == "" {
					t.Errorf("a fault without its place: %+v", fault)
				}
			}
			return
		}
		shown, err := c.Show()
		if err != nil {
			t.Fatal(err)
		}
		again, err := config.Parse("/nowhere/tenon.yaml", shown)
		if err != nil {
			t.Fatalf("what is shown is refused: %v\n%s", err, shown)
		}
		if diff := same(c, again); diff != "" {
			t.Errorf("(-read +shown and read)\n%s", diff)
		}
	})
}

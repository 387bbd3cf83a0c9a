package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// checkProof holds a proof to the checks of RFC 9449 §4.3.
func checkProof(t *testing.T, s *clientStage, proof, method, url, token string) {
	t.Helper()
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	if err != nil {
		t.Fatal(err)
	}
	r := dpop.Request{Method: method, URL: url, Proofs: []string{proof}, AccessToken: token}
	if token != "" {
		r.Thumbprint = s.key().Thumbprint()
	}
	if _, err := checker.Check(r); err != nil {
		t.Errorf("the proof is refused: %v", err)
	}
}

func TestProofIsForOneRequest(t *testing.T) {
	s := newClientStage(t)
	s.save("token", []byte("the.token\n"))
	const url = "https://api.example.com/accounts"
	for name, c := range map[string]struct {
		stdin string
		args  []string
		token string
	}{
		"without a token":             {"", nil, ""},
		"token on the command line":   {"", []string{"--token", "the.token"}, "the.token"},
		"token in a file":             {"", []string{"--token-file", s.path("token")}, "the.token"},
		"token from standard input":   {"the.token\n", []string{"--token-file", "-"}, "the.token"},
		"the same by the other name":  {"the.token\n", []string{"--token", "-"}, "the.token"},
		"key by option, no file read": {"", []string{"--key", s.path("dpop.pem")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out := s.run(c.stdin, append([]string{"proof", "GET", url + "?page=2"}, c.args...)...)
			out.wants(t, exitDone)
			checkProof(t, s, strings.TrimSuffix(out.stdout, "\n"), "GET", url, c.token)
		})
	}
}

func TestProofInOtherForms(t *testing.T) {
	s := newClientStage(t)
	out := s.run("", "proof", "POST", "https://as.example.com/token", "--header", "--nonce", "n-1")
	out.wants(t, exitDone)
	proof, ok := strings.CutPrefix(strings.TrimSpace(out.stdout), "DPoP: ")
	if !ok || !strings.Contains(decoded(t, proof), `"nonce":"n-1"`) {
		t.Errorf("output %q", out.stdout)
	}
	out = s.run("", "proof", "POST", "https://as.example.com/token", "--json")
	out.wants(t, exitDone)
	var document struct{ Proof, HTM, JKT string }
	if err := json.Unmarshal([]byte(out.stdout), &document); err != nil {
		t.Fatal(err)
	}
	checkProof(t, s, document.Proof, "POST", "https://as.example.com/token", "")
	if document.HTM != "POST" || document.JKT != s.key().Thumbprint() {
		t.Errorf("%+v", document)
	}
}

// What token and proof print is what another tool needs to call the API.
func TestProofWorksWithAnotherTool(t *testing.T) {
	s := newClientStage(t)
	url := s.server.URL + "/api/accounts"
	token := strings.TrimSpace(s.run("", "token").stdout)
	line := strings.TrimSpace(s.run(token, "proof", "GET", url, "--token-file", "-", "--header").stdout)
	name, value, _ := strings.Cut(line, ": ")
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "DPoP "+token)
	req.Header.Set(name, value)
	resp, err := s.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestProofUsage(t *testing.T) {
	s := newClientStage(t)
	const url = "https://api.example.com/"
	s.save("empty", nil)
	s.save("nokey.yaml", []byte("issuer: https://as.example.com\n"))
	for name, args := range map[string][]string{
		"no URL":                 {"GET"},
		"method in lower case":   {"get", url},
		"method that is none":    {"GE T", url},
		"relative URL":           {"GET", "/accounts"},
		"two tokens":             {"GET", url, "--token", "a", "--token-file", "b"},
		"token file not there":   {"GET", url, "--token-file", s.path("none")},
		"token file empty":       {"GET", url, "--token-file", s.path("empty")},
		"token with its scheme":  {"GET", url, "--token", "DPoP abc"},
		"nonce with a space":     {"GET", url, "--nonce", "a b"},
		"key not there":          {"GET", url, "--key", s.path("none.pem")},
		"client file without it": {"GET", url, "--client-file", s.path("nokey.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			out := s.run("", append([]string{"proof"}, args...)...)
			out.wants(t, exitUsage, "tenon: ")
			if out.stdout != "" {
				t.Errorf("standard output %q", out.stdout)
			}
		})
	}
}

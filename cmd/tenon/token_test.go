package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokenPrintsTheTokenAlone(t *testing.T) {
	s := newClientStage(t)
	out := s.run("", "token")
	out.wants(t, exitDone)
	if out.stdout != "the.token\n" || out.stderr != "" {
		t.Errorf("output %q, errors %q", out.stdout, out.stderr)
	}
	if diff := cmp.Diff([]string{"accounts"}, s.forms[0]["scope"]); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
}

func TestTokenAsJSON(t *testing.T) {
	out := newClientStage(t).run("", "token", "--json")
	out.wants(t, exitDone)
	var document map[string]any
	if err := json.Unmarshal([]byte(out.stdout), &document); err != nil {
		t.Fatal(err)
	}
	delete(document, "expires_at")
	want := map[string]any{"access_token": "the.token", "token_type": "DPoP", "expires_in": 300.0, "scope": "accounts"}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOptionsReplaceTheClientFile(t *testing.T) {
	s := newClientStage(t)
	s.run("", "token", "--scope", "payments", "--resource", "https://a.example", "--resource", "https://b.example").wants(t, exitDone)
	s.run("", "token", "--scope=").wants(t, exitDone)
	if diff := cmp.Diff([]string{"payments"}, s.forms[0]["scope"]); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"https://a.example", "https://b.example"}, s.forms[0]["resource"]); diff != "" {
		t.Errorf("resource (-want +got):\n%s", diff)
	}
	if scope, ok := s.forms[1]["scope"]; ok {
		t.Errorf("scope %q was sent, though it was taken away", scope)
	}
}

func TestOptionsAloneAreEnough(t *testing.T) {
	s := newClientStage(t)
	t.Setenv("TENON_CLIENT", "")
	t.Chdir(t.TempDir())
	s.run("", "token", "--issuer", s.server.URL, "--client", "tpp-4711", "--key", s.path("dpop.pem"),
		"--assertion-key", s.path("assertion.pem"), "--ca", s.path("ca.pem")).wants(t, exitDone)
	if err := os.WriteFile("client.yaml", []byte("isuer: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("", "token").wants(t, exitUsage, "client.yaml:1:1", `did you mean "issuer"`)
}

func TestTokenThatIsRefusedIsExplained(t *testing.T) {
	s := newClientStage(t)
	s.refuseToken = func(w http.ResponseWriter) bool {
		answerJSON(w, 401, `{"error":"invalid_client","error_description":"no client has this id"}`)
		return true
	}
	out := s.run("", "token")
	out.wants(t, exitRefused, "the issuer gave no token: 401 invalid_client: no client has this id", "your clock", "server (Date header)",
		"proof sent", "htm POST", s.server.URL+"/token", "(dpop.pem)", "what to do")
	if out.stdout != "" {
		t.Errorf("standard output %q", out.stdout)
	}
	for _, secret := range []string{"eyJ", s.key().Thumbprint()} { // neither proof nor assertion; of the key the ends
		if strings.Contains(out.stderr, secret) {
			t.Errorf("standard error shows %q", secret)
		}
	}

	out = s.run("", "token", "--json")
	out.wants(t, exitRefused)
	var document struct {
		Refusal struct {
			Error, Cause, Advice string
			Proof                struct{ HTM string }
		}
	}
	if err := json.Unmarshal([]byte(out.stdout), &document); err != nil {
		t.Fatal(err)
	}
	if r := document.Refusal; r.Error != "invalid_client" || r.Cause != "client" || r.Advice == "" || r.Proof.HTM != "POST" {
		t.Errorf("refusal %+v", r)
	}
}

func TestTokenThatIsNotBoundIsRefused(t *testing.T) {
	s := newClientStage(t)
	s.refuseToken = func(w http.ResponseWriter) bool {
		answerJSON(w, 200, `{"access_token":"the.token","token_type":"Bearer","expires_in":300}`)
		return true
	}
	out := s.run("", "token")
	out.wants(t, exitRefused, "not bound")
	if out.stdout != "" {
		t.Errorf("standard output %q", out.stdout)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	s := newClientStage(t)
	s.save("open.pem", []byte("x"))
	s.save("large.yaml", []byte("scope: "+strings.Repeat("x", 80<<10)))
	if err := os.Chmod(s.path("open.pem"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		code int
		args []string
		say  []string
	}{
		"no client file where one is named": {exitUsage, []string{"--client-file", s.path("none.yaml")}, []string{"none.yaml"}},
		"client file of 80 KiB":             {exitUsage, []string{"--client-file", s.path("large.yaml")}, []string{"large.yaml", "64 KiB"}},
		"no key file":                       {exitUsage, []string{"--key", s.path("none.pem")}, []string{"none.pem", "--create-key"}},
		"key that others can read":          {exitUsage, []string{"--assertion-key", s.path("open.pem")}, []string{"open.pem"}},
		"both faults at once":               {exitUsage, []string{"--key", s.path("none.pem"), "--assertion-key", s.path("gone.pem")}, []string{"none.pem", "gone.pem"}},
		"one key for both":                  {exitUsage, []string{"--key", s.path("assertion.pem")}, []string{"same key"}},
		"certificate without its key":       {exitUsage, []string{"--cert", s.path("ca.pem")}, []string{"--cert-key"}},
		"certificate that is not there":     {exitUsage, []string{"--cert", s.path("x"), "--cert-key", s.path("y")}, []string{"client certificate"}},
		"trust that is not there":           {exitUsage, []string{"--ca", s.path("none.pem")}, []string{"none.pem"}},
		"issuer without TLS":                {exitUsage, []string{"--issuer", "http://as.example.com"}, []string{"https"}},
		"scope outside the grammar":         {exitUsage, []string{"--scope", `a"b`}, []string{"scope"}},
		"unknown option":                    {exitUsage, []string{"--isuer", "x"}, []string{"isuer"}},
		"an argument":                       {exitUsage, []string{"now"}, []string{"now"}},
		"clock without limit":               {exitUsage, []string{"--learn-clock=1000h"}, []string{"LearnClock"}},
		"nobody there":                      {exitFailed, []string{"--issuer", "https://127.0.0.1:1"}, []string{"127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := s.run("", append([]string{"token"}, c.args...)...)
			out.wants(t, c.code, c.say...)
			if out.stdout != "" {
				t.Errorf("standard output %q", out.stdout)
			}
		})
	}
	t.Run("everything missing", func(t *testing.T) {
		t.Setenv("TENON_CLIENT", "")
		t.Chdir(t.TempDir())
		s.run("", "token").wants(t, exitUsage, "--issuer", "--client", "--key", "--assertion-key")
	})
}

func TestIssuerThatIsNotTrustedNamesTheOption(t *testing.T) {
	s := newClientStage(t)
	s.save("client.yaml", []byte("issuer: "+s.server.URL+"\nclient_id: tpp\ndpop_key: dpop.pem\nassertion_key: assertion.pem\n"))
	s.run("", "token").wants(t, exitFailed, "--ca")
}

func TestKeyIsMadeOnlyWhenAsked(t *testing.T) {
	s := newClientStage(t)
	path := s.path("new.pem")
	s.run("", "token", "--key", path).wants(t, exitUsage)
	if _, err := os.Stat(path); err == nil {
		t.Fatal("a key was made without being asked for")
	}
	s.run("", "token", "--key", path, "--create-key").wants(t, exitDone, path, "0600", "thumbprint")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	if out := s.run("", "token", "--key", path, "--create-key"); out.stderr != "" {
		t.Errorf("the second time it said %q", out.stderr)
	}
}

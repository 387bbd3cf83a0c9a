package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// decoded gives the claims of a JWT as text.
func decoded(t *testing.T, jwt string) string {
	t.Helper()
	part := strings.Split(jwt, ".")
	if len(part) != 3 {
		t.Fatalf("not a JWT: %q", jwt)
	}
	claims, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(claims)
}

func TestCurlSendsWhatTheOptionsSay(t *testing.T) {
	s := newClientStage(t)
	s.save("p.json", []byte("{\n\"amount\": 5}"))
	url := s.server.URL + "/api/payments"
	for name, c := range map[string]struct {
		stdin       string
		args        []string
		method      string
		body        string
		contentType string
	}{
		"URL alone":              {"", []string{url}, "GET", "", ""},
		"method and URL":         {"", []string{"DELETE", url}, "DELETE", "", ""},
		"-X":                     {"", []string{"-X", "PUT", url, "-d", "a=b"}, "PUT", "a=b", "application/x-www-form-urlencoded"},
		"-d makes it a POST":     {"", []string{url, "-d", "a=b", "-d", "c=d"}, "POST", "a=b&c=d", "application/x-www-form-urlencoded"},
		"JSON is seen":           {"", []string{url, "-d", `{"a":1}`}, "POST", `{"a":1}`, "application/json"},
		"from a file, unchanged": {"", []string{url, "-d", "@" + s.path("p.json")}, "POST", "{\n\"amount\": 5}", "application/json"},
		"from standard input":    {"x=y", []string{url, "-d", "@-"}, "POST", "x=y", "application/x-www-form-urlencoded"},
		"-H decides":             {"", []string{url, "-d", `{}`, "-H", "content-type: text/plain"}, "POST", "{}", "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			s.calls = nil
			out := s.run(c.stdin, append([]string{"curl"}, c.args...)...)
			out.wants(t, exitDone)
			if out.stdout != `{"done":true}` || out.stderr != "" {
				t.Errorf("output %q, errors %q", out.stdout, out.stderr)
			}
			call := s.calls[0]
			if call.method != c.method || call.body != c.body || call.header.Get("Content-Type") != c.contentType {
				t.Errorf("got %s %q as %q", call.method, call.body, call.header.Get("Content-Type"))
			}
		})
	}
	s.run("", "curl", url, "-H", "X-Request: one", "-H", "X-Request: two").wants(t, exitDone)
	if got := s.calls[len(s.calls)-1].header["X-Request"]; !cmp.Equal(got, []string{"one", "two"}) {
		t.Errorf("X-Request %q", got)
	}
}

func TestCurlShowsHeadersAndJSON(t *testing.T) {
	s := newClientStage(t)
	url := s.server.URL + "/api/payments"
	out := s.run("", "curl", "-i", url)
	out.wants(t, exitDone)
	if !strings.HasPrefix(out.stdout, "HTTP/") || !strings.Contains(out.stdout, "201 Created\r\n") || !strings.HasSuffix(out.stdout, "\r\n\r\n{\"done\":true}") {
		t.Errorf("output %q", out.stdout)
	}
	out = s.run("", "curl", "--json", url)
	out.wants(t, exitDone)
	var document map[string]any
	if err := json.Unmarshal([]byte(out.stdout), &document); err != nil {
		t.Fatal(err)
	}
	if document["status"] != 201.0 || document["body"] != `{"done":true}` || document["refusal"] != nil {
		t.Errorf("document %v", document)
	}
}

// curlRefusal is a refusal of the API and what the explanation of it says.
type curlRefusal struct {
	refuse func(w http.ResponseWriter)
	say    []string
}

func curlRefusals() map[string]curlRefusal {
	return map[string]curlRefusal{
		"iat": {
			func(w http.ResponseWriter) {
				w.Header().Set("Date", time.Now().Add(94*time.Second).UTC().Format(http.TimeFormat))
				challenge(w, 401, "invalid_dpop_proof", "proof iat is 94 s behind server time; accepted window 60 s")
			},
			[]string{"401 invalid_dpop_proof: proof iat is 94 s behind", "s slow", "--learn-clock"},
		},
		"nonce": {
			func(w http.ResponseWriter) {
				w.Header().Set("DPoP-Nonce", time.Now().Format("150405.000000000"))
				challenge(w, 401, "use_dpop_nonce", "")
			},
			[]string{"401 use_dpop_nonce", "with a nonce", "share their nonce keys"},
		},
		"htu": {
			func(w http.ResponseWriter) {
				challenge(w, 401, "invalid_dpop_proof", "htu is not the URL of the request")
			},
			[]string{"/api/payments", "public origin"},
		},
		"jkt": {
			func(w http.ResponseWriter) { challenge(w, 401, "invalid_token", "Invalid DPoP key binding") },
			[]string{"401 invalid_token", "bound to another key"},
		},
		"replay": {
			func(w http.ResponseWriter) {
				challenge(w, 401, "invalid_dpop_proof", "this proof was used before")
			},
			[]string{"used before", "twice"},
		},
		"invalid_token": {
			func(w http.ResponseWriter) { challenge(w, 401, "invalid_token", "the token is revoked") },
			[]string{"revoked", "fresh token was tried", "--resource"},
		},
		"insufficient_scope": {
			func(w http.ResponseWriter) {
				w.Header().Set("WWW-Authenticate", `DPoP error="insufficient_scope", scope="payments"`)
				w.WriteHeader(403)
			},
			[]string{"403 insufficient_scope", `--scope "payments"`},
		},
		"503": {
			func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "5")
				w.WriteHeader(503)
			},
			[]string{"503 Service Unavailable", "try again in 5s"},
		},
		"401 without a word": {
			func(w http.ResponseWriter) { w.WriteHeader(401) },
			[]string{"401 Unauthorized", "proof sent"},
		},
	}
}

func TestCurlExplainsARefusal(t *testing.T) {
	for name, c := range curlRefusals() {
		t.Run(name, func(t *testing.T) {
			s := newClientStage(t)
			s.refuseCall = func(w http.ResponseWriter) bool { c.refuse(w); return true }
			url := s.server.URL + "/api/payments"
			out := s.run("", "curl", url, "-d", "a=b")
			say := append(c.say, "your clock", "server (Date header)", "htm POST", "htu "+url, "iat ", "(dpop.pem)", "what to do")
			out.wants(t, exitRefused, say...)
			for _, secret := range []string{"the.token", "eyJ"} {
				if strings.Contains(out.stdout+out.stderr, secret) {
					t.Errorf("the explanation shows %q", secret)
				}
			}
			if strings.Contains(out.stderr, "\x1b") {
				t.Error("colour where there is no terminal")
			}
			out = s.run("", "curl", "--json", url)
			out.wants(t, exitRefused)
			if !strings.Contains(out.stdout, `"refusal":{`) {
				t.Errorf("output %q", out.stdout)
			}
		})
	}
}

// An answer that has nothing to do with token and proof is the application's own.
func TestCurlPrintsTheBodyOfAnError(t *testing.T) {
	s := newClientStage(t)
	s.refuseCall = func(w http.ResponseWriter) bool { answerJSON(w, 404, `{"no":"such account"}`); return true }
	out := s.run("", "curl", s.server.URL+"/api/accounts/9")
	out.wants(t, exitRefused)
	if out.stdout != `{"no":"such account"}` || out.stderr != "404 Not Found\n" {
		t.Errorf("output %q, errors %q", out.stdout, out.stderr)
	}
}

func TestCurlFollowsTheServersClockWhenTold(t *testing.T) {
	s := newClientStage(t)
	s.clock = 94 * time.Second
	url := s.server.URL + "/api/payments"
	s.run("", "curl", url).wants(t, exitRefused, "iat", "--learn-clock")
	s.run("", "curl", "--learn-clock", url).wants(t, exitDone)
	s.run("", "curl", "--learn-clock=30s", url).wants(t, exitRefused, "more than --learn-clock allows")
}

func TestCurlTellsOfATokenThatItDidNotGet(t *testing.T) {
	s := newClientStage(t)
	s.refuseToken = func(w http.ResponseWriter) bool { answerJSON(w, 400, `{"error":"invalid_scope"}`); return true }
	s.run("", "curl", s.server.URL+"/api/x").wants(t, exitRefused, "the issuer gave no token: 400 invalid_scope", "--scope")
	if len(s.calls) != 0 {
		t.Error("the API was called without a token")
	}
}

func TestCurlUsage(t *testing.T) {
	s := newClientStage(t)
	url := s.server.URL + "/api/x"
	for name, args := range map[string][]string{
		"nothing":                   {},
		"three arguments":           {"GET", url, "now"},
		"no scheme":                 {"api.example.com"},
		"no TLS":                    {"http://api.example.com"},
		"a user name":               {"https://me@api.example.com"},
		"method in lower case":      {"post", url},
		"method said twice":         {"POST", url, "-X", "PUT"},
		"body that is not there":    {url, "-d", "@" + s.path("none")},
		"field without a colon":     {url, "-H", "X"},
		"a token of one's own":      {url, "-H", "Authorization: Bearer x"},
		"a proof of one's own":      {url, "-H", "dpop: x"},
		"a host of one's own":       {url, "-H", "Host: other"},
		"an option that curl has":   {url, "-k"},
		"field that cannot be sent": {url, "-m", "soon"},
	} {
		t.Run(name, func(t *testing.T) {
			s.run("", append([]string{"curl"}, args...)...).wants(t, exitUsage, "tenon: ")
		})
	}
	if len(s.forms) != 0 {
		t.Error("a token was asked for before the command line was judged")
	}
}

package client_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// fakeAPI checks every proof with the product's own checker and then does what the test says.
type fakeAPI struct {
	*httptest.Server
	// refuse says why a good request is refused; "" lets it pass.
	refuse func(token string) (challenge string)

	mu     sync.Mutex
	tokens []string // of the requests that came
	bodies []string
}

func newFakeAPI(t *testing.T, cfg *client.Config) *fakeAPI {
	t.Helper()
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	if err != nil {
		t.Fatal(err)
	}
	api := &fakeAPI{refuse: func(string) string { return "" }}
	api.Server = newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP ")
		_, err := checker.Check(dpop.Request{
			Method: r.Method, URL: api.URL + r.URL.Path, Proofs: r.Header.Values("DPoP"),
			AccessToken: token, Thumbprint: cfg.Key.Thumbprint(),
		})
		if err != nil {
			t.Errorf("the proof is refused: %v", err)
		}
		body, _ := io.ReadAll(r.Body)
		api.mu.Lock()
		api.tokens, api.bodies = append(api.tokens, token), append(api.bodies, string(body))
		api.mu.Unlock()
		if challenge := api.refuse(token); challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}), tls.NoClientCert)
	cfg.RootCAs.AddCert(api.Certificate())
	return api
}

func (a *fakeAPI) calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.tokens...)
}

const invalidToken = `DPoP error="invalid_token", error_description="revoked", algs="ES256"`

func refuseToken(bad string) func(string) string {
	return func(token string) string {
		if token == bad {
			return invalidToken
		}
		return ""
	}
}

func TestCallCarriesTokenAndProof(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	api := newFakeAPI(t, &cfg)
	c := newClient(t, cfg).HTTPClient()
	for range 2 {
		resp, err := c.Post(api.URL+"/payments?dry=1", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := len(issuer.requests()); n != 1 {
		t.Errorf("%d token requests for two calls", n)
	}
}

// RFC 8705 §6.3, RFC 6750 §3.1: a token that is no longer good is replaced, and the call repeated once.
func TestInvalidTokenIsReplacedOnce(t *testing.T) {
	for _, c := range []struct {
		name     string
		body     func() io.Reader
		refuse   func(string) string
		want     []string
		status   int
		lastBody string
	}{
		{name: "without a body", refuse: refuseToken("token-1"), want: []string{"token-1", "token-2"}, status: 200},
		{
			name: "with a body that can be sent again", refuse: refuseToken("token-1"),
			body: func() io.Reader { return strings.NewReader("pay") },
			want: []string{"token-1", "token-2"}, status: 200, lastBody: "pay",
		},
		{
			name: "with a stream", refuse: refuseToken("token-1"),
			body: func() io.Reader { return io.MultiReader(strings.NewReader("pay")) },
			want: []string{"token-1"}, status: 401, lastBody: "pay",
		},
		{
			name: "a server that takes no token", refuse: func(string) string { return invalidToken },
			want: []string{"token-1", "token-2"}, status: 401,
		},
		{
			name: "a refusal for another reason", refuse: func(string) string { return `DPoP error="insufficient_scope"` },
			want: []string{"token-1"}, status: 401,
		},
		{
			name: "a challenge without a reason", refuse: func(string) string { return `DPoP algs="ES256"` },
			want: []string{"token-1"}, status: 401,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			cfg := issuer.config(t)
			api := newFakeAPI(t, &cfg)
			api.refuse = c.refuse
			var body io.Reader
			if c.body != nil {
				body = c.body()
			}
			resp, err := newClient(t, cfg).HTTPClient().Post(api.URL, "text/plain", body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := api.calls(); strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("tokens sent %v, want %v", got, c.want)
			}
			if last := api.bodies[len(api.bodies)-1]; last != c.lastBody {
				t.Errorf("last body %q, want %q", last, c.lastBody)
			}
		})
	}
}

// A body that cannot be sent again costs one call, not all that follow.
func TestRefusedTokenIsNotUsedForTheNextCall(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	api := newFakeAPI(t, &cfg)
	api.refuse = refuseToken("token-1")
	c := newClient(t, cfg).HTTPClient()
	for range 2 {
		resp, err := c.Post(api.URL, "text/plain", io.MultiReader(strings.NewReader("pay")))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if got := strings.Join(api.calls(), " "); got != "token-1 token-2" {
		t.Errorf("tokens sent %s", got)
	}
}

// Somebody whose tokens are all refused does not ask the issuer for one with every call.
func TestRefusedTokensAreNotReplacedWithoutEnd(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	var mu sync.Mutex
	now := time.Now().Add(-6 * time.Second) // the proofs stay within the window when it moves on
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	api := newFakeAPI(t, &cfg)
	api.refuse = func(string) string { return invalidToken }
	c := newClient(t, cfg).HTTPClient()
	get := func(times, want int) {
		t.Helper()
		for range times {
			resp, err := c.Get(api.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		if n := len(issuer.requests()); n != want {
			t.Errorf("%d token requests, want %d", n, want)
		}
	}
	get(20, 2)
	mu.Lock()
	now = now.Add(11 * time.Second)
	mu.Unlock()
	get(20, 3)
}

func TestRevokedTokenWithManyCallersCostsOneRequest(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	api := newFakeAPI(t, &cfg)
	api.refuse = refuseToken("token-1")
	c := newClient(t, cfg).HTTPClient()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			resp, err := c.Get(api.URL)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	if n := len(issuer.requests()); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}

func TestIssuerThatRefusesTheSecondTokenIsHeard(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		if n > 1 {
			writeJSON(w, 401, `{"error":"invalid_client"}`)
			return
		}
		grantToken(w, n, r)
	}
	cfg := issuer.config(t)
	api := newFakeAPI(t, &cfg)
	api.refuse = refuseToken("token-1")
	if _, err := newClient(t, cfg).HTTPClient().Get(api.URL); !errors.Is(err, tenon.InvalidClient) {
		t.Errorf("error %v, want the issuer's invalid_client", err)
	}
}

// RFC 9449 §8, §9: each server's nonce goes back to that server only, also when the API lives at the issuer's address.
func TestNoncesOfIssuerAndAPIAreKeptApart(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		w.Header().Set("DPoP-Nonce", "issuers")
		grantToken(w, n, r)
	}
	var sent []any
	issuer.api = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DPoP-Nonce", "apis")
		sent = append(sent, jwtPart(t, r.Header.Get("DPoP"), 1)["nonce"])
	}
	c := newClient(t, issuer.config(t)).HTTPClient()
	for range 2 {
		resp, err := c.Get(issuer.front.URL + "/api")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if diff := cmp.Diff([]any{nil, "apis"}, sent); diff != "" {
		t.Errorf("nonces sent to the API (-want +got):\n%s", diff)
	}
}

func TestTokenIsNotForStrangers(t *testing.T) {
	issuer := newFakeIssuer(t)
	certificate := newCertificate(t, "tpp")
	for _, mode := range []string{"DPoP", "Bearer"} {
		t.Run(mode, func(t *testing.T) {
			reached := false
			stranger := newTLSServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), tls.RequestClientCert)
			home := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/away":
					http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
				case "/near":
					http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
				case "/insecure":
					http.Redirect(w, r, "http://"+r.Host+"/here", http.StatusTemporaryRedirect)
				case "/round":
					http.Redirect(w, r, "/round", http.StatusTemporaryRedirect)
				}
			}), tls.RequestClientCert)
			cfg := issuer.certificateConfig(certificate)
			if mode == "DPoP" {
				cfg = issuer.config(t)
			}
			cfg.RootCAs.AddCert(home.Certificate())
			cfg.RootCAs.AddCert(stranger.Certificate())
			c := newClient(t, cfg).HTTPClient()
			for path, want := range map[string]bool{"/here": true, "/near": true, "/away": false, "/insecure": false, "/round": false} {
				resp, err := c.Get(home.URL + path)
				if (err == nil) != want {
					t.Errorf("%s: error %v, wanted to succeed: %v", path, err, want)
				}
				if err == nil {
					resp.Body.Close()
				}
			}
			if reached {
				t.Error("another origin was called")
			}
			// Somebody who takes the transport alone, with another redirect policy, is held to the same.
			lax := *c
			lax.CheckRedirect = nil
			if _, err := lax.Get(home.URL + "/away"); err == nil || reached {
				t.Error("another origin was called")
			}
			req, _ := http.NewRequest("GET", home.URL+"/here", nil)
			req.Header.Set("Authorization", "Bearer another")
			if _, err := c.Do(req); err == nil {
				t.Error("a request with a token of its own was sent")
			}
			if _, err := c.Get("http" + strings.TrimPrefix(home.URL, "https")); err == nil {
				t.Error("a call without TLS was made")
			}
		})
	}
}

func TestExplainReadsARefusal(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	api := newTLSServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fine" {
			return
		}
		w.Header().Add("WWW-Authenticate", `Bearer error="invalid_request"`)
		w.Header().Add("WWW-Authenticate", `DPoP error="insufficient_scope", error_description="payments are needed`+"\u009b"+`31m", scope="payments"`)
		w.WriteHeader(http.StatusForbidden)
	}), tls.NoClientCert)
	cfg.RootCAs.AddCert(api.Certificate())
	c := newClient(t, cfg)

	resp, err := c.HTTPClient().Get(api.URL + "/fine")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if r := c.Explain(resp); r != nil {
		t.Errorf("a success is explained as %v", r)
	}

	resp, err = c.HTTPClient().Get(api.URL + "/payments?id=1")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r := c.Explain(resp)
	if r == nil || r.Code != tenon.InsufficientScope || r.Cause() != client.CauseScope || r.Scope != "payments" {
		t.Fatalf("refusal %+v", r)
	}
	if r.Description != "payments are needed?31m" { // nothing that steers a terminal
		t.Errorf("description %q", r.Description)
	}
	if r.Sent.Method != "GET" || r.Sent.URL != api.URL+"/payments" || r.Sent.Thumbprint != cfg.Key.Thumbprint() || time.Since(r.Sent.IssuedAt) > time.Minute {
		t.Errorf("proof sent %+v", r.Sent)
	}
	if r.Scheme != "DPoP" || r.ServerTime.IsZero() {
		t.Errorf("scheme %q, server time %v", r.Scheme, r.ServerTime)
	}
	if strings.Contains(r.Error(), "token-1") {
		t.Errorf("the explanation shows the token: %v", r)
	}
}

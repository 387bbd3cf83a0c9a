package dpop_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

func TestTransportAnswersANonceChallengeOnce(t *testing.T) {
	api := newAPI(t, dpop.RequireNonce)
	c := api.client(t, nil)
	for range 2 {
		if status, err := post(t, c, api.URL+"/pay?amount=1", strings.NewReader("body")); err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
	}
	wantStatuses(t, api, 401, 200, 200) // the nonce serves the second request as well
	jtis := map[string]bool{}
	for _, s := range api.seen {
		if s.body != "body" || s.authorization != "DPoP "+someToken {
			t.Errorf("body %q, authorization %q", s.body, s.authorization)
		}
		jtis[s.jti] = true
	}
	if len(jtis) != 3 { // RFC 9449 §7.3
		t.Errorf("%d different jti in 3 requests", len(jtis))
	}
}

// A server that rotates its nonce on every answer, errors as well: each is used from the next request on (RFC 9449 §8.2).
func TestTransportKeepsTheNonceOfEveryAnswer(t *testing.T) {
	api := newAPI(t, dpop.RequireNonce)
	given := ""
	api.answer = func(w http.ResponseWriter, r *http.Request) bool {
		nonce, _ := nonceAndJTI(r.Header.Get("DPoP"))
		if len(api.seen) > 1 && nonce != given {
			t.Errorf("request %d came with the nonce %q, want %q", len(api.seen), nonce, given)
		}
		given = api.checker.Nonces().Mint() + string(rune('a'+len(api.seen)))
		w.Header().Set("DPoP-Nonce", given)
		switch len(api.seen) {
		case 0, 1: // the retry is challenged as well, with another nonce
			w.Header().Set("WWW-Authenticate", `dpop error=use_dpop_nonce`)
			w.WriteHeader(http.StatusUnauthorized)
		case 2:
			w.WriteHeader(http.StatusForbidden)
		}
		return true
	}
	c := api.client(t, nil)
	for i, want := range []int{401, 403, 200} {
		if status, err := post(t, c, api.URL+"/pay", nil); err != nil || status != want {
			t.Fatalf("request %d: %d, %v, want %d", i, status, err, want)
		}
	}
	if len(api.seen) != 4 { // the first of three was tried twice, never a third time
		t.Errorf("%d requests arrived", len(api.seen))
	}
}

func TestTransportDoesNotRepeatForNothing(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter, nonce string){
		"no nonce in the challenge": func(w http.ResponseWriter, _ string) { w.Header().Del("DPoP-Nonce") },
		"two nonces":                func(w http.ResponseWriter, _ string) { w.Header().Add("DPoP-Nonce", "another") },
		"an impossible nonce":       func(w http.ResponseWriter, _ string) { w.Header().Set("DPoP-Nonce", `a"b`) },
		"a nonce of a megabyte":     func(w http.ResponseWriter, _ string) { w.Header().Set("DPoP-Nonce", strings.Repeat("x", 1<<19)) },
		"the challenge of Bearer": func(w http.ResponseWriter, _ string) {
			w.Header().Set("WWW-Authenticate", `Bearer error="use_dpop_nonce"`)
		},
		"another error": func(w http.ResponseWriter, _ string) {
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_token"`)
		},
		"a bad proof, clock followed": func(w http.ResponseWriter, _ string) {
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_dpop_proof"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t, dpop.RequireNonce)
			api.answer = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("DPoP-Nonce", "first")
				w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
				answer(w, "")
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			c := api.client(t, func(c *dpop.TransportConfig) { c.LearnClock = time.Hour })
			if status, err := post(t, c, api.URL, nil); err != nil || status != http.StatusUnauthorized || len(api.seen) != 1 {
				t.Errorf("%d, %v after %d requests", status, err, len(api.seen))
			}
		})
	}
}

func TestTransportSendsABodyTwiceOnlyWhenItCan(t *testing.T) {
	api := newAPI(t, dpop.RequireNonce)
	c := api.client(t, nil)
	stream := func() io.Reader { return io.MultiReader(strings.NewReader("stream")) } // no GetBody
	_, err := post(t, c, api.URL, stream())
	unrepeatable, ok := errors.AsType[*dpop.UnrepeatableError](err)
	if !ok || unrepeatable.Response.StatusCode != http.StatusUnauthorized {
		t.Fatalf("error %v", err)
	}
	wantStatuses(t, api, 401)
	if status, err := post(t, c, api.URL, stream()); err != nil || status != http.StatusOK { // the nonce was kept
		t.Fatalf("the same again: %d, %v", status, err)
	}
	wantStatuses(t, api, 401, 200)
	api = newAPI(t, dpop.RequireNonce)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	req.GetBody = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
	if _, err := api.client(t, nil).Do(req); err == nil || len(api.seen) != 1 {
		t.Errorf("GetBody failed: %v, %d requests", err, len(api.seen))
	}
}

func TestTransportKeepsNoncesApartByOrigin(t *testing.T) {
	one, two := newAPI(t, dpop.RequireNonce), newAPI(t, dpop.RequireNonce)
	jar := dpop.NewNonceJar()
	for _, api := range []*protectedAPI{one, two} {
		if status, err := post(t, api.client(t, func(c *dpop.TransportConfig) { c.Nonces = jar }), api.URL, nil); err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
		wantStatuses(t, api, 401, 200)
		if api.seen[0].nonce != "" {
			t.Error("a nonce came from another origin") // RFC 9449 §8
		}
	}
	if a, b := jar.Get(mustURL(t, one.URL)), jar.Get(mustURL(t, two.URL)); a == "" || b == "" || a == b {
		t.Errorf("nonces %q and %q", a, b)
	}
	if upper := strings.ToUpper(one.URL); jar.Get(mustURL(t, upper)) == "" {
		t.Errorf("no nonce for %s, the same origin", upper)
	}
}

func TestTransportDoesNotFollowToAnotherOrigin(t *testing.T) {
	other := newAPI(t, dpop.NoNonce)
	api := newAPI(t, dpop.NoNonce)
	target := other.URL + "/elsewhere"
	api.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}
	c := api.client(t, nil)
	if _, err := post(t, c, api.URL+"/old", nil); err == nil || len(other.seen) != 0 {
		t.Errorf("followed: %v, %d requests arrived", err, len(other.seen))
	}
	target = api.URL + "/new" // the same origin is followed, with a proof for the new URL
	if status, err := post(t, c, api.URL+"/old", strings.NewReader("body")); err != nil || status != http.StatusOK {
		t.Errorf("redirect inside the origin: %d, %v", status, err)
	}
}

func TestTransportRefusesToSend(t *testing.T) {
	sent := 0
	base := roundTripper(func(*http.Request) (*http.Response, error) { sent++; return nil, errors.New("sent") })
	transport := must(dpop.NewTransport(dpop.TransportConfig{
		Key: testKeys()[dpop.ES256], Base: base, Token: func(context.Context) (string, error) { return someToken, nil },
	}))
	for name, change := range map[string]func(*http.Request){
		"plain http":                 func(r *http.Request) { r.URL = mustURL(t, "http://api.example.com/") },
		"another scheme":             func(r *http.Request) { r.URL = mustURL(t, "ftp://api.example.com/") },
		"no URL":                     func(r *http.Request) { r.URL = nil },
		"no host":                    func(r *http.Request) { r.URL = mustURL(t, "https:///") },
		"opaque URL":                 func(r *http.Request) { r.URL.Opaque = "//evil.example/" },
		"dot segments":               func(r *http.Request) { r.URL = mustURL(t, "https://api.example.com/a/../b") },
		"another Authorization":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") },
		"another proof":              func(r *http.Request) { r.Header.Set("DPoP", "x") },
		"a Host that is not the URL": func(r *http.Request) { r.Host = "evil.example" },
	} {
		t.Run(name, func(t *testing.T) {
			body := &closeCounter{Reader: strings.NewReader("body")}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, someURL, body)
			if err != nil {
				t.Fatal(err)
			}
			change(req)
			if _, err := transport.RoundTrip(req); err == nil || sent != 0 {
				t.Errorf("sent %d: %v", sent, err)
			}
			if body.closed == 0 {
				t.Error("the body was left open")
			}
		})
	}
	for _, good := range []string{"https://api.example.com", "http://127.0.0.1:80/", "http://[::1]/", "http://localhost/"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, good, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(req); err == nil || err.Error() != "sent" {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestTransportWithoutAToken(t *testing.T) {
	broken := errors.New("no grant")
	for name, source := range map[string]func(context.Context) (string, error){
		"error":              func(context.Context) (string, error) { return "x", broken },
		"empty":              func(context.Context) (string, error) { return "", nil },
		"with a line end":    func(context.Context) (string, error) { return "a\r\nX: y", nil },
		"with a second part": func(context.Context) (string, error) { return "a b", nil },
	} {
		transport := must(dpop.NewTransport(dpop.TransportConfig{
			Key: testKeys()[dpop.ES256], Token: source,
			Base: roundTripper(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, broken }),
		}))
		body := &closeCounter{Reader: strings.NewReader("body")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, someURL, body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(req); err == nil || body.closed == 0 {
			t.Errorf("%s: %v, body closed %d times", name, err, body.closed)
		}
	}
}

// A client whose clock is ten minutes slow: refused when it does not follow the server, accepted on the retry when it does.
func TestTransportLearnsTheClock(t *testing.T) {
	slow := func() time.Time { return time.Now().Add(-10 * time.Minute) }
	for _, tt := range []struct {
		name  string
		limit time.Duration
		want  []int
	}{
		{"following none", 0, []int{401, 401}},
		{"following less than needed", 9 * time.Minute, []int{401, 401}},
		{"following", 11 * time.Minute, []int{401, 200, 200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t, dpop.NoNonce)
			c := api.client(t, func(c *dpop.TransportConfig) { c.LearnClock, c.Now = tt.limit, slow })
			for range 2 {
				if _, err := post(t, c, api.URL, nil); err != nil {
					t.Fatal(err)
				}
			}
			wantStatuses(t, api, tt.want...)
		})
	}
}

func TestNewTransportReportsEveryFault(t *testing.T) {
	_, err := dpop.NewTransport(dpop.TransportConfig{LearnClock: -1})
	for _, want := range []string{"key", "token", "LearnClock"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word about %s in %v", want, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type closeCounter struct {
	io.Reader
	closed int
}

func (c *closeCounter) Close() error { c.closed++; return nil }

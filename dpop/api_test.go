package dpop_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// A protectedAPI is a server that checks proofs and remembers what it was sent.
type protectedAPI struct {
	*httptest.Server
	checker *dpop.Checker
	clock   handClock
	mu      sync.Mutex
	seen    []seenRequest
	answer  func(w http.ResponseWriter, r *http.Request) bool // true when it has answered
}

type seenRequest struct {
	authorization, nonce, jti, body string
	status                          int
}

func newAPI(t *testing.T, policy dpop.NoncePolicy) *protectedAPI {
	t.Helper()
	api := &protectedAPI{clock: handClock{time.Now()}}
	var err error
	api.checker, err = dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Nonces: newNonces(t, policy, api.clock.now), Now: api.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	api.Server = httptest.NewTLSServer(api)
	t.Cleanup(api.Close)
	return api
}

func (a *protectedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	seen := seenRequest{authorization: r.Header.Get("Authorization"), body: string(body)}
	defer func() { a.seen = append(a.seen, seen) }()
	if a.answer != nil && a.answer(w, r) {
		return
	}
	w.Header().Set("Date", a.clock.t.UTC().Format(http.TimeFormat))
	p, err := a.checker.Check(dpop.Request{
		Method: r.Method, URL: a.URL + r.URL.EscapedPath(), Proofs: r.Header.Values("DPoP"),
		AccessToken: strings.TrimPrefix(seen.authorization, "DPoP "), Thumbprint: testKeys()[dpop.ES256].Thumbprint(),
	})
	seen.nonce, seen.jti = nonceAndJTI(r.Header.Get("DPoP"))
	if err != nil {
		code, _, _ := strings.Cut(reason(err), " ")
		if code == "use_dpop_nonce" {
			w.Header().Set("DPoP-Nonce", a.checker.Nonces().Mint())
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="a, b", DPoP algs="ES256", error="`+code+`"`)
		seen.status = http.StatusUnauthorized
		http.Error(w, err.Error(), seen.status)
		return
	}
	if next := p.NextNonce(); next != "" {
		w.Header().Set("DPoP-Nonce", next)
	}
	seen.status = http.StatusOK
	_, _ = io.WriteString(w, "paid")
}

func nonceAndJTI(proof string) (nonce, jti string) {
	if parsed, err := dpop.Parse(proof); err == nil {
		if jti = parsed.JTI; parsed.Nonce != nil {
			nonce = *parsed.Nonce
		}
	}
	return nonce, jti
}

// client returns an http.Client of the server that proves with the ES256 key.
func (a *protectedAPI) client(t *testing.T, change func(*dpop.TransportConfig)) *http.Client {
	t.Helper()
	config := dpop.TransportConfig{
		Key: testKeys()[dpop.ES256], Base: a.Client().Transport,
		Token: func(context.Context) (string, error) { return someToken, nil },
	}
	if change != nil {
		change(&config)
	}
	transport, err := dpop.NewTransport(config)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: transport}
}

// statuses is the answers to the requests that arrived.
func (a *protectedAPI) statuses() (all []int) {
	for _, s := range a.seen {
		all = append(all, s.status)
	}
	return all
}

func post(t *testing.T, c *http.Client, url string, body io.Reader) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	before := req.Clone(t.Context())
	resp, err := c.Do(req)
	if len(req.Header) != len(before.Header) {
		t.Errorf("the transport changed the request's header to %v", req.Header)
	}
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

func wantStatuses(t *testing.T, api *protectedAPI, want ...int) {
	t.Helper()
	got := api.statuses()
	if len(got) != len(want) {
		t.Fatalf("answers %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("answers %v, want %v", got, want)
		}
	}
}

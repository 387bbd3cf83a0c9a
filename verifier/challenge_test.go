package verifier_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

const (
	algs = `algs="ES256 PS256 EdDSA Ed25519"`
	hint = `resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
)

// serve sends a request of the attack form to the middleware, without a network.
func (s *stage) serve(r attackRequest, handler http.Handler) *httptest.ResponseRecorder {
	s.t.Helper()
	p, err := s.present(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.sent = append(s.sent, p)
	w := httptest.NewRecorder()
	s.verifiers[0].Middleware(handler).ServeHTTP(w, p.httpRequest())
	return w
}

// httpRequest is the request as a handler gets it.
func (p presentation) httpRequest() *http.Request {
	r := httptest.NewRequest(p.method, p.target, nil)
	r.Host = p.host
	for _, line := range p.lines {
		r.Header.Add(line[0], line[1])
	}
	if p.certificate != "" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
		r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, certificates()[p.certificate].Leaf)
	}
	return r
}

// unreachable is a handler that must not be reached.
func unreachable(t *testing.T) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") })
}

// TestChallenges compares the whole WWW-Authenticate fields.
func TestChallenges(t *testing.T) {
	x5t := &forgery{Claims: members(`{"cnf": {"x5t#S256": "{x5t client}"}}`)}
	none := &forgery{Omit: true}
	failed := func(code, description string) string {
		return fmt.Sprintf(`error=%q, error_description=%q`, code, description)
	}
	expired := failed("invalid_token", "the token has expired: get a new one")
	old := &forgery{Claims: members(`{"exp": "{now}"}`)}
	twice := failed("invalid_request", "send one Authorization field, not 2")
	for _, tt := range []struct {
		name       string
		config     attackConfig
		request    attackRequest
		status     int
		challenges []string
	}{
		{"no credentials, RFC 9449 §7.2", attackConfig{}, attackRequest{Lines: [][2]string{}}, 401, []string{"DPoP " + algs + ", " + hint, "Bearer " + hint}},
		{"no credentials, DPoP only", attackConfig{Certs: "off"}, attackRequest{Lines: [][2]string{}}, 401, []string{"DPoP " + algs + ", " + hint}},
		{"no credentials, certificates only", attackConfig{DPoP: "off"}, attackRequest{Lines: [][2]string{}}, 401, []string{"Bearer " + hint}},
		{"expired with DPoP", attackConfig{}, attackRequest{Token: old}, 401, []string{"DPoP " + expired + ", " + algs + ", " + hint}},
		{"expired as Bearer", attackConfig{}, attackRequest{Token: old, Scheme: "Bearer", Proof: none}, 401, []string{"Bearer " + expired + ", " + hint}},
		{"expired with DPoP, certificates only", attackConfig{DPoP: "off"}, attackRequest{Token: old}, 401, []string{"Bearer " + expired + ", " + hint}},
		{"downgrade", attackConfig{}, attackRequest{Scheme: "Bearer", Proof: none}, 401, []string{
			"DPoP " + failed("invalid_token", "the token is bound to a key: send it with the DPoP scheme and a proof") + ", " + algs + ", " + hint,
		}},
		{"no certificate", attackConfig{}, attackRequest{Token: x5t, Scheme: "Bearer", Proof: none}, 401, []string{
			"Bearer " + failed("invalid_token", "the token is bound to a certificate: connect with it") + ", " + hint,
		}},
		{"no proof", attackConfig{}, attackRequest{Proof: none}, 401, nil},
		{"two proofs beside Bearer", attackConfig{}, attackRequest{Token: x5t, Lines: [][2]string{{"Authorization", "Bearer {token}"}, {"DPoP", "a"}, {"DPoP", "b"}}}, 401, []string{
			"DPoP " + failed("invalid_dpop_proof", "send one DPoP field, not 2") + ", " + algs + ", " + hint,
		}},
		{"two credentials, RFC 9449 §7.2", attackConfig{}, attackRequest{Lines: [][2]string{{"Authorization", "Bearer {token}"}, {"Authorization", "DPoP {token}"}}}, 400, []string{
			"DPoP " + twice + ", " + algs, "Bearer " + twice,
		}},
		{"unavailable", attackConfig{Replays: "down"}, attackRequest{}, 503, []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newStage(t, tt.config).serve(tt.request, unreachable(t))
			if w.Code != tt.status {
				t.Errorf("%d, want %d", w.Code, tt.status)
			}
			got := append([]string{}, w.Header().Values("WWW-Authenticate")...)
			if diff := cmp.Diff(tt.challenges, got); tt.challenges != nil && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestBodies compares the whole answers.
func TestBodies(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		w := newStage(t, attackConfig{}).serve(attackRequest{Token: &forgery{Claims: members(`{"exp": "{now}"}`)}}, unreachable(t))
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"error": "invalid_token", "error_description": "the token has expired: get a new one"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		checkHeader(t, w, http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Access-Control-Expose-Headers": {"WWW-Authenticate, DPoP-Nonce"},
		})
	})
	t.Run("no credentials", func(t *testing.T) {
		w := newStage(t, attackConfig{}).serve(attackRequest{Lines: [][2]string{}}, unreachable(t))
		if w.Body.Len() != 0 {
			t.Errorf("a body: %s", w.Body) // RFC 6750 §3.1: no error information
		}
		checkHeader(t, w, http.Header{"Content-Type": nil, "Cache-Control": {"no-store"}})
	})
	t.Run("unavailable", func(t *testing.T) {
		w := newStage(t, attackConfig{Replays: "down"}).serve(attackRequest{}, unreachable(t))
		checkHeader(t, w, http.Header{"Retry-After": {"2"}, "Cache-Control": {"no-store"}})
		if !strings.Contains(w.Body.String(), `"temporarily_unavailable"`) || strings.Contains(w.Body.String(), "no answer") {
			t.Errorf("%s", w.Body)
		}
	})
}

// checkHeader compares the fields that want names.
func checkHeader(t *testing.T, w *httptest.ResponseRecorder, want http.Header) {
	t.Helper()
	for name, values := range want {
		if diff := cmp.Diff(values, w.Header()[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestNonceOnAGoodAnswer: what is offered reaches the caller, and what the handler says of caches does not keep it.
func TestNonceOnAGoodAnswer(t *testing.T) {
	s := newStage(t, attackConfig{Nonces: "offer"})
	w := s.serve(attackRequest{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	if w.Code != http.StatusNoContent || w.Header().Get("DPoP-Nonce") == "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	checkHeader(t, w, http.Header{"Cache-Control": {"no-store"}, "Access-Control-Expose-Headers": {"WWW-Authenticate, DPoP-Nonce"}})
	w = newStage(t, attackConfig{}).serve(attackRequest{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	checkHeader(t, w, http.Header{"Cache-Control": nil, "Dpop-Nonce": nil, "Access-Control-Expose-Headers": nil})
}

// TestNonceWithARefusedProof: where nonces are demanded, a proof that is refused for its clock brings one, so that its successor
// needs no second challenge. A bad token brings none.
func TestNonceWithARefusedProof(t *testing.T) {
	old := attackRequest{Proof: &forgery{Claims: members(`{"iat": "{now-94}"}`)}}
	for name, tt := range map[string]struct {
		policy  string
		request attackRequest
		given   bool
	}{
		"demanded":            {"require", old, true},
		"offered":             {"offer", old, false},
		"not asked for":       {"", old, false},
		"demanded, bad token": {"require", attackRequest{Token: &forgery{Signature: "flipped"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newStage(t, attackConfig{Nonces: tt.policy}).serve(tt.request, http.NotFoundHandler())
			if given := w.Header().Get("DPoP-Nonce") != ""; w.Code != http.StatusUnauthorized || given != tt.given {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}

func TestRequire(t *testing.T) {
	for _, tt := range []struct {
		name, scope string
		required    []string
		status      int
	}{
		{"nothing required", "", nil, 200},
		{"the one", "payments", []string{"payments"}, 200},
		{"one of several", "accounts payments", []string{"payments"}, 200},
		{"all of several", "accounts payments", []string{"payments", "accounts"}, 200},
		{"not all", "payments", []string{"payments", "accounts"}, 403},
		{"none", "", []string{"payments"}, 403},
		{"a prefix", "pay", []string{"payments"}, 403},
		{"a longer one", "payments", []string{"pay"}, 403},
		{"another case", "Payments", []string{"payments"}, 403},
		{"two in one word of the service's own", "a b", []string{"a b"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, attackConfig{})
			handler := verifier.Require(tt.required...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			w := s.serve(attackRequest{Token: &forgery{Claims: members(fmt.Sprintf(`{"scope": %q}`, tt.scope))}}, handler)
			if w.Code != tt.status {
				t.Errorf("%d", w.Code)
			}
		})
	}
}

// TestInsufficientScope compares the whole answer, and what is observed.
func TestInsufficientScope(t *testing.T) {
	s := newStage(t, attackConfig{})
	w := s.serve(attackRequest{}, verifier.Require("payments", `adm"in`)(unreachable(t)))
	want := `DPoP error="insufficient_scope", error_description="the token does not have the scope that this needs", scope="payments admin", ` + algs
	if got := w.Header().Values("WWW-Authenticate"); w.Code != 403 || !cmp.Equal(got, []string{want}) {
		t.Errorf("%d %q, want %q", w.Code, got, want)
	}
	e := s.lastEvent()
	if e.Code != "insufficient_scope" || e.Reason != "scope" || e.ClientID != "client-1" || e.Thumbprint == "" || e.Method != "POST" {
		t.Errorf("%+v", e)
	}
}

// TestRequireWithoutMiddleware fails closed.
func TestRequireWithoutMiddleware(t *testing.T) {
	w := httptest.NewRecorder()
	verifier.Require()(unreachable(t)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("%d", w.Code)
	}
}

// TestUntrustedCertificate: an error of the source refuses, also where the token needs no certificate.
func TestUntrustedCertificate(t *testing.T) {
	s := newStage(t, attackConfig{})
	p := must(s.present(attackRequest{}))
	r := p.httpRequest()
	r.TLS = &tls.ConnectionState{} // whose handshake is not complete
	w := httptest.NewRecorder()
	s.verifiers[0].Middleware(unreachable(t)).ServeHTTP(w, r)
	if e := s.lastEvent(); w.Code != http.StatusBadRequest || e.Code != "invalid_request" || e.Reason != "certificate" || e.Err == nil {
		t.Errorf("%d, %+v", w.Code, e)
	}
}

// TestSmuggledRequest is H15: two lengths in one request. net/http reads the chunks, and takes what follows them for a request of its
// own, which has no token.
func TestSmuggledRequest(t *testing.T) {
	s := newStage(t, attackConfig{})
	var paths []string
	server := httptest.NewUnstartedServer(s.verifiers[0].Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		_, _ = io.Copy(io.Discard, r.Body)
	})))
	server.TLS = mtls.ServerConfig(mtls.ServerOptions{})
	server.StartTLS()
	p := must(s.present(attackRequest{}))
	conn, err := tls.Dial("tcp", server.Listener.Addr().String(), server.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	smuggled := "GET /admin HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
	fmt.Fprintf(conn, "POST /payments HTTP/1.1\r\nHost: api.example.com\r\n%s: %s\r\n%s: %s\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s",
		p.lines[0][0], p.lines[0][1], p.lines[1][0], p.lines[1][1], 5+len(smuggled), smuggled)
	_ = conn.CloseWrite()
	answers := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			break
		}
		_, _ = io.Copy(io.Discard, response.Body)
	}
	server.Close() // after which paths is not written any more
	for i, path := range paths {
		if path != "/payments" || i > 0 {
			t.Errorf("request %d reached the handler at %s", i+1, path)
		}
	}
}

// TestABadTokenIsAnsweredAlikeWhateverTheProof is X04: the proof is not looked at before the token is known to be good.
func TestABadTokenIsAnsweredAlikeWhateverTheProof(t *testing.T) {
	for _, token := range []*forgery{{Signature: "flipped"}, {SignedBy: "thief"}} {
		s := newStage(t, attackConfig{Nonces: "require"})
		var answers []*httptest.ResponseRecorder
		for _, proof := range []*forgery{nil, {Omit: true}, {Key: "thief"}, {Signature: "flipped"}, {Claims: members(`{"iat": 1}`)}} {
			answers = append(answers, s.serve(attackRequest{Token: token, Proof: proof}, unreachable(t)))
		}
		for _, w := range answers[1:] {
			if diff := cmp.Diff(answers[0].Header(), w.Header()); diff != "" || w.Body.String() != answers[0].Body.String() {
				t.Errorf("%s%s", diff, w.Body)
			}
		}
	}
}

package client_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// fakeBank is a fakeIssuer that people log in at: Alice is always there, and agrees to everything.
type fakeBank struct {
	*fakeIssuer
	habits
	t   *testing.T
	key *dpop.Key

	mu      sync.Mutex
	par     []seenRequest         // pushed requests as they came
	fronts  []url.Values          // what came through the browser
	codes   map[string]url.Values // code -> the pushed request
	refresh []string              // refresh tokens that are good
	revoked []string
	jwks    int // how often the keys were asked for
	n       int
}

// habits are what a test makes a bank do differently. Nil functions change nothing.
type habits struct {
	keys        func() []jose.JSONWebKey          // nil: key as "bank-1"
	rotate      bool                              // each refresh gives a new refresh token, and the old one is no good any more
	pushed      func(w http.ResponseWriter) bool  // answers a pushed request instead; false: did not
	redirect    func(response url.Values)         // changes what the browser brings back
	response    func(form url.Values, m obj)      // changes a token response
	claims      func(form url.Values, claims obj) // changes an ID token
	sign        func(claims obj) string           // nil: with key
	userInfo    func(w http.ResponseWriter)       // nil: Alice's claims as JSON
	revocations func(w http.ResponseWriter) bool  // answers a revocation instead; false: did not
	clock       func() time.Time
}

type obj = map[string]any

func newFakeBank(t *testing.T) *fakeBank {
	b := &fakeBank{fakeIssuer: newFakeIssuer(t), t: t, key: newKey(t), habits: habits{clock: time.Now}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /par", b.servePAR)
	mux.HandleFunc("GET /authorize", b.serveAuthorize)
	mux.HandleFunc("GET /jwks", b.serveKeys)
	mux.HandleFunc("POST /revoke", b.serveRevoke)
	mux.HandleFunc("GET /userinfo", b.serveUserInfo)
	b.person, b.answer = mux, b.serveToken
	b.change = func(document map[string]any) {
		aliases := map[string]string{}
		for name, path := range map[string]string{
			"token_endpoint": "/token", "pushed_authorization_request_endpoint": "/par", "revocation_endpoint": "/revoke", "userinfo_endpoint": "/userinfo",
		} {
			document[name], aliases[name] = b.front.URL+path, b.alias.URL+path
		}
		document["mtls_endpoint_aliases"] = aliases
		document["authorization_endpoint"] = b.front.URL + "/authorize"
		document["grant_types_supported"] = []string{"authorization_code", "refresh_token"}
		document["code_challenge_methods_supported"] = []string{"S256"}
		document["id_token_signing_alg_values_supported"] = []string{"ES256", "PS256", "EdDSA", "Ed25519"}
	}
	return b
}

// alter changes the metadata on top of what a bank says.
func (b *fakeBank) alter(change func(document map[string]any)) {
	plain := b.change
	b.change = func(document map[string]any) { plain(document); change(document) }
}

// config is a client of the bank whose logins ask who the person is.
func (b *fakeBank) config() client.Config {
	cfg := b.fakeIssuer.config(b.t)
	cfg.Scope = tenon.Scope{"openid", "accounts"}
	return cfg
}

// frozenAt stops the clocks of bank and client, so that a test can go up to the second.
func (b *fakeBank) frozenAt(now time.Time) client.Config {
	b.clock = func() time.Time { return now }
	cfg := b.config()
	cfg.Now = b.clock
	return cfg
}

func (b *fakeBank) seenHere(r *http.Request) seenRequest {
	r.ParseForm()
	seen := seenRequest{url: "https://" + r.Host + r.URL.Path, form: maps.Clone(r.PostForm), proofs: r.Header.Values("DPoP")}
	if len(r.TLS.PeerCertificates) > 0 {
		seen.certificate = r.TLS.PeerCertificates[0]
	}
	return seen
}

func (b *fakeBank) servePAR(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.par = append(b.par, b.seenHere(r))
	if b.pushed != nil && b.pushed(w) {
		return
	}
	writeJSON(w, http.StatusCreated, fmt.Sprintf(`{"request_uri":"urn:ietf:params:oauth:request_uri:r%d","expires_in":90}`, len(b.par)))
}

func (b *fakeBank) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fronts = append(b.fronts, r.URL.Query())
	var i int
	if _, err := fmt.Sscanf(r.URL.Query().Get("request_uri"), "urn:ietf:params:oauth:request_uri:r%d", &i); err != nil || i > len(b.par) {
		http.Error(w, "no such request", http.StatusBadRequest)
		return
	}
	asked := b.par[i-1].form
	b.n++
	code := fmt.Sprintf("code-%d", b.n)
	b.codes[code] = asked
	response := url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {b.front.URL}}
	if b.redirect != nil {
		b.redirect(response)
	}
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+response.Encode(), http.StatusSeeOther)
}

func (b *fakeBank) serveToken(w http.ResponseWriter, n int, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	form := r.PostForm
	asked := url.Values{"scope": {"openid accounts"}}
	switch form.Get("grant_type") {
	case "authorization_code":
		asked = b.codes[form.Get("code")]
		delete(b.codes, form.Get("code"))
		challenge := sha256.Sum256([]byte(form.Get("code_verifier")))
		if asked == nil || asked.Get("redirect_uri") != form.Get("redirect_uri") || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
			writeJSON(w, http.StatusBadRequest, `{"error":"invalid_grant"}`)
			return
		}
		b.refresh = append(b.refresh, fmt.Sprintf("refresh-%d", n))
	case "refresh_token":
		i := slices.Index(b.refresh, form.Get("refresh_token"))
		if i < 0 {
			writeJSON(w, http.StatusBadRequest, `{"error":"invalid_grant"}`)
			return
		}
		if b.rotate {
			b.refresh[i] = fmt.Sprintf("refresh-%d", n)
		}
	}
	tokenType := "Bearer"
	if len(r.Header.Values("DPoP")) > 0 {
		tokenType = "DPoP"
	}
	m := obj{"access_token": fmt.Sprintf("token-%d", n), "token_type": tokenType, "expires_in": 300, "refresh_token": b.refresh[len(b.refresh)-1]}
	if form.Get("grant_type") == "authorization_code" && slices.Contains([]string{"openid", "openid accounts"}, asked.Get("scope")) {
		m["id_token"] = b.idToken(asked)
	}
	if b.response != nil {
		b.response(form, m)
	}
	body, _ := json.Marshal(m)
	writeJSON(w, http.StatusOK, string(body))
}

// idToken makes Alice's ID token for a pushed request.
func (b *fakeBank) idToken(asked url.Values) string {
	now := b.clock().Unix()
	claims := obj{"iss": b.front.URL, "sub": "person:alice", "aud": "tpp-4711", "iat": now, "exp": now + 300, "auth_time": now - 5, "acr": "phr", "amr": []string{"swk", "user"}, "sid": "s1"}
	if nonce := asked.Get("nonce"); nonce != "" {
		claims["nonce"] = nonce
	}
	if b.claims != nil {
		b.claims(asked, claims)
	}
	if b.sign != nil {
		return b.sign(claims)
	}
	return signJWT(b.t, b.key, "bank-1", claims)
}

func (b *fakeBank) serveKeys(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	b.jwks++
	b.mu.Unlock()
	keys := []jose.JSONWebKey{{Key: b.key.Signer().Public(), KeyID: "bank-1", Use: "sig", Algorithm: string(b.key.Algorithm())}}
	if b.keys != nil {
		keys = b.keys()
	}
	body, _ := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	writeJSON(w, http.StatusOK, string(body))
}

func (b *fakeBank) serveRevoke(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.ParseForm()
	if b.revocations != nil && b.revocations(w) {
		return
	}
	b.revoked = append(b.revoked, r.PostForm.Get("token_type_hint")+" "+r.PostForm.Get("token"))
}

func (b *fakeBank) serveUserInfo(w http.ResponseWriter, r *http.Request) {
	if b.userInfo != nil {
		b.userInfo(w)
		return
	}
	writeJSON(w, http.StatusOK, `{"sub":"person:alice","name":"Alice"}`)
}

// browser goes where it is sent, and follows redirects as browsers do.
func (b *fakeBank) browser() func(address string) error {
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.roots()}}}
	b.t.Cleanup(web.CloseIdleConnections)
	var visits sync.WaitGroup
	b.t.Cleanup(visits.Wait)
	return func(address string) error {
		visits.Go(func() {
			if resp, err := web.Get(address); err == nil {
				resp.Body.Close()
			}
		})
		return nil
	}
}

func (b *fakeBank) roots() *x509.CertPool {
	return rootsOf(b.front.Certificate(), b.alias.Certificate())
}

// login logs Alice in with a redirect to https, and without a browser.
func (b *fakeBank) login(c *client.Client, v client.Vault) *client.Session {
	b.t.Helper()
	s, err := b.tryLogin(c, client.Login{Vault: v})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *fakeBank) tryLogin(c *client.Client, l client.Login) (*client.Session, error) {
	b.t.Helper()
	l.RedirectURI = "https://tpp.example.com/callback"
	a, err := c.Begin(b.t.Context(), l)
	if err != nil {
		return nil, err
	}
	return c.Finish(b.t.Context(), a, b.visit(a.Address))
}

// visit is a browser that is sent to an address and tells what it would bring to the redirect URI.
func (b *fakeBank) visit(address string) url.Values {
	b.t.Helper()
	web := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.roots()}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := web.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	resp.Body.Close()
	location, err := resp.Location()
	if err != nil {
		b.t.Fatal(resp.Status, err)
	}
	return location.Query()
}

// signJWT signs claims with a key of any algorithm.
func signJWT(t *testing.T, key *dpop.Key, kid string, claims obj) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return signRaw(t, key, obj{"alg": string(key.Algorithm()), "kid": kid}, payload)
}

// signRaw signs payload under a header that may say anything.
func signRaw(t *testing.T, key *dpop.Key, header obj, payload []byte) string {
	t.Helper()
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	switch signer := key.Signer().(type) {
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, signer, digest[:])
		if signErr != nil {
			t.Fatal(signErr)
		}
		signature = make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
	case *rsa.PrivateKey:
		signature, err = signer.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	case ed25519.PrivateKey:
		signature = ed25519.Sign(signer, []byte(input))
	default:
		t.Fatalf("a signer of type %T", signer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// wantDistrust checks what was not believed, and why.
func wantDistrust(t *testing.T, err error, what, check string) {
	t.Helper()
	var d *client.Distrust
	if !errors.As(err, &d) {
		t.Fatalf("not a *client.Distrust: %v", err)
	}
	if d.What != what || d.Check != check {
		t.Errorf("%s, %s: %v; want %s, %s", d.What, d.Check, err, what, check)
	}
}

package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

// person is Alice's session at a bank, with hands on the clock.
type person struct {
	*client.Session
	t     *testing.T
	bank  *fakeBank
	vault *fileVault
	cfg   client.Config
	now   *time.Time
}

func newPerson(t *testing.T, prepare func(b *fakeBank)) *person {
	t.Helper()
	p := &person{t: t, bank: newFakeBank(t), vault: newFileVault(t)}
	now := time.Now()
	p.now = &now
	p.bank.clock = func() time.Time { return *p.now }
	if prepare != nil {
		prepare(p.bank)
	}
	p.cfg = p.bank.config()
	p.cfg.Now = p.bank.clock
	p.Session = p.bank.login(newClient(t, p.cfg), p.vault)
	return p
}

// later lets the access token expire.
func (p *person) later() { *p.now = p.now.Add(10 * time.Minute) }

// token is the access token of the moment.
func (p *person) token() string {
	p.t.Helper()
	token, err := p.Token(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return token.AccessToken
}

// restart is the program's next run: all it has is the vault.
func (p *person) restart() {
	p.t.Helper()
	s, err := newClient(p.t, p.cfg).Resume(p.t.Context(), p.vault)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Session = s
}

// asked lists the refresh tokens that the bank was shown.
func (p *person) asked() []string {
	var tokens []string
	for _, r := range p.bank.requests() {
		if token := r.form.Get("refresh_token"); token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

func (p *person) wantKept(want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.vault.refreshTokens(p.t)); diff != "" {
		p.t.Errorf("in the vault: %s", diff)
	}
}

// FAPI 2.0 §5.3.2.1 (9): no rotation. The one refresh token serves for ever, with the same key.
func TestRefreshWithoutRotation(t *testing.T) {
	p := newPerson(t, nil)
	p.wantKept("refresh-1")
	for range 3 {
		p.later()
		p.token()
		p.wantKept("refresh-1")
		p.restart()
	}
	if diff := cmp.Diff([]string{"refresh-1", "refresh-1", "refresh-1"}, p.asked()); diff != "" {
		t.Error(diff)
	}
	for _, r := range p.bank.requests() {
		if len(r.proofs) != 1 || r.form.Get("client_assertion") == "" {
			t.Fatal("a refresh without proof or without authentication")
		}
		var want any
		if err := json.Unmarshal(p.cfg.Key.JWK(), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, jwtPart(t, r.proofs[0], 0)["jwk"]); diff != "" {
			t.Errorf("the key is another: %s", diff)
		}
	}
}

// FAPI 2.0 §5.3.3.1 (6): a refresh token that comes back is kept before anything else is done with the answer, and the old
// one stays until the new one has worked.
func TestRotatedRefreshTokenIsKeptBeforeUse(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.later()
	if got := p.token(); got != "token-2" {
		t.Errorf("token %s", got)
	}
	p.wantKept("refresh-2", "refresh-1")
	p.later()
	if got := p.token(); got != "token-3" {
		t.Errorf("token %s", got)
	}
	p.wantKept("refresh-3", "refresh-2")
	p.bank.rotate = false
	p.later()
	p.token()
	p.wantKept("refresh-3")
}

func TestOldRefreshTokenIsTriedWhenTheNewOneIsRefused(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.later()
	p.token()
	p.bank.refresh = []string{"refresh-1"} // the server came back from a backup, and knows nothing of the new one
	p.later()
	p.restart()
	if got := p.token(); got != "token-4" {
		t.Errorf("token %s", got)
	}
	if diff := cmp.Diff([]string{"refresh-1", "refresh-2", "refresh-1"}, p.asked()); diff != "" {
		t.Error(diff)
	}
	p.wantKept("refresh-4", "refresh-1")
}

// A token that could not be kept is not used, and not forgotten either: it is kept as soon as that is possible.
func TestFullDiskDoesNotLoseTheSession(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	full := errors.New("no space left on device")
	p.vault.before = func([]byte) error { return full }
	p.later()
	for range 2 {
		if _, err := p.Token(t.Context()); !errors.Is(err, full) {
			t.Fatalf("%v", err)
		}
	}
	p.wantKept("refresh-1")
	p.vault.before = nil
	if got := p.token(); got != "token-2" {
		t.Errorf("token %s", got)
	}
	p.wantKept("refresh-2", "refresh-1")
	if diff := cmp.Diff([]string{"refresh-1"}, p.asked()); diff != "" { // the second try was for the disk only
		t.Error(diff)
	}
}

// Without rotation nothing depends on the disk: the vault has what it needs.
func TestFullDiskDoesNotMatterWithoutRotation(t *testing.T) {
	p := newPerson(t, nil)
	p.vault.before = func([]byte) error { return errors.New("no space left on device") }
	for _, want := range []string{"token-2", "token-3"} {
		p.later()
		if got := p.token(); got != want {
			t.Errorf("token %s, want %s", got, want)
		}
	}
}

// Whatever goes wrong on the way, the next try comes with the same refresh token.
func TestFailedRefreshLosesNothing(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, b *fakeBank, n int, r *http.Request){
		"the connection breaks before the answer": func(http.ResponseWriter, *fakeBank, int, *http.Request) { panic(http.ErrAbortHandler) },
		"the answer is cut": func(w http.ResponseWriter, _ *fakeBank, _ int, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			writeJSON(w, http.StatusOK, `{"access_token":`)
		},
		"overloaded": func(w http.ResponseWriter, _ *fakeBank, _ int, _ *http.Request) {
			writeJSON(w, http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`)
		},
		"broken": func(w http.ResponseWriter, _ *fakeBank, _ int, _ *http.Request) {
			writeJSON(w, http.StatusInternalServerError, `{"error":"server_error"}`)
		},
		"the client is disabled for a moment": func(w http.ResponseWriter, _ *fakeBank, _ int, _ *http.Request) {
			writeJSON(w, http.StatusUnauthorized, `{"error":"invalid_client"}`)
		},
		"challenged again and again": func(w http.ResponseWriter, _ *fakeBank, n int, _ *http.Request) {
			w.Header().Set("DPoP-Nonce", "n"+strings.Repeat("x", n))
			writeJSON(w, http.StatusBadRequest, `{"error":"use_dpop_nonce"}`)
		},
		"not JSON": func(w http.ResponseWriter, _ *fakeBank, _ int, _ *http.Request) {
			writeJSON(w, http.StatusOK, `<html>`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t, nil)
			p.bank.answer = func(w http.ResponseWriter, n int, r *http.Request) { fail(w, p.bank, n, r) }
			p.later()
			if token, err := p.Token(t.Context()); err == nil {
				t.Fatalf("token %s", token.AccessToken)
			}
			p.wantKept("refresh-1")
			p.bank.answer = p.bank.serveToken
			*p.now = p.now.Add(2 * time.Minute) // whatever pause was asked for
			p.token()
			p.restart()
			p.token()
			for _, token := range p.asked() {
				if token != "refresh-1" {
					t.Errorf("asked with %s", token)
				}
			}
		})
	}
}

// The server rotated, and the answer was lost on the way. FAPI 2.0 §5.3.2.1 (9): the old one works a while longer.
func TestLostAnswerOfARotation(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.bank.answer = func(_ http.ResponseWriter, n int, r *http.Request) {
		p.bank.refresh = []string{"refresh-1", "refresh-2"} // both good, for the moment
		panic(http.ErrAbortHandler)
	}
	p.later()
	if _, err := p.Token(t.Context()); err == nil {
		t.Fatal("a token from nowhere")
	}
	p.bank.answer = p.bank.serveToken
	p.restart()
	p.token()
	if diff := cmp.Diff([]string{"refresh-1", "refresh-1"}, p.asked()); diff != "" {
		t.Error(diff)
	}
}

// RFC 9449 §8: a challenge spends nothing, so the retry has the same refresh token.
func TestNonceChallengeOnRefresh(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.bank.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		if jwtPart(t, r.Header.Get("DPoP"), 1)["nonce"] == nil {
			w.Header().Set("DPoP-Nonce", "n1")
			writeJSON(w, http.StatusBadRequest, `{"error":"use_dpop_nonce"}`)
			return
		}
		p.bank.serveToken(w, n, r)
	}
	p.later()
	p.token()
	if diff := cmp.Diff([]string{"refresh-1", "refresh-1"}, p.asked()); diff != "" {
		t.Error(diff)
	}
	p.wantKept("refresh-3", "refresh-1")
}

func TestManyCallersShareOneRefresh(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.later()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if token, err := p.Token(t.Context()); err != nil || token.AccessToken != "token-2" {
				t.Errorf("%v %v", token, err)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff([]string{"refresh-1"}, p.asked()); diff != "" {
		t.Error(diff)
	}
}

func TestEndedSession(t *testing.T) {
	p := newPerson(t, nil)
	p.bank.refresh = []string{"another"}
	p.later()
	for range 3 {
		_, err := p.Token(t.Context())
		if refusal := (*client.Refusal)(nil); !errors.Is(err, tenon.InvalidGrant) || !errors.As(err, &refusal) || refusal.Cause() != client.CauseGrant {
			t.Fatalf("%v", err)
		}
	}
	if n := len(p.asked()); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
	p.wantKept("refresh-1") // should the server have been wrong
	p.bank.refresh = []string{"refresh-1"}
	p.later()
	p.token()
}

func TestTokenThatAnAPIRefusesIsRenewed(t *testing.T) {
	p := newPerson(t, nil)
	p.bank.api = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "DPoP token-1" {
			w.Header().Set("WWW-Authenticate", `DPoP error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	resp, err := p.HTTPClient().Get(p.bank.front.URL + "/api")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(p.asked()) != 1 {
		t.Errorf("%s after %d refreshes", resp.Status, len(p.asked()))
	}
}

func TestSessionWithoutRefreshTokenEndsWithItsToken(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) {
		b.response = func(_ url.Values, m obj) { delete(m, "refresh_token") }
	})
	p.restart()
	if got := p.token(); got != "token-1" {
		t.Errorf("token %s", got)
	}
	p.later()
	if _, err := p.Token(t.Context()); !errors.Is(err, client.ErrNoRefresh) {
		t.Errorf("%v", err)
	}
}

// The rest of the answer is no good; the refresh token in it is kept all the same.
func TestBadAnswerWithAGoodRefreshToken(t *testing.T) {
	login := time.Now().Unix()
	for _, tt := range []struct {
		name, check string
		change      func(c obj)
	}{
		{"an unbound token", "", nil},
		{"an ID token of somebody else (OpenID Connect Core §12.2)", "sub", func(c obj) { c["sub"] = "person:mallory" }},
		{"an ID token of another login", "sub", func(c obj) { c["auth_time"] = 1000000000 }},
		{"an ID token with another nonce", "nonce", func(c obj) { c["nonce"] = "x" }},
		{"an ID token for another client", "aud", func(c obj) { c["aud"] = "tpp-4712" }},
		{"an ID token of another access token", "at_hash", func(c obj) { c["at_hash"] = "PwiqzhIu4jaEMsHKI6BJvA" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPerson(t, func(b *fakeBank) {
				b.rotate = true
				b.claims = func(_ url.Values, c obj) { c["auth_time"] = login }
			})
			p.bank.response = func(_ url.Values, m obj) {
				if tt.change == nil {
					m["token_type"] = "Bearer"
					return
				}
				p.bank.claims = func(_ url.Values, c obj) { c["auth_time"] = login; tt.change(c) }
				m["id_token"] = p.bank.idToken(nil)
			}
			p.later()
			switch _, err := p.Token(t.Context()); {
			case tt.check != "":
				wantDistrust(t, err, "ID token", tt.check)
			case !errors.Is(err, client.ErrNotBound):
				t.Errorf("%v", err)
			}
			p.wantKept("refresh-2", "refresh-1")
			if p.Identity().Subject != "person:alice" {
				t.Errorf("%v", p.Identity())
			}
		})
	}
}

// OpenID Connect Core §12.2: a new ID token about the same login, without a nonce.
func TestIDTokenOnRefresh(t *testing.T) {
	login := time.Now().Unix()
	p := newPerson(t, func(b *fakeBank) { b.claims = func(_ url.Values, c obj) { c["auth_time"] = login } })
	p.bank.response = func(_ url.Values, m obj) {
		p.bank.claims = func(_ url.Values, c obj) { c["auth_time"], c["sid"] = login, "s2" }
		m["id_token"] = p.bank.idToken(nil)
	}
	for range 2 {
		p.later()
		p.token()
		if p.Identity().SessionID != "s2" {
			t.Errorf("%+v", p.Identity())
		}
		p.restart()
	}
}

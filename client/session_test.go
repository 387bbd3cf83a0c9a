package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

// Two programs share a vault: each takes up what the other has renewed.
func TestProgramsShareAVault(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	other := *p
	other.restart()
	p.later()
	if got := p.token(); got != "token-2" {
		t.Errorf("token %s", got)
	}
	if got := other.token(); got != "token-2" || len(p.asked()) != 1 {
		t.Errorf("token %s after %d refreshes", got, len(p.asked()))
	}
	p.later()
	if got := other.token(); got != "token-3" {
		t.Errorf("token %s", got)
	}
	p.later()
	p.token()
	if diff := cmp.Diff([]string{"refresh-1", "refresh-2", "refresh-3"}, p.asked()); diff != "" {
		t.Error(diff)
	}
}

// What one program has ended is not brought back to life by another.
func TestLogoutCountsForAllPrograms(t *testing.T) {
	p := newPerson(t, nil)
	other := *p
	other.restart()
	if err := p.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.later()
	if _, err := other.Token(t.Context()); !errors.Is(err, client.ErrNoSession) {
		t.Errorf("%v", err)
	}
	if data, _ := p.vault.Load(t.Context()); data != nil || len(p.asked()) != 0 {
		t.Errorf("the vault has %s after %d refreshes", data, len(p.asked()))
	}
}

func TestResumeNeedsASessionOfItsOwn(t *testing.T) {
	p := newPerson(t, nil)
	good, err := p.vault.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"another client":  strings.Replace(string(good), "tpp-4711", "tpp-4712", 1),
		"another issuer":  strings.Replace(string(good), p.bank.front.URL, "https://attacker.example", 1),
		"not JSON":        "x",
		"cut":             string(good[:len(good)/2]),
		"a member twice":  `{"issuer":"https://attacker.example",` + string(good[1:]),
		"no tokens":       `{"issuer":"` + p.bank.front.URL + `","client_id":"tpp-4711"}`,
		"a broken person": strings.Replace(string(good), `"id_token":"`, `"id_token":"x.x.x","was":"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			v := newFileVault(t)
			if err := v.Save(t.Context(), []byte(data)); err != nil {
				t.Fatal(err)
			}
			if _, err := newClient(t, p.cfg).Resume(t.Context(), v); err == nil {
				t.Error("resumed")
			}
		})
	}
	if _, err := newClient(t, p.cfg).Resume(t.Context(), newFileVault(t)); !errors.Is(err, client.ErrNoSession) {
		t.Errorf("%v", err)
	}
	p.restart()
	if p.token() != "token-1" || p.Identity().Subject != "person:alice" || !slices.Equal(p.Scope(), tenon.Scope{"openid", "accounts"}) || len(p.asked()) != 0 {
		t.Errorf("resumed as %+v with %v", p.Identity(), p.Scope())
	}
}

// A stored access token is bound to the key it was asked for with: with another one it is useless, and a new one is asked
// for (RFC 9449 §5 lets confidential clients do so).
func TestResumeWithAnotherKey(t *testing.T) {
	p := newPerson(t, nil)
	p.cfg.Key = newKey(t)
	p.restart()
	if got := p.token(); got != "token-2" {
		t.Errorf("token %s", got)
	}
}

func TestLogoutRevokesAndForgets(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	p.later()
	p.token()
	down := true
	p.bank.revocations = func(w http.ResponseWriter) bool {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return down
	}
	if err := p.Logout(t.Context()); err == nil {
		t.Fatal("logged out of a server that cannot be reached")
	}
	p.wantKept("refresh-2", "refresh-1") // for the next try
	down = false
	if err := p.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"refresh_token refresh-2", "refresh_token refresh-1", "access_token token-2"}
	if diff := cmp.Diff(want, p.bank.revoked); diff != "" {
		t.Error(diff)
	}
	if data, _ := p.vault.Load(t.Context()); data != nil {
		t.Errorf("the vault has %s", data)
	}
	if token, err := p.Token(t.Context()); err == nil {
		t.Errorf("token %v after logout", token)
	}
	if _, err := p.HTTPClient().Get(p.bank.front.URL + "/api"); err == nil {
		t.Error("a call after logout")
	}
}

func TestForgetTellsNobody(t *testing.T) {
	p := newPerson(t, nil)
	if err := p.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if data, _ := p.vault.Load(t.Context()); data != nil || len(p.bank.revoked) != 0 {
		t.Errorf("the vault has %s, revoked are %v", data, p.bank.revoked)
	}
}

// A login that cannot be kept is an error at once, not a surprise at the next start.
func TestLoginThatCannotBeKept(t *testing.T) {
	bank := newFakeBank(t)
	v := newFileVault(t)
	full := errors.New("no space left on device")
	v.before = func([]byte) error { return full }
	if _, err := bank.tryLogin(newClient(t, bank.config()), client.Login{Vault: v}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// What a login gave that is not believed, or cannot be kept, is of use to nobody: it is revoked.
func TestLoginThatFailsLeavesNothingBehind(t *testing.T) {
	bank := newFakeBank(t)
	bank.claims = func(_ url.Values, c obj) { c["nonce"] = "x" }
	_, err := bank.tryLogin(newClient(t, bank.config()), client.Login{})
	wantDistrust(t, err, "ID token", "nonce")
	if diff := cmp.Diff([]string{"refresh_token refresh-1"}, bank.revoked); diff != "" {
		t.Error(diff)
	}
}

// RFC 6749 §A.17: a refresh token is one or more visible characters.
func TestRefreshTokenThatIsNone(t *testing.T) {
	for _, token := range []string{"", "a\nb", "ä"} {
		bank := newFakeBank(t)
		bank.response = func(_ url.Values, m obj) { m["refresh_token"] = token }
		if _, err := bank.tryLogin(newClient(t, bank.config()), client.Login{}); err == nil {
			t.Errorf("a login with the refresh token %q", token)
		}
	}
}

// Other servers' codes and refresh tokens are JWTs, and long.
func TestLongCodesAndRefreshTokens(t *testing.T) {
	long := strings.Repeat("a", 3000)
	p := newPerson(t, func(b *fakeBank) {
		b.redirect = func(r url.Values) {
			b.codes[long] = b.codes[r.Get("code")]
			r.Set("code", long)
		}
		b.response = func(_ url.Values, m obj) { m["refresh_token"] = long }
	})
	p.wantKept(long)
	p.bank.refresh = []string{long}
	p.later()
	p.token()
}

// Close waits for what is under way, and for the vault.
func TestCloseWaitsForTheVault(t *testing.T) {
	p := newPerson(t, func(b *fakeBank) { b.rotate = true })
	saving, goOn := make(chan struct{}), make(chan struct{})
	p.vault.before = func([]byte) error { close(saving); <-goOn; return nil }
	*p.now = p.now.Add(250 * time.Second) // old enough to be renewed in the background, and still good
	if got := p.token(); got != "token-1" {
		t.Errorf("token %s", got)
	}
	<-saving
	left, leave := context.WithCancel(t.Context())
	leave()
	if err := p.Close(left); !errors.Is(err, context.Canceled) {
		t.Fatalf("closed before the session was kept: %v", err)
	}
	close(goOn)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wantKept("refresh-2", "refresh-1")
}

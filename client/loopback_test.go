package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

func TestLoginAtThisMachine(t *testing.T) {
	bank := newFakeBank(t)
	s, err := newClient(t, bank.config()).Login(t.Context(), client.Login{}, bank.browser())
	if err != nil {
		t.Fatal(err)
	}
	if s.Identity().Subject != "person:alice" {
		t.Errorf("%v", s.Identity())
	}
	u, err := url.Parse(bank.par[0].form.Get("redirect_uri"))
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Port() == "" || u.Path != "/callback" { // RFC 8252 §7.3
		t.Errorf("redirect to %v %v", u, err)
	}
	if _, err := net.Dial("tcp", u.Host); err == nil {
		t.Error("the door is still open")
	}
	if got := bank.requests()[0].form.Get("redirect_uri"); got != u.String() {
		t.Errorf("redeemed with %s", got)
	}
}

func TestLoginAtAPortOfItsOwn(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	bank := newFakeBank(t)
	if _, err := newClient(t, bank.config()).Login(t.Context(), client.Login{RedirectURI: "http://" + address}, bank.browser()); err != nil {
		t.Fatal(err)
	}
	if got := bank.par[0].form.Get("redirect_uri"); got != "http://"+address+"/" {
		t.Errorf("redirect to %s", got)
	}
}

// A knock is a request at the door of a login that waits.
type knock struct {
	name, method, path, query, host string
	status                          int
}

// at knocks, and gives the answer with its body read.
func (k knock) at(t *testing.T, door string) (*http.Response, string) {
	t.Helper()
	req := httptest.NewRequest(k.method, strings.TrimSuffix(door, "/callback")+k.path+"?"+k.query, nil)
	req.RequestURI, req.Host = "", k.host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return &http.Response{}, ""
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != k.status {
		t.Errorf("%s: %s, want %d; %v", k.name, resp.Status, k.status, err)
	}
	return resp, string(page)
}

// Any program and any page can knock at the door. Only the answer of this login opens it.
func TestStrangersAtTheDoor(t *testing.T) {
	bank := newFakeBank(t)
	visited := make(chan struct{})
	visit := func(good string) {
		defer close(visited)
		door := bank.par[0].form.Get("redirect_uri")
		for _, k := range []knock{
			{"another path", "GET", "/other", good, "", 404},
			{"another host (rebinding)", "GET", "/callback", good, "attacker.example", 404},
			{"a form", "POST", "/callback", good, "", 404},
			{"no state", "GET", "/callback", "code=x", "", 400},
			{"another state", "GET", "/callback", "code=x&state=y&iss=" + url.QueryEscape(bank.front.URL), "", 400},
			{"two states", "GET", "/callback", good + "&state=x", "", 400},
			{"a broken query", "GET", "/callback", good + "&a=%zz", "", 400},
		} {
			k.at(t, door)
		}
		resp, page := knock{"the answer itself", "GET", "/callback", good, "", 200}.at(t, door)
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if strings.Contains(page, "code-") || !strings.Contains(page, "You are logged in") {
			t.Errorf("the page: %s", page)
		}
	}
	open := func(address string) error {
		go visit(bank.visit(address).Encode())
		return nil
	}
	if _, err := newClient(t, bank.config()).Login(t.Context(), client.Login{}, open); err != nil {
		t.Error(err)
	}
	<-visited
}

func TestLoginThatEndsBadly(t *testing.T) {
	bank := newFakeBank(t)
	c := newClient(t, bank.config())
	broken := errors.New("no browser here")
	if _, err := c.Login(t.Context(), client.Login{}, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("the person has left")
	if _, err := c.Login(ctx, client.Login{}, func(string) error { cancel(left); return nil }); !errors.Is(err, left) {
		t.Errorf("%v", err)
	}
	bank.redirect = func(r url.Values) { r.Del("code"); r.Set("error", "access_denied") }
	if _, err := c.Login(t.Context(), client.Login{}, bank.browser()); !errors.Is(err, tenon.Code("access_denied")) {
		t.Errorf("%v", err)
	}
	bank.redirect = func(r url.Values) { r.Set("iss", "https://attacker.example") } // the state is right: the login is over
	_, err := c.Login(t.Context(), client.Login{}, bank.browser())
	wantDistrust(t, err, "authorization response", "iss")
	for _, address := range []string{callback, "http://localhost/callback", "http://10.0.0.1/callback", "http://127.0.0.1/callback?x=1"} {
		if _, err := c.Login(t.Context(), client.Login{RedirectURI: address}, bank.browser()); err == nil {
			t.Errorf("a login at %s", address)
		}
	}
}

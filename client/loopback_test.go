package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
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

// Any program and any page can knock at the door. Only the answer of this login opens it.
func TestStrangersAtTheDoor(t *testing.T) {
	bank := newFakeBank(t)
	var last *http.Response
	var page []byte
	knock := func(method, address, host string) *http.Response {
		req, err := http.NewRequest(method, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		page, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
		last = resp
		return resp
	}
	visited := make(chan error, 1)
	open := func(address string) error {
		response := bank.visit(address)
		door := bank.par[0].form.Get("redirect_uri")
		for name, tt := range map[string]struct {
			method, path, query, host string
			status                    int
		}{
			"another path":             {"GET", "/other", response.Encode(), "", 404},
			"another host (rebinding)": {"GET", "", response.Encode(), "attacker.example", 404},
			"a form":                   {"POST", "", response.Encode(), "", 404},
			"no state":                 {"GET", "", "code=x", "", 400},
			"another state":            {"GET", "", "code=x&state=y&iss=" + url.QueryEscape(bank.front.URL), "", 400},
			"two states":               {"GET", "", response.Encode() + "&state=x", "", 400},
			"a broken query":           {"GET", "", response.Encode() + "&a=%zz", "", 400},
		} {
			address := strings.TrimSuffix(door, "/callback") + "/callback"
			if tt.path != "" {
				address = strings.TrimSuffix(door, "/callback") + tt.path
			}
			if resp := knock(tt.method, address+"?"+tt.query, tt.host); resp.StatusCode != tt.status {
				t.Errorf("%s: %s", name, resp.Status)
			}
		}
		go func() {
			defer close(visited)
			if resp := knock("GET", door+"?"+response.Encode(), ""); resp.StatusCode != http.StatusOK {
				visited <- errors.New(resp.Status)
			}
		}()
		return nil
	}
	if _, err := newClient(t, bank.config()).Login(t.Context(), client.Login{}, open); err != nil {
		t.Fatal(err)
	}
	if err := <-visited; err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
	} {
		if got := last.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if strings.Contains(string(page), "code-") || !strings.Contains(string(page), "You are logged in") {
		t.Errorf("the page: %s", page)
	}
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

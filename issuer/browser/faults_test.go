package browser_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
)

// reference finds what the error page tells to quote.
var reference = regexp.MustCompile(`class="reference"><code translate="no">([A-Z0-9]+)<`)

// expectFault holds the open page to an error page that leads to its event.
func (b *tab) expectFault(status int, code tenon.Code) browser.Event {
	b.t.Helper()
	b.expect(status, "error")
	e := b.stage.last()
	m := reference.FindStringSubmatch(b.page.body)
	if m == nil || m[1] != e.Reference || len(m[1]) < 10 {
		b.t.Errorf("reference on the page %v, in the event %q", m, e.Reference)
	}
	if e.Code != code || e.Status != status || e.Err == nil || !strings.Contains(b.page.body, string(code)) || !strings.Contains(b.page.body, `id="error"`) {
		b.t.Errorf("event %+v", e)
	}
	return e
}

func TestStoreOutage(t *testing.T) {
	for _, form := range forms {
		if form.name == "login, cancelled" {
			continue // a stranger's no asks nothing of this store
		}
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tab := s.tab()
			f := form.make(s, tab, "alice")
			s.drawer.shutIt(true)
			tab.post(f.path, f.fields)
			e := tab.expectFault(http.StatusServiceUnavailable, tenon.Unavailable)
			if !errors.Is(e.Err, errShut) || tab.page.header.Get("Retry-After") == "" || strings.Contains(tab.page.body, "fire") {
				t.Errorf("event %+v", e)
			}
			if e.Done != "" {
				t.Errorf("done is %q", e.Done)
			}
			s.untouched()
			s.drawer.shutIt(false)
			if p := tab.post(f.path, f.fields); p.status >= 500 {
				t.Errorf("still %d", p.status)
			}
		})
	}
}

func TestStoreOutageOnPages(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	tab := s.tab()
	tab.signIn("alice")
	r := s.push(nil)
	s.drawer.shutIt(true)
	for _, path := range []string{"/account", "/account/password", "/account/codes", "/account/passkeys", "/login"} {
		tab.get(path)
		tab.expectFault(http.StatusServiceUnavailable, tenon.Unavailable)
	}
	tab.visit(r)
	tab.expectFault(http.StatusServiceUnavailable, tenon.Unavailable)
	if tab.cookies[sessionCookie] == "" {
		t.Error("an outage signs people out")
	}
}

func TestFaultsOfTheProtocolSide(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*requests)
		status int
		code   tenon.Code
	}{
		{"it cannot tell", func(q *requests) { q.fault = errors.New("secret detail") }, http.StatusServiceUnavailable, tenon.Unavailable},
		{"it refuses", func(q *requests) { q.fault = tenon.Refuse(tenon.UnauthorizedClient, "client", "no") }, http.StatusBadRequest, tenon.UnauthorizedClient},
		{"it says that it is unavailable", func(q *requests) { q.fault = tenon.Refuse(tenon.Unavailable, "x", "later") }, http.StatusServiceUnavailable, tenon.Unavailable},
		{"it says that it failed", func(q *requests) { q.fault = tenon.Refuse(tenon.ServerError, "x", "no") }, http.StatusInternalServerError, tenon.ServerError},
		{"it panics", func(q *requests) { q.panic = "secret detail" }, http.StatusInternalServerError, tenon.ServerError},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			r := s.push(nil)
			c.spoil(s.requests)
			tab := s.tab()
			tab.visit(r)
			tab.expectFault(c.status, c.code)
			if strings.Contains(tab.page.body, "secret detail") {
				t.Error("the page tells too much")
			}
			s.requests.fault, s.requests.panic = nil, ""
			tab.visit(r)
			tab.expect(http.StatusOK, "login")
		})
	}
}

func TestRedirectThatIsNone(t *testing.T) {
	for _, redirect := range []string{"", "/relative", "//evil.example", "javascript:alert(1)", "data:text/html,x", "JavaScript:alert(1)", "http://[::1"} {
		s := newStage(t)
		s.person("alice")
		s.requests.redirect = &redirect
		tab := s.tab()
		tab.visit(s.push(nil))
		tab.login("alice")
		tab.send("do", "approve")
		tab.expectFault(http.StatusServiceUnavailable, tenon.Unavailable)
	}
	s := newStage(t)
	s.person("alice")
	redirect := "com.example.app:/cb?code=x"
	s.requests.redirect = &redirect
	tab := s.tab()
	tab.visit(s.push(nil))
	tab.login("alice")
	if tab.send("do", "approve"); tab.page.away != redirect {
		t.Errorf("an application on the device got %d %s", tab.page.status, tab.page.away)
	}
}

func TestMethods(t *testing.T) {
	s := newStage(t)
	for path := range s.routes {
		if path == "/ui/" {
			continue
		}
		for _, method := range []string{"HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"} {
			if p := s.tab().once(httptest.NewRequest(method, origin+base+path, nil)); p.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, p.status)
			}
		}
	}
	tab := s.tab()
	tab.get("/consent")
	tab.expectFault(http.StatusMethodNotAllowed, tenon.InvalidRequest)
	if tab.page.header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", tab.page.header.Get("Allow"))
	}
}

func TestFormsThatAreNone(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"a field twice", "application/x-www-form-urlencoded", "csrf=a&csrf=b", 400},
		{"a field twice, once escaped", "application/x-www-form-urlencoded", "csrf=a&csr%66=b", 400},
		{"a bad escape", "application/x-www-form-urlencoded", "csrf=%zz", 400},
		{"no text", "application/x-www-form-urlencoded", "csrf=%ff", 400},
		{"a NUL", "application/x-www-form-urlencoded", "csrf=a%00", 400},
		{"JSON", "application/json", "{}", 400},
		{"a file", "multipart/form-data; boundary=x", "--x--", 400},
		{"plain text", "text/plain", "csrf=a", 400},
		{"no type", "", "csrf=a", 400},
		{"too many fields", "application/x-www-form-urlencoded", strings.Repeat("a&", 64), 400},
		{"too large", "application/x-www-form-urlencoded", "a=" + strings.Repeat("a", 64<<10), 413},
		{"nothing", "application/x-www-form-urlencoded", "", 403},
	} {
		s := newStage(t)
		for path := range s.routes {
			if path == "/ui/" || path == "/authorize" {
				continue
			}
			r := httptest.NewRequest(http.MethodPost, origin+base+path, strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if c.kind == "" {
				r.Header.Del("Content-Type")
			}
			if p := s.tab().once(r); p.status != c.status {
				t.Errorf("%s at %s: %d, want %d", c.name, path, p.status, c.status)
			}
		}
	}
}

// A button that is none of ours does nothing, even with a good seal.
func TestButtonsThatAreNone(t *testing.T) {
	for _, form := range forms {
		if !strings.Contains("choice of the account, consent, logout", form.name) {
			continue
		}
		for _, do := range []string{"", "approve ", "Approve", "remove", "__proto__"} {
			s := newStage(t)
			tab := s.tab()
			f := form.make(s, tab, "alice")
			f.fields.Set("do", do)
			tab.post(f.path, f.fields)
			tab.expectFault(http.StatusBadRequest, tenon.InvalidRequest)
			s.untouched()
		}
	}
}

// Names that clients choose are shown as text, and lead nowhere.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "{{.Frame.CSRF}}", "Bank\u202Egnikcah", "'-alert(1)-'", strings.Repeat("A", 100_000), "\x00\x07",
	} {
		s := newStage(t)
		s.person("alice")
		tab := s.tab()
		r := s.push(func(r *browser.Request) {
			r.Client.Name = name
			r.Scope = tenon.Scope{"openid", `<b>scope</b>`}
			r.Asked.Claims = []string{`<b>claim</b>`}
			r.Asked.Locales = []string{`"><b>`, "de"}
			r.Client.RedirectOrigin = "https://shop.example; script-src *"
		})
		tab.visit(r)
		pages := tab.page.body
		tab.login("alice")
		tab.expect(http.StatusOK, "consent")
		pages += tab.page.body
		for _, bad := range []string{"<script>alert", "<img src=x", "<b>", "\u202E", "\x00", strings.Repeat("A", 1000)} {
			if strings.Contains(pages, bad) {
				t.Errorf("%.30q put %q on a page", name, bad)
			}
		}
		if csp := tab.page.header.Get("Content-Security-Policy"); strings.Contains(csp, "*") {
			t.Errorf("Content-Security-Policy is %q", csp)
		}
		if tab.page.header.Get("Content-Language") != "de" {
			t.Error("ui_locales is not followed")
		}
	}
}

func TestPaymentIsShownInThePersonsLanguage(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	tab := s.tab()
	tab.visit(s.push(func(r *browser.Request) { r.Details, r.Asked.Locales = details(t), []string{"de"} }))
	tab.login("alice")
	for _, want := range []string{"1.234,50", "Example Ltd", "DE89 3704 0044 0532 0130 00", "Ihre Konten sehen"} {
		if !strings.Contains(tab.page.body, want) {
			t.Errorf("the page does not tell %q:\n%s", want, tab.page.body)
		}
	}
	tab.send("do", "approve")
	if got := s.outcome().Approval; len(got.Details) != 1 {
		t.Errorf("approved %+v", got)
	}
}

func TestConfigTellsAllFaults(t *testing.T) {
	_, err := browser.New(browser.Config{Issuer: "http://as.example/"})
	for _, want := range []string{"issuer", "Requests", "Grants", "People", "Sessions", "Pages", "Secrets"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell about %s", err, want)
		}
	}
}

func TestKeysThatAreTooShort(t *testing.T) {
	for _, secrets := range [][][]byte{nil, {[]byte("short")}} {
		s := newStage(t)
		s.secrets = secrets
		tab := s.tab()
		tab.visit(s.push(nil))
		tab.expectFault(http.StatusServiceUnavailable, tenon.Unavailable)
	}
}

// What is gone already is no fault: it is as the person wants it.
func TestGrantThatIsGone(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	s.grants.add(alice.Subject, browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}})
	tab := s.tab()
	tab.signIn("alice")
	if err := s.grants.End(t.Context(), alice.Subject, "g"); err != nil {
		t.Fatal(err)
	}
	tab.deed("end-grant", "g")
	tab.expect(http.StatusOK, "account")
}

// Whatever comes in front, at most the one client_id and the one request_uri are looked at, and nothing is answered that is not
// a page or a redirect of ours.
func FuzzFrontChannel(f *testing.F) {
	good := "client_id=shop&request_uri=" + url.QueryEscape("urn:ietf:params:oauth:request_uri:1")
	for _, seed := range []string{good, good + "&state=%zz", good + "&client_id=shop", "", "&", "=", "client_id", "client_id=%", "%63lient_id=shop&request_uri=x", good + ";x=y", "\xff=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s := newStage(t)
		s.push(nil)
		r := httptest.NewRequest(http.MethodGet, origin+base+"/authorize", nil)
		r.URL.RawQuery = query
		p := s.tab().once(r)
		if p.status != http.StatusOK && p.status != http.StatusBadRequest && p.status != http.StatusRequestURITooLong {
			t.Errorf("status %d", p.status)
		}
		values, _ := url.ParseQuery(query)
		if p.status == http.StatusOK && (len(values["client_id"]) != 1 || len(values["request_uri"]) != 1) {
			t.Errorf("%q was taken", query)
		}
	})
}

// Whatever is posted, nothing happens without a seal, and nothing breaks.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "csrf=x&username=a&password=b", "client_id=shop&request_uri=x", "back=password", "back=/evil", "a=%zz", "a=1&a=2", "=&=", "csrf=" + strings.Repeat("A", 54)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := newStage(t)
		for _, path := range []string{"/login", "/login/code/passkey", "/consent", "/account", "/account/codes"} {
			r := httptest.NewRequest(http.MethodPost, origin+base+path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if p := s.tab().once(r); p.status != http.StatusForbidden && p.status != http.StatusBadRequest && p.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: status %d", path, p.status)
			}
			if s.done() {
				t.Errorf("%s: event %+v", path, s.last())
			}
		}
	})
}

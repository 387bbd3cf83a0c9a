package issuer_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/rar"
)

// What goes to the client is code, iss, and state iff it was sent, as it was sent (RFC 6749 §4.1.2, RFC 9207 §2, FAPI 2.0 §5.3.2.2
// (7), note 4).
func TestAuthorizationEndsAtTheClient(t *testing.T) {
	f := newFlow(t, setup{path: "/t1"}).withPassword()
	app := f.app("app", func(p *party) { p.record.RedirectURIs = append(p.record.RedirectURIs, redirectURI+"?tenant=1&x=") })
	w := f.window()
	tests := map[string]struct {
		extra    url.Values
		redirect string
		names    []string
	}{
		"plain":                    {nil, redirectURI, []string{"code", "iss", "state"}},
		"no state":                 {url.Values{"state": nil}, redirectURI, []string{"code", "iss"}},
		"a state of 1500":          {url.Values{"state": {strings.Repeat("s", 1500)}}, redirectURI, []string{"code", "iss", "state"}},
		"a hostile state":          {url.Values{"state": {"a b+c&code=1#\"<é>%00"}}, redirectURI, []string{"code", "iss", "state"}},
		"an address with a query":  {url.Values{"redirect_uri": {redirectURI + "?tenant=1&x="}}, redirectURI + "?tenant=1&x=", []string{"code", "iss", "state"}},
		"state and nonce left out": {url.Values{"state": nil, "nonce": nil, "scope": {"accounts"}}, redirectURI, []string{"code", "iss"}},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		test := tests[name]
		uri, verifier := f.push(app, message{}, test.extra)
		p := w.visit("app", uri)
		if strings.Contains(p.body, `id="login"`) {
			p = w.signIn(p)
		}
		if strings.Contains(p.body, `id="approve"`) {
			p = w.submit(p, url.Values{"do": {"approve"}})
		}
		got := p.answer(t, test.redirect)
		if sent := slices.Sorted(maps.Keys(got)); !slices.Equal(sent, test.names) || got.Get("iss") != f.url {
			t.Errorf("%s: %v", name, got)
		}
		if state, sent := test.extra["state"]; sent && got.Get("state") != strings.Join(state, "") {
			t.Errorf("%s: state came back as %q", name, got.Get("state"))
		}
		if len(got.Get("code")) < 22 { // 128 bits (FAPI 2.0 §5.4.1 (4))
			t.Errorf("%s: the code is %q", name, got.Get("code"))
		}
		checkBrowserHeaders(t, p)
		redeem := given{got.Get("code"), verifier}.redemption()
		if uri := test.extra.Get("redirect_uri"); uri != "" {
			redeem = redeem.with(url.Values{"redirect_uri": {uri}})
		}
		f.ok(app, redeem)
	}
}

// checkBrowserHeaders holds an answer of the authorization endpoint to what is true of each.
func checkBrowserHeaders(t *testing.T, p page) {
	t.Helper()
	for name := range p.header {
		if strings.HasPrefix(name, "Access-Control-") { // FAPI 2.0 §5.2.3 (3)
			t.Errorf("%s is %q", name, p.header.Get(name))
		}
	}
	for name, want := range map[string]string{
		"Strict-Transport-Security": "max-age=", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
	} {
		if !strings.Contains(p.header.Get(name), want) {
			t.Errorf("%d: %s is %q", p.status, name, p.header.Get(name))
		}
	}
}

// The errors that a client is told, by redirect and with iss (FAPI 2.0 §5.3.2.2 (7)).
func TestRedirectedErrors(t *testing.T) {
	deny := func(w *window, p page) page { return w.submit(w.signIn(p), url.Values{"do": {"deny"}}) }
	signIn := func(w *window, p page) page { return w.signIn(p) }
	tests := map[string]struct {
		extra    url.Values
		signedIn bool                             // before the request
		steps    func(w *window, first page) page // nil: the first answer is the last
		code     tenon.Code
	}{
		"the person says no":             {nil, false, deny, tenon.AccessDenied},
		"the person says no, no state":   {url.Values{"state": nil}, false, deny, tenon.AccessDenied},
		"prompt=none, nobody there":      {url.Values{"prompt": {"none"}}, false, nil, tenon.LoginRequired},
		"prompt=none, no state":          {url.Values{"prompt": {"none"}, "state": nil}, false, nil, tenon.LoginRequired},
		"prompt=none, no consent yet":    {url.Values{"prompt": {"none"}}, true, nil, tenon.ConsentRequired},
		"prompt=none, another is meant":  {url.Values{"prompt": {"none"}, "claims": {`{"id_token":{"sub":{"value":"person:x"}}}`}}, true, nil, tenon.LoginRequired},
		"prompt=none, the login is old":  {url.Values{"prompt": {"none"}, "max_age": {"0"}}, true, nil, tenon.LoginRequired},
		"a level that is not known":      {url.Values{"acr_values": {"urn:example:unknown"}}, false, nil, tenon.UnmetAuthenticationRequirements},
		"a level that cannot be reached": {url.Values{"claims": {`{"id_token":{"acr":{"essential":true,"values":["phrh"]}}}`}}, false, signIn, tenon.UnmetAuthenticationRequirements},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t, setup{}).withPassword()
			app, w := f.app("app", nil), f.window()
			if test.signedIn {
				w.signIn(w.follow(f.url + "/login"))
				f.clock.advance(time.Second)
			}
			uri, _ := f.push(app, message{}, test.extra)
			p := w.visit("app", uri)
			if test.steps != nil {
				p = test.steps(w, p)
			}
			got := p.answer(t, redirectURI)
			_, without := test.extra["state"]
			if got.Get("error") != string(test.code) || got.Get("iss") != f.url || got.Has("state") == without || got.Has("code") {
				t.Errorf("the client is told %v", got)
			}
			for _, c := range []byte(got.Get("error_description")) {
				if c < 0x20 || c > 0x7e || c == '"' || c == '\\' { // RFC 6749 §4.1.2.1
					t.Errorf("error_description has the byte %#x", c)
				}
			}
			if again := f.window().visit("app", uri); again.status != http.StatusBadRequest || again.event.Reason != "unknown_request" {
				t.Errorf("the request is not used up: %d %s", again.status, again.event.Reason)
			}
			if f.stored("codes")+f.stored("grants") != 0 {
				t.Error("there is a code or a grant")
			}
		})
	}
}

// A request_uri is used up by completion and not by being looked at (FAPI 2.0 §5.3.2.2, note 3): of two browsers one succeeds, and
// the other is told so and sent nowhere.
func TestRequestIsCompletedOnce(t *testing.T) {
	f := newFlow(t, setup{}).withPassword()
	app := f.app("app", nil)
	uri, verifier := f.push(app, message{}, nil)
	first, second := f.window(), f.window()
	one, two := first.signIn(first.visit("app", uri)), second.signIn(second.visit("app", uri))
	code := second.submit(two, url.Values{"do": {"approve"}}).answer(t, redirectURI).Get("code")
	late := first.submit(one, url.Values{"do": {"approve"}})
	if late.status != http.StatusBadRequest || late.header.Get("Location") != "" || late.event.Code != tenon.InvalidRequestURI {
		t.Errorf("the second completion: %d %s, to %q", late.status, late.event.Reason, late.header.Get("Location"))
	}
	f.ok(app, given{code, verifier}.redemption())
}

// Who has begun in time has longer than the request_uri lives, and who has not is too late.
func TestExpiredRequestIsForThoseWhoHaveBegun(t *testing.T) {
	f := newFlow(t, setup{}).withPassword()
	app := f.app("app", nil)
	uri, verifier := f.push(app, message{}, nil)
	w := f.window()
	login := w.visit("app", uri)
	f.clock.advance(2 * time.Minute)
	if late := f.window().visit("app", uri); late.status != http.StatusBadRequest || late.event.Reason != "expired" {
		t.Errorf("somebody else began after the expiry: %d %s", late.status, late.event.Reason)
	}
	code := w.submit(w.signIn(login), url.Values{"do": {"approve"}}).answer(t, redirectURI).Get("code")
	f.ok(app, given{code, verifier}.redemption())
}

// What approves and what is opened is held to the request once more where the grant is made.
func TestApprovalIsNoMoreThanTheRequest(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", nil)
	tests := map[string]func(*browser.Approval){
		"more scope":   func(a *browser.Approval) { a.Scope = tenon.Scope{"openid", "payments"} },
		"nobody":       func(a *browser.Approval) { a.Subject = "" },
		"no login":     func(a *browser.Approval) { a.AuthTime = time.Time{} },
		"somebody":     func(a *browser.Approval) { a.Subject = "person:somebody" },
		"more details": func(a *browser.Approval) { a.Details = parsed(t, payment("2.00")) },
	}
	asked := url.Values{
		"scope": {"openid accounts"}, "authorization_details": {payment("1.00")},
		"claims": {`{"id_token":{"sub":{"value":"` + f.person.Subject + `"}}}`},
	}
	for name, edit := range tests {
		uri, _ := f.push(app, message{}, asked)
		if err := f.issuer.ApproveAs("app", uri, f.approval, edit); err == nil {
			t.Errorf("%s: approved", name)
		}
	}
	if n := f.stored("codes") + f.stored("grants"); n != 0 {
		t.Errorf("%d codes and grants", n)
	}
	uri, _ := f.push(app, message{}, asked)
	must(t, f.issuer.ApproveAs("app", uri, f.approval, func(*browser.Approval) {}))
}

// parsed reads authorization details as they come in a request.
func parsed(t *testing.T, raw string) rar.Details {
	t.Helper()
	registry, err := rar.NewRegistry(rar.Builtin()...)
	must(t, err)
	details, err := registry.Parse(raw, registry.Names())
	must(t, err)
	return details
}

// The consent page says who asks and for what (FAPI 2.0 §5.3.2.2 (13)), and nothing that a client sends is more than text (RFC 9396
// §12).
func TestConsentShowsWhoAndWhat(t *testing.T) {
	f := newFlow(t, setup{}).withPassword()
	app := f.app("app-17", func(p *party) { p.record.Name = `Shop <script>alert("name")</script>` })
	hostile := strings.Replace(payment("123.45"), "Merchant", "<script>alert('creditor')</script>", 1)
	uri, _ := f.push(app, message{}, url.Values{"scope": {"openid accounts"}, "authorization_details": {hostile}})
	w := f.window()
	p := w.signIn(w.visit("app-17", uri))
	for _, shown := range []string{"app-17", "Shop &lt;script", "https://app.example.com", "accounts", "123.45", "&lt;script&gt;alert(&#39;creditor&#39;)"} {
		if !strings.Contains(p.body, shown) {
			t.Errorf("%q is not on the page: %s", shown, p.body)
		}
	}
	if strings.Contains(p.body, "<script>alert") || !strings.Contains(p.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example.com") {
		t.Errorf("policy %q, page %s", p.header.Get("Content-Security-Policy"), p.body)
	}
}

// However many windows complete a request at once, by yes or no, one does (FAPI 2.0 §5.3.2.2, note 3).
func TestOneOfManyCompletes(t *testing.T) {
	f := newFlow(t, setup{})
	app := f.app("app", func(p *party) { p.record.SubjectType = issuer.PairwiseSubjects })
	for range 20 {
		uri, _ := f.push(app, message{}, nil)
		if n, err := f.issuer.Together("app", uri, f.approval, 16); n != 1 || err != nil {
			t.Fatalf("%d of 16 completed the request; %v", n, err)
		}
	}
}

// A server without people has none of it.
func TestNoPeopleNoAuthorization(t *testing.T) {
	v := newServer(t, setup{})
	for _, address := range []string{v.url + "/par", v.url + "/authorize", v.url + "/userinfo", v.url + "/login", v.alias.URL + "/par", v.alias.URL + "/userinfo"} {
		if answer, _ := v.get(address); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", address, answer.StatusCode)
		}
	}
}

// The pages are not on the listener that asks for certificates.
func TestNoPagesAtTheAlias(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { openPeople(t, c) }})
	for _, path := range []string{"/authorize", "/login", "/consent", "/account", "/ui/x"} {
		if answer, _ := v.get(v.alias.URL + path); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

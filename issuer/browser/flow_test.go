package browser_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/rar"
)

func TestPasswordAndConsent(t *testing.T) {
	s := newStage(t)
	alice := s.person("alice")
	r, tab := s.push(nil), s.tab()
	tab.visit(r)
	tab.expect(http.StatusOK, "login")
	s.clock.advance(2 * time.Second)
	authTime := s.clock.Now()
	tab.login("Alice") // in any way of writing
	tab.expect(http.StatusOK, "consent")
	for _, want := range []string{"The Shop", "See your accounts", "alice"} {
		if !strings.Contains(tab.page.body, want) {
			t.Errorf("the consent page does not tell %q", want) // FAPI 2.0 §5.3.2.2 (13)
		}
	}
	if !strings.Contains(tab.page.header.Get("Content-Security-Policy"), "form-action 'self' https://shop.example;") {
		t.Error("the answer to the form may not lead to the client")
	}
	s.untouched()
	tab.send("do", "approve")
	tab.expectAway("code=c-r1")
	got := s.outcome().Approval
	if got.SessionID == "" || !got.AuthTime.Equal(authTime) {
		t.Errorf("session %q, auth_time %v, want %v", got.SessionID, got.AuthTime, authTime)
	}
	got.SessionID, got.AuthTime = "", time.Time{}
	want := &browser.Approval{Subject: alice.Subject, ACR: "urn:tenon:acr:password", AMR: []string{"pwd"}, Scope: tenon.Scope{"openid", "accounts"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := s.last(); e.Done != browser.DidApprove || e.ClientID != "shop" || e.Subject != alice.Subject || e.RequestID != "r1" || e.Status != http.StatusSeeOther {
		t.Errorf("event %+v", e)
	}
}

func TestPersonSaysNo(t *testing.T) {
	for name, say := range map[string]func(*tab){
		"at consent": func(b *tab) { b.login("alice"); b.expect(http.StatusOK, "consent"); b.send("do", "deny") },
		"at login":   func(b *tab) { b.send("do", "cancel") },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.person("alice")
			tab := s.tab()
			tab.visit(s.push(nil))
			say(tab)
			tab.expectAway("error=access_denied") // RFC 6749 §4.1.2.1
			if got := s.outcome().Refusal; got == nil || got.Code != tenon.AccessDenied {
				t.Errorf("refused with %v", got)
			}
		})
	}
}

func TestConsentIsAskedOnce(t *testing.T) {
	given := browser.Grant{ID: "g", Client: browser.ClientInfo{ID: "shop"}, Scope: tenon.Scope{"accounts", "openid"}, Resources: []string{"https://api.example"}}
	plain := func(*browser.Request) {}
	payment := details(t)
	for _, c := range []struct {
		name  string
		asked bool
		edit  func(*browser.Request)
		grant func(*browser.Grant)
	}{
		{"all of it was allowed before", false, plain, nil},
		{"for a resource that was allowed", false, func(r *browser.Request) { r.Resources = given.Resources }, nil},
		{"for another resource", true, func(r *browser.Request) { r.Resources = []string{"https://other.example"} }, nil},
		{"with another scope", true, func(r *browser.Request) { r.Scope = tenon.Scope{"accounts", "payments"} }, nil},
		{"with single claims", true, func(r *browser.Request) { r.Asked.Claims = []string{"email"} }, nil},
		{"with authorization details", true, func(r *browser.Request) { r.Details = payment }, nil},
		{"with prompt=consent", true, func(r *browser.Request) { r.Asked.Prompt = []string{"consent"} }, nil}, // OpenID Connect Core §3.1.2.1
		{"by a client that proves nothing", true, func(r *browser.Request) { r.Client.Public = true }, nil},   // RFC 6749 §10.2
		{"the grant is another client's", true, plain, func(g *browser.Grant) { g.Client.ID = "other" }},
		{"the grant has ended", true, plain, func(g *browser.Grant) { g.Expires = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			g := given
			if c.grant != nil {
				c.grant(&g)
			}
			s.grants.add(s.person("alice").Subject, g)
			tab := s.tab()
			tab.visit(s.push(c.edit))
			tab.login("alice")
			if c.asked {
				tab.expect(http.StatusOK, "consent")
				return
			}
			tab.expectAway("code=")
			if s.last().Done != browser.DidApproveEarlier {
				t.Errorf("done is %q", s.last().Done)
			}
		})
	}
}

// RFC 9126 §4, FAPI 2.0 §5.3.2.2 (3): only client_id and request_uri mean anything here.
func TestOtherParametersAreIgnored(t *testing.T) {
	good := "client_id=shop&request_uri=" + url.QueryEscape("urn:ietf:params:oauth:request_uri:1")
	for _, c := range []struct {
		name, query string
		status      int
	}{
		{"the two alone", good, 200},
		{"others beside them", good + "&scope=all&redirect_uri=https%3A%2F%2Fevil.example&state=x&response_type=token&prompt=none&max_age=0", 200},
		{"others twice", good + "&state=1&state=2&scope=a&scope=b", 200},
		{"others that are malformed", good + "&state=%zz&%zz=1&;=;&&=", 200},
		{"a state of 1500 characters", good + "&state=" + strings.Repeat("s", 1500), 200},
		{"client_id twice", good + "&client_id=shop", 400},
		{"request_uri twice", "request_uri=x&" + good, 400},
		{"request_uri twice, once escaped", "reques%74_uri=x&" + good, 400},
		{"no client_id", strings.TrimPrefix(good, "client_id=shop&"), 400},
		{"no request_uri: not pushed", "client_id=shop&response_type=code&redirect_uri=https%3A%2F%2Fevil.example", 400},
		{"an empty client_id", "client_id=&" + good, 400},
		{"a malformed client_id", "client_id=%zz&request_uri=x", 400},
		{"a client_id that is no text", "client_id=%ff&request_uri=x", 400},
		{"another client's", strings.Replace(good, "shop", "thief", 1), 400},
		{"unknown", "client_id=shop&request_uri=urn%3Aunknown", 400},
		{"a request_uri elsewhere", "client_id=shop&request_uri=https%3A%2F%2Fother.example%2Fr", 400},
		{"nothing", "", 400},
		{"more than anybody needs", good + "&x=" + strings.Repeat("x", 16<<10), 414},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			r := s.push(nil)
			tab := s.tab()
			get, want := tab.get("/authorize?"+c.query), "error"
			if c.status == http.StatusOK {
				want = "login"
			}
			if get.status != c.status || get.kind != want || get.away != "" {
				t.Errorf("GET: %d %q %s, want %d %q and no redirect", get.status, get.kind, get.away, c.status, want)
			}
			if strings.Contains(get.body, "evil.example") {
				t.Error("a parameter got onto the page")
			}
			if c.status == 414 {
				return
			}
			post := httptest.NewRequest(http.MethodPost, origin+base+"/authorize?ignored=1", strings.NewReader(c.query)) // OpenID Connect Core §3.1.2.1
			post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			post.Header.Set("Origin", "https://shop.example")
			post.Header.Set("Sec-Fetch-Site", "cross-site")
			var steps []string
			if c.status == http.StatusOK {
				steps = []string{base + "/authorize?" + url.Values{"client_id": {"shop"}, "request_uri": {r.URI}}.Encode()}
			}
			if got := tab.follow(post); got.status != c.status || !slices.Equal(got.steps, steps) {
				t.Errorf("POST: %d by way of %v, want %d by way of %v", got.status, got.steps, c.status, steps)
			}
			s.untouched()
		})
	}
}

// FAPI 2.0 §5.3.2.2, note 3: a request is spent when authorization completes, not when a page is loaded.
func TestRequestIsSpentAtCompletion(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	r := s.push(nil)
	first, second := s.tab(), s.tab()
	first.visit(r)
	first.visit(r)
	first.login("alice")
	first.expect(http.StatusOK, "consent")
	second.visit(r) // in another browser
	second.login("alice")
	second.expect(http.StatusOK, "consent")
	second.send("do", "approve")
	second.expectAway("code=")
	first.send("do", "approve")
	first.expect(http.StatusBadRequest, "error")
	first.visit(r)
	first.expect(http.StatusBadRequest, "error")
	if s.outcome().Approval == nil {
		t.Error("not approved")
	}
}

func TestConsentSentTwiceRedirectsOnce(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	tab := s.tab()
	tab.visit(s.push(nil))
	tab.login("alice")
	action, fields := tab.page.form(t, "do", "approve")
	fields.Set("do", "approve")
	answers := make(chan *page)
	for range 8 {
		go func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, origin+base+action, strings.NewReader(fields.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			for name, value := range tab.jar() {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			s.routes[action].ServeHTTP(w, r)
			answers <- &page{status: w.Code, away: w.Header().Get("Location")}
		}()
	}
	redirects := 0
	for range 8 {
		if p := <-answers; p.away != "" {
			redirects++
		} else if p.status != http.StatusBadRequest {
			t.Errorf("status %d", p.status)
		}
	}
	if redirects != 1 {
		t.Errorf("%d redirects, want 1", redirects)
	}
	s.outcome()
}

// A request_uri lives for 90 seconds; whoever came in time gets the time that a person needs.
func TestExpiredRequest(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	r := s.push(nil)
	early, late := s.tab(), s.tab()
	early.visit(r)
	for range 6 { // other tabs do not push the mark out
		early.visit(r)
	}
	s.clock.advance(90 * time.Second)
	late.visit(r)
	late.expect(http.StatusBadRequest, "error")
	if e := s.last(); e.Code != tenon.InvalidRequestURI || e.Reason != "expired" {
		t.Errorf("event %+v", e)
	}
	s.clock.advance(browser.Patience - time.Minute)
	early.visit(r)
	early.expect(http.StatusOK, "login")
	early.login("alice")
	early.expect(http.StatusOK, "consent")
	s.clock.advance(time.Minute)
	early.send("do", "approve")
	early.expect(http.StatusBadRequest, "error")
	s.untouched()
}

func TestMarkIsForOneRequest(t *testing.T) {
	s := newStage(t)
	one, two := s.push(nil), s.push(nil)
	tab := s.tab()
	tab.visit(one)
	s.clock.advance(2 * time.Minute)
	tab.visit(two)
	tab.expect(http.StatusBadRequest, "error")
	tab.visit(one)
	tab.expect(http.StatusOK, "login")
	const begun = "__Host-tenon-begun"
	mark := tab.cookies[begun]
	for older, status := range map[int]int{3: http.StatusOK, 4: http.StatusBadRequest} { // the newest four are looked at
		tab.cookies[begun] = mark + strings.Repeat("."+strings.Repeat("A", 54), older)
		if tab.visit(one); tab.page.status != status {
			t.Errorf("behind %d others: %d, want %d", older, tab.page.status, status)
		}
	}
}

func TestBackButtonAndTwoTabs(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	r, other := s.push(nil), s.push(nil)
	left := s.tab()
	right := left.another()
	left.visit(r)
	loginPage := left.page
	right.visit(other)
	left.login("alice")
	left.expect(http.StatusOK, "consent")
	consentPage := left.page

	right.login("alice") // the form is from before the login, and there is nothing left to do for it
	right.expect(http.StatusForbidden, "consent")
	right.send("do", "approve")
	right.expectAway("code=c-r2")

	left.page = loginPage // back, and again
	left.login("alice")
	left.expect(http.StatusForbidden, "consent")
	left.page = consentPage
	left.send("do", "approve")
	left.expectAway("code=c-r1")
	left.page = consentPage
	left.send("do", "approve")
	left.expect(http.StatusBadRequest, "error")
	if len(s.requests.answered) != 2 {
		t.Errorf("%d answers", len(s.requests.answered))
	}
}

func TestOwnPagesNeedNoClient(t *testing.T) {
	s := newStage(t)
	s.person("alice")
	tab := s.tab()
	for _, path := range []string{"/account", "/account/password", "/account/codes", "/account/passkeys", "/account/passkeys?id=x", "/login"} {
		tab.get(path)
		tab.expect(http.StatusOK, "login")
	}
	tab.get("/account/password")
	tab.login("alice")
	tab.expect(http.StatusOK, "password") // where the person wanted to go
	tab.get("/login")
	tab.expect(http.StatusOK, "account")
}

// details are a payment.
func details(t *testing.T) rar.Details {
	t.Helper()
	return must(must(registry())(t).Parse(`[{"type":"payment_initiation","actions":["initiate"],"instructedAmount":{"currency":"EUR","amount":"1234.50"},`+
		`"creditorName":"Example Ltd","creditorAccount":{"iban":"DE89370400440532013000"}}]`, []string{"payment_initiation"}))(t)
}

package browser_test

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

// A tab is a browser with one page open. Tabs of one browser share their cookies. It holds every answer to what every
// answer must be.
type tab struct {
	t       *testing.T
	stage   *stage
	cookies map[string]string
	edit    func(*http.Request) // changes each request
	page    *page
}

// A page is an answer that was not a redirect of ours.
type page struct {
	status int
	header http.Header
	body   string
	kind   string // of the page, such as login; "" for none
	away   string // where the browser was sent that is not ours
	steps  []string
}

func (s *stage) tab() *tab { return &tab{t: s.t, stage: s, cookies: map[string]string{}} }

// another is a tab of the same browser.
func (b *tab) another() *tab { return &tab{t: b.t, stage: b.stage, cookies: b.cookies} }

// visit opens the page that a client sends the browser to.
func (b *tab) visit(r *browser.Request) *page {
	b.t.Helper()
	return b.get("/authorize?" + url.Values{"client_id": {r.Client.ID}, "request_uri": {r.URI}}.Encode())
}

func (b *tab) get(path string) *page {
	b.t.Helper()
	return b.follow(httptest.NewRequest(http.MethodGet, origin+base+path, nil))
}

// post sends fields to a path, as a form of our own page does.
func (b *tab) post(path string, fields url.Values) *page {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, origin+base+path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.follow(r)
}

// send fills in the form of the open page that has the field or button, and sends it.
func (b *tab) send(values ...string) *page {
	b.t.Helper()
	f := b.fill(values...)
	return b.post(f.path, f.fields)
}

// login types a user name and the password.
func (b *tab) login(username string) *page {
	b.t.Helper()
	return b.send("username", username, "password", password, "do", "login")
}

// signIn signs somebody in on their own page.
func (b *tab) signIn(username string) *page {
	b.t.Helper()
	b.get("/login")
	if p := b.login(username); p.kind != "account" {
		b.t.Fatalf("%s did not get in: %d %s", username, p.status, p.kind)
	}
	return b.page
}

// touch answers the ceremony of the open page with an authenticator.
func (b *tab) touch(a *peopletest.Authenticator) *page {
	b.t.Helper()
	f := b.answer(a)
	return b.post(f.path, f.fields)
}

// follow sends a request, and goes where our own redirects lead.
func (b *tab) follow(r *http.Request) *page {
	b.t.Helper()
	var steps []string
	for range 10 {
		b.page = b.once(r)
		location := b.page.header.Get("Location")
		if b.page.status != http.StatusSeeOther || !strings.HasPrefix(location, base+"/") {
			b.page.away, b.page.steps = location, steps
			return b.page
		}
		steps = append(steps, location)
		r = httptest.NewRequest(http.MethodGet, origin+location, nil)
	}
	b.t.Fatalf("going round in circles: %v", steps)
	return nil
}

// once sends one request.
func (b *tab) once(r *http.Request) *page {
	b.t.Helper()
	r = r.WithContext(b.t.Context())
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.edit != nil {
		b.edit(r)
	}
	w := httptest.NewRecorder()
	path := strings.TrimPrefix(r.URL.Path, base)
	handler := b.stage.routes[path]
	if handler == nil {
		b.t.Fatalf("there is no %s", path)
	}
	handler.ServeHTTP(w, r)
	p := &page{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	if m := bodyClass.FindStringSubmatch(p.body); m != nil {
		p.kind = m[1]
	}
	b.keep(w.Result().Cookies())
	p.check(b.t, r)
	return p
}

// keep stores cookies as a browser does, if they are what they must be.
func (b *tab) keep(cookies []*http.Cookie) {
	b.t.Helper()
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
			b.t.Errorf("cookie %v is open to others", c)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
}

var (
	bodyClass   = regexp.MustCompile(`<body class="([a-z]+)">`)
	formElement = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	input       = regexp.MustCompile(`<input([^>]*)>`)
	attribute   = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// check holds an answer to what is true of all.
func (p *page) check(t *testing.T, r *http.Request) {
	t.Helper()
	h := p.header
	want := map[string]string{
		"Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	}
	for name, value := range want {
		if h.Get(name) != value {
			t.Errorf("%s %s: %s is %q, want %q", r.Method, r.URL, name, h.Get(name), value)
		}
	}
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("%s %s: Content-Security-Policy is %q", r.Method, r.URL, csp)
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s %s: %s lets other origins in", r.Method, r.URL, name) // FAPI 2.0 §5.2.3 (3)
		}
	}
	if p.status >= 300 && p.status < 400 && p.status != http.StatusSeeOther {
		t.Errorf("%s %s: redirect with %d", r.Method, r.URL, p.status) // FAPI 2.0 §5.3.2.2 (11)
	}
}

func attributes(tag string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// form finds the form with a field, or with a button of that name and value.
func (p *page) form(t *testing.T, name, value string) (action string, fields url.Values) {
	t.Helper()
	for _, m := range formElement.FindAllStringSubmatch(p.body, -1) {
		if strings.Contains(m[2], `name="`+name+`" value="`+value+`"`) || strings.Contains(m[2], `name="`+name+`" type=`) {
			return formAction(m), hidden(m[2])
		}
	}
	for _, m := range formElement.FindAllStringSubmatch(p.body, -1) { // cancel stands outside of its form
		if strings.Contains(m[1], `id="form"`) && strings.Contains(p.body, `form="form" name="`+name+`" value="`+value+`"`) {
			return formAction(m), hidden(m[2])
		}
	}
	t.Fatalf("the page %q (%d) has no form with %s=%s:\n%s", p.kind, p.status, name, value, p.body)
	return "", nil
}

// ceremony finds the form of a passkey.
func (p *page) ceremony(t *testing.T) (action string, fields url.Values, options string) {
	t.Helper()
	for _, m := range formElement.FindAllStringSubmatch(p.body, -1) {
		if options := attributes(m[1])["data-options"]; options != "" {
			return formAction(m), hidden(m[2]), options
		}
	}
	t.Fatalf("the page %q (%d) has no passkey", p.kind, p.status)
	return "", nil, ""
}

func formAction(m []string) string { return strings.TrimPrefix(attributes(m[1])["action"], base) }

func hidden(form string) url.Values {
	fields := url.Values{}
	for _, m := range input.FindAllStringSubmatch(form, -1) {
		if a := attributes(m[1]); a["type"] == "hidden" {
			fields.Set(a["name"], a["value"])
		}
	}
	return fields
}

// jar is a copy of the cookies.
func (b *tab) jar() map[string]string { return maps.Clone(b.cookies) }

// expect holds the open page to a status and a kind.
func (b *tab) expect(status int, kind string) {
	b.t.Helper()
	if b.page.status != status || b.page.kind != kind {
		b.t.Fatalf("got %d %q %s (event %+v), want %d %q", b.page.status, b.page.kind, b.page.away, b.stage.last(), status, kind)
	}
}

// expectAway holds the open page to be an answer to the client with such a parameter.
func (b *tab) expectAway(parameter string) {
	b.t.Helper()
	if b.page.status != http.StatusSeeOther || !strings.HasPrefix(b.page.away, "https://shop.example/cb?") || !strings.Contains(b.page.away, parameter) {
		b.t.Fatalf("got %d %q %s (event %+v), want an answer with %s", b.page.status, b.page.kind, b.page.away, b.stage.last(), parameter)
	}
}

var csrf = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// random is what differs in two answers that are alike: seals, challenges, states.
var random = regexp.MustCompile(`(?:name="csrf" value="|name="state" value="|challenge&#34;:&#34;)([^"&]+)`)

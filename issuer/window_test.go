package issuer_test

import (
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer"
)

const password = "seven otters mend the weir"

// A window is a person's browser at a server: it keeps cookies, and goes where it is sent only when the test says so.
type window struct {
	f    *flow
	http *http.Client
}

func (f *flow) window() *window {
	f.t.Helper()
	jar, err := cookiejar.New(nil)
	must(f.t, err)
	roots := x509.NewCertPool()
	roots.AddCert(f.main.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	f.t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &window{f, &http.Client{Jar: jar, Transport: transport, CheckRedirect: stay}}
}

// A page is what a window shows.
type page struct {
	status int
	header http.Header
	body   string
	event  issuer.Event
}

// send makes one request as the browser of our own pages would.
func (w *window) send(method, address, body string, header http.Header) page {
	t := w.f.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	maps.Copy(r.Header, header)
	answer, err := w.http.Do(r)
	must(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	must(t, err)
	return page{answer.StatusCode, answer.Header, string(data), w.f.event()}
}

// visit opens the authorization endpoint for a request.
func (w *window) visit(clientID, requestURI string) page {
	w.f.t.Helper()
	return w.follow(w.f.url + "/authorize?" + url.Values{"client_id": {clientID}, "request_uri": {requestURI}}.Encode())
}

// follow opens an address, and those of ours that it leads to.
func (w *window) follow(address string) page {
	w.f.t.Helper()
	for range 5 {
		p := w.send(http.MethodGet, address, "", nil)
		location := p.header.Get("Location")
		if p.status != http.StatusSeeOther || !strings.HasPrefix(location, w.f.path+"/") {
			return p
		}
		address = w.f.main.URL + location
	}
	w.f.t.Fatalf("%s leads in circles", address)
	return page{}
}

var (
	forms  = regexp.MustCompile(`<form id="form"[^>]* action="([^"]+)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
)

// submit sends the form of a page with what the person typed, and follows where that leads among our pages.
func (w *window) submit(p page, typed url.Values) page {
	t := w.f.t
	t.Helper()
	found := forms.FindStringSubmatchIndex(p.body)
	if found == nil {
		t.Fatalf("%d: no form in %s", p.status, p.body)
	}
	action := html.UnescapeString(p.body[found[2]:found[3]])
	form, _, _ := strings.Cut(p.body[found[0]:], "</form>")
	fields := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(form, -1) {
		fields.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	maps.Copy(fields, typed)
	next := w.send(http.MethodPost, w.f.main.URL+action, fields.Encode(), nil)
	if location := next.header.Get("Location"); next.status == http.StatusSeeOther && strings.HasPrefix(location, w.f.path+"/") {
		return w.follow(w.f.main.URL + location)
	}
	return next
}

// signIn fills in the login page.
func (w *window) signIn(p page) page {
	w.f.t.Helper()
	return w.submit(p, url.Values{"username": {"alice"}, "password": {password}, "do": {"login"}})
}

// answer takes the redirect to a client apart.
func (p page) answer(t testing.TB, redirect string) url.Values {
	t.Helper()
	rest, ok := strings.CutPrefix(p.header.Get("Location"), redirect)
	if p.status != http.StatusSeeOther || !ok { // FAPI 2.0 §5.3.2.2 (11)
		t.Fatalf("answered %d with Location %q: %s; %v", p.status, p.header.Get("Location"), p.body, p.event.Err)
	}
	values, err := url.ParseQuery(rest[1:])
	must(t, err)
	return values
}

// withPassword lets the person of a flow log in.
func (f *flow) withPassword() *flow {
	f.t.Helper()
	must(f.t, f.people.SetPassword(f.t.Context(), f.person.Subject, password))
	return f
}

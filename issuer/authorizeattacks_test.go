package issuer_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer"
)

// TestAuthorizeAttacks opens every entry in a window of its own. What is refused ends at an error page: nobody is sent anywhere, and
// nothing is kept of the visit.
func TestAuthorizeAttacks(t *testing.T) {
	all := readEntries[attack](t, "testdata/attacks/authorize/request.json")
	f := newFlow(t, setup{})
	w := f.window()
	for n, a := range all {
		t.Run(a.ID, func(t *testing.T) {
			f.t = t
			id := a.Client + strconv.Itoa(n)
			p := f.app(id, nil)
			uri, _ := f.push(p, message{}, url.Values{"authorization_details": {payment("1.00")}})
			f.meanwhile(p, uri, a.Sent.Before)
			before := f.stored("requests")
			filled := func(text string) string {
				return lengths.ReplaceAllStringFunc(strings.NewReplacer("@client", id, "@uri", url.QueryEscape(uri)).Replace(text), func(s string) string {
					length, err := strconv.Atoi(s[2:])
					must(t, err)
					return strings.Repeat("x", length)
				})
			}
			query, method := a.Sent.Query, a.Sent.Method
			if query == "" && a.Sent.Body == "" {
				query = "client_id=@client&request_uri=@uri"
			}
			if method == "" {
				method = http.MethodGet
			}
			got := w.send(method, f.url+"/authorize?"+filled(query), filled(a.Sent.Body), a.Sent.Header)
			checkVisit(t, a, got)
			if f.stored("requests") != before {
				t.Error("the visit changed what is stored")
			}
		})
	}
	if len(all) < 38 {
		t.Errorf("%d entries only", len(all))
	}
}

// checkVisit holds an answer to what the entry expects.
func checkVisit(t *testing.T, a attack, got page) {
	t.Helper()
	e := a.Expect
	if e.Accept {
		e.Status = http.StatusOK
	}
	if got.status != e.Status || got.event.Code != e.Error || got.event.Reason != e.Check || got.event.Endpoint != "authorize" {
		t.Errorf("%s\nanswered %d %s (%s)\nwant %d %s (%s); cause: %v", a.About, got.status, got.event.Code, got.event.Reason, e.Status, e.Error, e.Check, got.event.Err)
	}
	if e.Status >= 400 {
		if got.header.Get("Location") != "" {
			t.Errorf("somebody is sent to %q", got.header.Get("Location"))
		}
		if !strings.Contains(got.body, `id="error"`) || !strings.Contains(got.body, string(e.Error)) || !strings.Contains(got.body, got.event.Reference) {
			t.Errorf("the page is no error page with code and reference: %s", got.body)
		}
	}
	for name, want := range e.Header {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	checkBrowserHeaders(t, got)
}

// meanwhile does what happens between the push and the visit.
func (f *flow) meanwhile(p *party, uri, what string) {
	f.t.Helper()
	edits := map[string]func(*issuer.Client){
		"disabled":       func(c *issuer.Client) { c.Disabled = true },
		"other redirect": func(c *issuer.Client) { c.RedirectURIs = []string{redirectURI + "2"} },
		"less scope":     func(c *issuer.Client) { c.Scope = c.Scope[:2] },
		"other resource": func(c *issuer.Client) { c.Resources = c.Resources[1:] },
		"no details":     func(c *issuer.Client) { c.DetailTypes = nil },
		"no grant": func(c *issuer.Client) {
			c.GrantTypes, c.RedirectURIs, c.DetailTypes = []string{issuer.ClientCredentials}, nil, nil
		},
	}
	switch what {
	case "":
	case "expired":
		f.clock.advance(90 * time.Second)
	case "long expired":
		f.clock.advance(time.Hour)
	case "approved":
		f.approve(p, uri)
	case "refused":
		must(f.t, f.issuer.RefuseAll(p.record.ID, uri))
	case "removed":
		must(f.t, f.admin.RemoveClient(f.t.Context(), p.record.ID))
	default:
		edit := edits[what]
		if edit == nil {
			f.t.Fatalf("nothing known meanwhile: %q", what)
		}
		edit(&p.record)
		_, err := f.admin.UpdateClient(f.t.Context(), p.record)
		must(f.t, err)
	}
}

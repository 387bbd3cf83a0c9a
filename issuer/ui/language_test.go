package ui_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/ui"
)

func TestLanguage(t *testing.T) {
	tests := []struct {
		name, query, cookie string
		locales             []string
		accept              string
		want                string
	}{
		{name: "nobody asks", want: "en"},
		{name: "the browser asks", accept: "de-AT,de;q=0.9,en;q=0.8", want: "de"},
		{name: "the browser weighs", accept: "de;q=0.5, en;q=0.9", want: "en"},
		{name: "the browser asks for what we have second", accept: "fr, de;q=0.5", want: "de"},
		{name: "the browser asks for what we do not have", accept: "ja", want: "en"},
		{name: "the client asks", locales: []string{"de-CH"}, accept: "en", want: "de"},
		{name: "the client asks for several", locales: []string{"fr", "de", "en"}, accept: "en", want: "de"},
		{name: "the client asks for what we do not have", locales: []string{"ja"}, accept: "de", want: "de"},
		{name: "the client asks for nonsense", locales: []string{"!!", strings.Repeat("de-", 200)}, accept: "de", want: "de"},
		{name: "the person chose before", cookie: "en", locales: []string{"de"}, accept: "de", want: "en"},
		{name: "the person chooses now", query: "lang=de", cookie: "en", locales: []string{"en"}, accept: "en", want: "de"},
		{name: "a choice we do not have", query: "lang=fr", cookie: "xx", accept: "de", want: "de"},
		{name: "front-channel ui_locales counts for nothing", query: "ui_locales=de", accept: "en", want: "en"},
		{name: "a header beyond reason", accept: "de," + strings.Repeat("a-", 5000), want: "en"},
		{name: "a broken header", accept: "de;q=x", want: "en"},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/login?"+tt.query, nil)
			r.Header.Set("Accept-Language", tt.accept)
			if tt.cookie != "" {
				r.AddCookie(&http.Cookie{Name: "__Host-tenon-language", Value: tt.cookie})
			}
			w := httptest.NewRecorder()
			pages.Render(w, r, http.StatusOK, ui.Login{Frame: ui.Frame{Locales: tt.locales}})
			doc, err := parse(w.Body.String())
			if err != nil {
				t.Fatal(err)
			}
			title := map[string]string{"en": "Sign in", "de": "Anmelden"}[tt.want]
			if got := doc.tags("html")[0].attr["lang"]; got != tt.want || doc.tags("h1")[0].words() != title || w.Header().Get("Content-Language") != tt.want {
				t.Errorf("lang %q, heading %q, header %q; want %s", got, doc.tags("h1")[0].words(), w.Header().Get("Content-Language"), tt.want)
			}
			if got := pages.Language(r, tt.locales); got != tt.want {
				t.Errorf("Language says %q", got)
			}
		})
	}
}

func TestChoiceOfLanguageIsKept(t *testing.T) {
	pages := newPages(t, ui.Config{})
	r := httptest.NewRequest(http.MethodGet, "/login?lang=de", nil)
	w := httptest.NewRecorder()
	pages.Render(w, r, http.StatusOK, ui.Login{})
	const want = "__Host-tenon-language=de; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax"
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 || got[0] != want {
		t.Errorf("Set-Cookie %q", got)
	}
	for _, query := range []string{"", "?lang=fr", "?lang=", "?lang=de%0d%0aX:y"} {
		w := httptest.NewRecorder()
		pages.Render(w, httptest.NewRequest(http.MethodGet, "/login"+query, nil), http.StatusOK, ui.Login{})
		if got := w.Header().Get("Set-Cookie"); got != "" {
			t.Errorf("%q sets %q", query, got)
		}
	}
}

// The link to the other language is the same page: request and client are still in it.
func TestLanguageLinksKeepTheQuery(t *testing.T) {
	pages := newPages(t, ui.Config{})
	r := httptest.NewRequest(http.MethodGet, `/authorize?request_uri=urn%3Aietf%3Ax&client_id=c%22%3E&lang=en`, nil)
	w := httptest.NewRecorder()
	pages.Render(w, r, http.StatusOK, ui.Login{})
	doc, err := parse(w.Body.String())
	if err != nil {
		t.Fatal(err)
	}
	links := doc.tags("footer")[0].tags("a")
	if len(links) != 1 || links[0].attr["href"] != "?client_id=c%22%3E&lang=de&request_uri=urn%3Aietf%3Ax" || links[0].words() != "Deutsch" {
		t.Errorf("links %v", links)
	}
}

// After a post the address of the page is where forms go: following a link there would show something else.
func TestNoLanguageLinksAfterAPost(t *testing.T) {
	pages := newPages(t, ui.Config{})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/login", nil),
		httptest.NewRequest(http.MethodGet, "/login?x="+strings.Repeat("y", 3000), nil),
	} {
		w := httptest.NewRecorder()
		pages.Render(w, r, http.StatusOK, ui.Login{})
		if strings.Contains(w.Body.String(), "<footer") {
			t.Errorf("%s %.20s offers languages", r.Method, r.URL)
		}
	}
}

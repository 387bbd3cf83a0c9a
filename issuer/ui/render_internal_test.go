package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A catalogue with a hole is a fault of ours: an answer 500 with the headers of a page, and never half of one.
func TestAPageThatCannotBeMadeIsNotShown(t *testing.T) {
	p, err := New(Config{Name: "Harbour Bank"})
	if err != nil {
		t.Fatal(err)
	}
	delete(p.locales[0].words, "login.password")
	w := httptest.NewRecorder()
	p.Render(w, httptest.NewRequest(http.MethodGet, "/login?lang=en", nil), http.StatusOK, Login{Username: "ada"})
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "<") || !strings.Contains(w.Body.String(), "server_error") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	for header, want := range map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "Set-Cookie": ""} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
}

func TestASentenceNeedsAllItsValues(t *testing.T) {
	l := &locale{tag: "en", words: map[string]string{"greet": "Hello {name}"}}
	for name, pairs := range map[string][]any{"nothing given": nil, "another place": {"who", "Ada"}, "a value that is no text": {"name", 1.5}} {
		if s, err := l.text("greet", pairs...); err == nil {
			t.Errorf("%s: text gives %q", name, s)
		}
		if s, err := l.say("greet", pairs...); err == nil {
			t.Errorf("%s: say gives %q", name, s)
		}
	}
	if s, err := l.say("greet", "name", "<Ada>"); err != nil || s != "Hello <bdi>&lt;Ada&gt;</bdi>" {
		t.Errorf("%q, %v", s, err)
	}
	if _, err := l.say("nothing"); err == nil {
		t.Error("a key that is not there gives words")
	}
}

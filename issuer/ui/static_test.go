package ui_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/ui"
)

// loaded are the addresses of what a page loads.
func loaded(doc *element) []string {
	var all []string
	for _, e := range doc.tags("link", "script", "img") {
		for _, address := range []string{e.attr["href"], e.attr["src"]} {
			if address != "" && !strings.HasPrefix(address, "data:") {
				all = append(all, address)
			}
		}
	}
	return all
}

func TestWhatPagesLoadIsThereAndKept(t *testing.T) {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, base := range []string{"", "/t1"} {
		pages := newPages(t, ui.Config{Base: base})
		addresses := loaded(look(t, pages, ui.Login{Passkey: &ui.Ceremony{}}, "en"))
		if len(addresses) != 4 {
			t.Fatalf("loads %v", addresses)
		}
		for _, address := range addresses {
			name := regexp.MustCompile(`^` + base + `/ui/[a-z]+\.[0-9a-f]{16}(\.[a-z]+)$`).FindStringSubmatch(address)
			if name == nil {
				t.Errorf("address %q", address)
				continue
			}
			w := httptest.NewRecorder()
			pages.Static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, address, nil))
			for header, want := range map[string]string{
				"Content-Type": kinds[name[1]], "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
				"Content-Length": strconv.Itoa(w.Body.Len()),
			} {
				if got := w.Header().Get(header); w.Code != http.StatusOK || w.Body.Len() == 0 || got != want {
					t.Errorf("%s: status %d, %s %q", address, w.Code, header, got)
				}
			}
		}
	}
}

func TestStaticRefuses(t *testing.T) {
	pages := newPages(t, ui.Config{})
	style := loaded(look(t, pages, ui.Error{}, "en"))[1]
	tests := []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, style, http.StatusOK},
		{http.MethodHead, style, http.StatusOK},
		{http.MethodPost, style, http.StatusMethodNotAllowed},
		{http.MethodGet, "/ui/style.css", http.StatusNotFound}, // without the hash it would be kept for ever under a name that changes
		{http.MethodGet, "/ui/", http.StatusNotFound},
		{http.MethodGet, "/ui/../words/en.json", http.StatusNotFound},
		{http.MethodGet, "/ui/words/en.json", http.StatusNotFound},
		{http.MethodGet, "/", http.StatusNotFound},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		pages.Static().ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.want || (w.Body.Len() == 0) != (tt.method == http.MethodHead) {
			t.Errorf("%s %s: %d with %d bytes, want %d", tt.method, tt.path, w.Code, w.Body.Len(), tt.want)
		}
	}
}

// The policy lets the style sheet load nothing, and the script write no HTML and open no connection.
func TestStaticFilesKeepToThePolicy(t *testing.T) {
	for file, words := range map[string][]string{
		"static/style.css":  {"url(", "@import", "@font-face", "expression("},
		"static/passkey.js": {"innerHTML", "eval(", "fetch(", "XMLHttpRequest", "document.write", "import(", "localStorage", "setTimeout("},
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if strings.Contains(string(b), word) {
				t.Errorf("%s has %s", file, word)
			}
		}
	}
}

// palette reads the colours of the light and the dark scheme from the style sheet.
func palette(t *testing.T) (light, dark map[string]float64) {
	t.Helper()
	b, err := os.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(b), "prefers-color-scheme: dark")
	read := func(s string) map[string]float64 {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(s, -1) {
			rgb, err := strconv.ParseUint(m[2], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			colours[m[1]] = luminance(uint32(rgb))
		}
		return colours
	}
	return read(before), read(after)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(rgb uint32) float64 {
	channel := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

// WCAG 2.2 §1.4.3: 4.5 for text; §1.4.11: 3 for the edges of controls and the mark of focus.
func TestContrast(t *testing.T) {
	light, dark := palette(t)
	for scheme, colours := range map[string]map[string]float64{"light": light, "dark": dark} {
		if len(colours) != 14 {
			t.Fatalf("%s has %d colours", scheme, len(colours))
		}
		check := func(front, back string, least float64) {
			a, b := colours[front], colours[back]
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < least {
				t.Errorf("%s: %s on %s is %.2f:1, less than %.1f", scheme, front, back, ratio, least)
			}
		}
		for _, ground := range []string{"ground", "surface", "tint"} {
			for _, text := range []string{"ink", "quiet", "pine", "pine-deep"} {
				check(text, ground, 4.5)
			}
			check("red", ground, 4.5)
			check("edge", ground, 3)
			check("focus", ground, 3)
		}
		check("on-pine", "pine", 4.5)
		check("on-pine", "pine-deep", 4.5)
		check("ink", "red-tint", 4.5)
		check("red-deep", "red-tint", 4.5)
		check("surface", "ink", 4.5)
	}
}

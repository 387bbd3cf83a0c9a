package ui_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/issuer/ui/testdata/samples"
)

// payee shows a creditor and gives what the person reads.
func payee(t testing.TB, p *ui.Pages, creditor string) string {
	t.Helper()
	page := ui.Consent{Client: ui.Client{ID: "c"}, Details: []ui.Detail{{Title: "x", Creditor: creditor, Lines: []ui.Line{{Label: "l", Value: creditor}}}}}
	found := look(t, p, page, "en").class("payee")
	if len(found) == 0 {
		return ""
	}
	return found[0].tags("bdi")[0].text
}

// RFC 9396 §12: what stands in authorization details is hostile until shown.
func TestForeignTextIsMadeFitToShow(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Blue Kettle Tea", "Blue Kettle Tea"},
		{"other letters", "Café Zürich 茶 شاي чай", "Café Zürich 茶 شاي чай"},
		{"markup", `<b onclick="x">&amp;`, `<b onclick="x">&amp;`},
		{"right-to-left override", "Shop \u202Egpj.exe", "Shop gpj.exe"},
		{"embeddings and isolates", "a\u202Ab\u202Bc\u202Cd\u202De\u2066f\u2067g\u2068h\u2069i", "abcdefghi"},
		{"direction marks", "a\u200Eb\u200Fc\u061Cd", "abcd"},
		{"letters without width", "pay\u200Bp\u2060a\uFEFFl\u00ADx", "paypalx"},
		{"fillers that look like nothing", "a\u3164b\u115Fc\u1160d\uFFA0e", "abcde"},
		{"tag letters", "a\U000E0041b", "ab"},
		{"controls", "a\x00b\x07c\x1b[31md\u0085e", "abc[31md e"},
		{"lines", "a\r\nb\tc\u2028d\u2029e", "a b c d e"},
		{"spaces", "  a \u00A0\u3000 b  ", "a b"},
		{"joiners stay", "नी\u200Dक \u200Cمی", "नी\u200Dक \u200Cمی"},
		{"heaped accents", "a\u0301\u0301\u0301\u0301\u0301\u0301b", "a\u0301\u0301\u0301b"},
		{"broken UTF-8", "a\xffb", "a\uFFFDb"},
		{"long", strings.Repeat("w", 281), strings.Repeat("w", 280) + "…"},
		{"as long as may be", strings.Repeat("w", 280), strings.Repeat("w", 280)},
		{"long in letters, not bytes", strings.Repeat("ü", 280), strings.Repeat("ü", 280)},
		{"private use", "a\uE000b", "ab"},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := payee(t, pages, tt.in); got != tt.want {
				t.Errorf("%q is shown as %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// Who agrees to a detail has seen all of it (RFC 9396 §12), and a name of a client that fills the page is no name.
func TestBoundsOfForeignText(t *testing.T) {
	long := strings.Repeat("w", 5000)
	page := ui.Consent{Client: ui.Client{ID: long, Name: long}, Details: []ui.Detail{{Title: long, Lines: []ui.Line{{Label: long, Value: long[:4096]}, {Label: long, Value: long}}}}}
	doc := look(t, newPages(t, ui.Config{}), page, "en")
	values := doc.class("lines")[0].tags("bdi")
	if values[0].text != long[:4096] || values[1].text != long[:4096]+"…" {
		t.Errorf("values of %d and %d letters", len(values[0].text), len(values[1].text))
	}
	if name := doc.class("lead")[0].tags("bdi")[0].text; name != long[:80]+"…" {
		t.Errorf("a client's name of %d letters", len(name))
	}
}

func TestHostileTextStaysText(t *testing.T) {
	pages, all := newPages(t, ui.Config{}), samples.Pages()
	const sent = "</bdi></p><script>alert(1)</script>\"' onload=x" // goes back as it came, so it is not cleaned
	everywhere := ui.Account{
		Frame: ui.Frame{Signed: &ui.Who{Name: samples.Hostile, Username: samples.Hostile}, CSRF: sent, Hidden: []ui.Field{{Name: sent, Value: sent}}},
		Email: samples.Hostile, Notice: ui.NoNotice, Fault: samples.Hostile,
		Factors:  ui.Factors{Passkeys: []ui.Passkey{{ID: sent, Name: samples.Hostile}}, Add: &ui.Ceremony{Options: []byte(sent), State: sent}},
		Sessions: []ui.Session{{Agent: samples.Hostile, Address: samples.Hostile, ID: sent}},
		Grants:   []ui.Grant{{Client: ui.Client{Name: samples.Hostile}, Scopes: []ui.Scope{{Name: samples.Hostile}}, Details: []ui.Detail{{Title: samples.Hostile, Creditor: samples.Hostile}}}},
	}
	for name, page := range map[string]ui.Page{
		"consent": all["consent-hostile"], "error": all["error-hostile"], "account": everywhere,
		"login":    ui.Login{Username: samples.Hostile, Fault: samples.Hostile, Client: ui.Client{ID: samples.Hostile}, Passkey: &ui.Ceremony{Action: sent, Options: []byte(sent)}, MayCancel: true},
		"recovery": ui.RecoveryCodes{Codes: []string{samples.Hostile}},
		"enroll":   ui.EnrollTOTP{Secret: samples.Hostile, URL: samples.Hostile, PNG: []byte(samples.Hostile)},
		"name":     ui.NamePasskey{Current: samples.Hostile},
		"done":     ui.Done{What: samples.Hostile, Client: ui.Client{ID: "c", Name: samples.Hostile}},
	} {
		doc := look(t, pages, page, "en")
		for _, s := range doc.tags("script") {
			if !strings.HasPrefix(s.attr["src"], "/ui/passkey.") {
				t.Errorf("%s: a script that is not ours: %v %q", name, s.attr, s.words())
			}
		}
		for _, input := range doc.tags("input") {
			if input.attr["type"] != "hidden" && strings.ContainsAny(input.attr["value"], "\u202E\u2066\u200B\u0007") {
				t.Errorf("%s: an invisible letter got into the field %q", name, input.attr["name"])
			}
		}
		if strings.ContainsAny(doc.text, "\u202E\u2066\u200B\u0007") {
			t.Errorf("%s: an invisible letter got into the words", name)
		}
	}
}

// A link back that is no path of ours would be a way out to anywhere.
func TestHostileLinkBackIsNoScript(t *testing.T) {
	doc := look(t, newPages(t, ui.Config{}), samples.Pages()["error-hostile"], "en")
	for _, a := range doc.tags("main")[0].tags("a") {
		if strings.Contains(a.attr["href"], "javascript") {
			t.Errorf("href %q", a.attr["href"])
		}
	}
}

// Letters of another direction rearrange what stands beside them, unless they are isolated.
func TestForeignTextStandsInBDI(t *testing.T) {
	const name = "شركة"
	client := ui.Client{Name: name, ID: name, Origin: name}
	frame := ui.Frame{Signed: &ui.Who{Name: name, Username: name}}
	pages := newPages(t, ui.Config{Name: name})
	for _, page := range []ui.Page{
		ui.Login{Frame: frame, Client: client, MayCancel: true},
		ui.Login{Frame: frame},
		ui.Consent{Frame: frame, Client: client, Scopes: []ui.Scope{{Name: "x", Title: name}, {Name: name}}, Details: []ui.Detail{{Title: name, Creditor: name, Lines: []ui.Line{{Label: name, Value: name}}}}},
		ui.Account{Frame: frame, Email: name, Factors: ui.Factors{Passkeys: []ui.Passkey{{Name: name}}}, Sessions: []ui.Session{{Address: name}}, Grants: []ui.Grant{{Client: client}}},
		ui.Error{Code: "x", Client: client, Detail: name},
		ui.Done{Client: client},
	} {
		body := look(t, pages, page, "en").tags("body")[0]
		shown := 0
		for _, e := range body.all(func(e *element) bool { return len(e.children) == 0 && strings.Contains(e.text, name) }) {
			shown++
			label := e.tag == "dt" // words of whoever wrote the catalogue of details; alone in its element
			if e.tag != "bdi" && !e.within("bdi") && !label {
				t.Errorf("%T: <%s> %q is not isolated", page, e.tag, e.words())
			}
		}
		if shown == 0 {
			t.Errorf("%T does not show the name at all", page)
		}
	}
}

func FuzzForeignText(f *testing.F) {
	for _, s := range []string{"", "Blue Kettle", samples.Hostile, "\u202E\u2066", "a\u0301\u0301\u0301\u0301\u0301", "\xff\xfe", "{{.}}", "]]>", "<!--", "\x00"} {
		f.Add(s)
	}
	pages := newPages(f, ui.Config{})
	f.Fuzz(func(t *testing.T, s string) {
		shape := len(look(t, pages, hostileConsent("x"), "en").all(func(*element) bool { return true }))
		doc := look(t, pages, hostileConsent("x"+s), "en")
		if got := len(doc.all(func(*element) bool { return true })); got != shape {
			t.Errorf("%q makes a page of %d elements, not %d", s, got, shape)
		}
		for _, bdi := range doc.tags("main")[0].tags("bdi") {
			for _, r := range bdi.text {
				if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Errorf("%q shows %U", s, r)
				}
			}
			if len([]rune(bdi.text)) > 5200 {
				t.Errorf("%q shows %d letters", s[:20], len([]rune(bdi.text)))
			}
		}
	})
}

func hostileConsent(s string) ui.Page {
	return ui.Consent{
		Frame: ui.Frame{Signed: &ui.Who{Name: s, Username: s}}, Client: ui.Client{Name: s, ID: s, Origin: s},
		Scopes: []ui.Scope{{Name: "t", Title: s}}, Claims: []string{s},
		Details: []ui.Detail{{Title: s, Creditor: s, Amount: &ui.Money{Amount: s, Currency: s}, Lines: []ui.Line{
			{Label: s, Value: s}, {Label: s, Value: s, Kind: ui.IBAN}, {Label: s, Value: s, Kind: ui.Date}, {Label: s, Value: s, Kind: ui.Sum},
		}}},
	}
}

package ui

import (
	"bytes"
	"net/http"
	"strconv"
)

// view is what a template sees: the page, and what stands around it.
type view struct {
	Page     Page
	Frame    Frame
	Kind     string // name of the page
	Operator string
	Base     string
	Lang     string
	Choices  []choice
	Assets   map[string]string
}

// Asset gives the address of an embedded file.
func (v view) Asset(name string) string { return v.Base + "/ui/" + v.Assets[name] }

// A ceremony is what the form around a passkey's button needs.
type ceremony struct {
	Ceremony
	Frame  Frame
	Verb   string // get or create, of navigator.credentials
	Label  string // key of the button's words
	First  bool   // the main way on this page
	Script string // address
}

// Ceremony pairs a passkey ceremony with the frame whose fields go back with it.
func (v view) Ceremony(c *Ceremony, verb, label string, first bool) ceremony {
	return ceremony{Ceremony: *c, Frame: v.Frame, Verb: verb, Label: label, First: first, Script: v.Asset("passkey.js")}
}

// A confirmation is a button that asks once more before it does something.
type confirmation struct {
	Frame        Frame
	Do, ID, Name string
}

// Confirm gives the button that posts do, for the one of several that has this id and name.
func (v view) Confirm(do, id, name string) confirmation {
	return confirmation{Frame: v.Frame, Do: do, ID: id, Name: name}
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, page Page) {
	l := p.choose(r, page.frame().Locales)
	body, err := p.html(r, l, page)
	if err != nil {
		// A fault of the templates or catalogues: the tests render every page, so this is for what they have not thought of.
		setHeaders(w.Header(), "en", nil)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("server_error: this page could not be made\n"))
		return
	}
	p.remember(w, r)
	setHeaders(w.Header(), l.tag, page.frame().FormTargets)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the browser went away: nobody is left to tell
}

func (p *Pages) html(r *http.Request, l *locale, page Page) ([]byte, error) {
	var b bytes.Buffer
	err := l.pages[page.name()].ExecuteTemplate(&b, "layout", view{
		Page:     page,
		Frame:    page.frame(),
		Kind:     page.name(),
		Operator: p.config.Name,
		Base:     p.config.Base,
		Lang:     l.tag,
		Choices:  p.choices(r, l),
		Assets:   p.assets.names,
	})
	return b.Bytes(), err
}

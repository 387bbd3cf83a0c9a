package ui_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/issuer/ui/testdata/samples"
)

// An element of a page, as the tests look at it.
type element struct {
	tag      string
	attr     map[string]string
	parent   *element
	children []*element
	text     string // its own, and that of all below it
}

// void elements of HTML have no end tag.
var void = map[string]bool{"meta": true, "link": true, "img": true, "input": true, "br": true, "hr": true}

// parse reads a page and refuses what a browser would have to repair: a tag that is not closed or closed twice, an attribute
// given twice, a stray angle bracket.
func parse(body string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(body))
	d.Strict, d.Entity = false, xml.HTMLEntity
	root := &element{tag: "document"}
	at := root
	for {
		token, err := d.RawToken()
		if err == io.EOF && at == root {
			return root, nil
		}
		if err != nil {
			return nil, fmt.Errorf("inside <%s>: %w", at.tag, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e, err := newElement(token, at)
			if err != nil {
				return nil, err
			}
			if !void[e.tag] {
				at = e
			}
		case xml.EndElement:
			if token.Name.Local != at.tag {
				return nil, fmt.Errorf("</%s> closes <%s>", token.Name.Local, at.tag)
			}
			at = at.parent
		case xml.CharData:
			for e := at; e != nil; e = e.parent {
				e.text += string(token)
			}
		}
	}
}

func newElement(start xml.StartElement, parent *element) (*element, error) {
	e := &element{tag: start.Name.Local, attr: map[string]string{}, parent: parent}
	for _, a := range start.Attr {
		if _, twice := e.attr[a.Name.Local]; twice {
			return nil, fmt.Errorf("<%s> has %s twice", e.tag, a.Name.Local)
		}
		e.attr[a.Name.Local] = a.Value
	}
	parent.children = append(parent.children, e)
	return e, nil
}

// all gives the elements below e for which want holds, in the order of the page.
func (e *element) all(want func(*element) bool) []*element {
	var found []*element
	for _, c := range e.children {
		if want(c) {
			found = append(found, c)
		}
		found = append(found, c.all(want)...)
	}
	return found
}

func (e *element) tags(names ...string) []*element {
	return e.all(func(c *element) bool { return slices.Contains(names, c.tag) })
}

func (e *element) class(name string) []*element {
	return e.all(func(c *element) bool { return slices.Contains(strings.Fields(c.attr["class"]), name) })
}

// id gives the element with this id, or nil.
func (e *element) id(id string) *element {
	for _, c := range e.all(func(c *element) bool { return c.attr["id"] == id }) {
		return c
	}
	return nil
}

func (e *element) within(tag string) bool {
	for p := e.parent; p != nil; p = p.parent {
		if p.tag == tag {
			return true
		}
	}
	return false
}

// words are the text of an element with single spaces.
func (e *element) words() string { return strings.Join(strings.Fields(e.text), " ") }

func newPages(t testing.TB, c ui.Config) *ui.Pages {
	t.Helper()
	if c.Name == "" {
		c.Name = samples.Operator
	}
	pages, err := ui.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// get renders a page for a browser that asks for a language.
func get(p *ui.Pages, page ui.Page, language string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "https://id.bank.example/authorize?client_id=c", nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	p.Render(w, r, http.StatusOK, page)
	return w
}

// look renders a page and parses it.
func look(t testing.TB, p *ui.Pages, page ui.Page, language string) *element {
	t.Helper()
	w := get(p, page, language)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	doc, err := parse(w.Body.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, w.Body)
	}
	return doc
}

// everyPage runs a test for each sample in each language.
func everyPage(t *testing.T, test func(t *testing.T, doc *element, page ui.Page, language string)) {
	t.Helper()
	pages := newPages(t, ui.Config{})
	all := samples.Pages()
	for _, language := range []string{"en", "de"} {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			t.Run(language+"/"+name, func(t *testing.T) {
				test(t, look(t, pages, all[name], language), all[name], language)
			})
		}
	}
}

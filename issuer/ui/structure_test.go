package ui_test

import (
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/ui"
)

func TestPageHasOneTitleHeadingAndMain(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, language string) {
		for _, tag := range []string{"title", "h1", "main", "header"} {
			if found := doc.tags(tag); len(found) != 1 || tag != "main" && found[0].words() == "" {
				t.Errorf("%d of <%s>, or an empty one", len(found), tag)
			}
		}
		if got := doc.tags("html")[0].attr["lang"]; got != language {
			t.Errorf("html lang is %q", got)
		}
		level := 1
		for _, h := range doc.tags("h1", "h2", "h3") {
			next := int(h.tag[1] - '0')
			if next > level+1 {
				t.Errorf("heading %q skips a level", h.words())
			}
			level = next
		}
	})
}

func TestIDsAreUniqueAndWhatPointsToThemFindsThem(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, _ string) {
		seen := map[string]bool{}
		for _, e := range doc.all(func(e *element) bool { return e.attr["id"] != "" }) {
			if seen[e.attr["id"]] {
				t.Errorf("id %q comes twice", e.attr["id"])
			}
			seen[e.attr["id"]] = true
		}
		for _, pointer := range []string{"for", "form", "aria-describedby", "aria-labelledby"} {
			for _, e := range doc.all(func(e *element) bool { return e.attr[pointer] != "" }) {
				for id := range strings.FieldsSeq(e.attr[pointer]) {
					if !seen[id] {
						t.Errorf("<%s %s=%q> points nowhere", e.tag, pointer, id)
					}
				}
			}
		}
	})
}

// The policy forbids them all, so each would be something that looks right in the template and does nothing.
func TestNothingInlineAndNothingFromElsewhere(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, _ string) {
		if found := doc.tags("style", "iframe", "object", "embed", "base"); len(found) > 0 {
			t.Errorf("<%s> in the page", found[0].tag)
		}
		for _, e := range doc.all(func(*element) bool { return true }) {
			for name, value := range e.attr {
				switch {
				case name == "style" || strings.HasPrefix(name, "on"):
					t.Errorf("<%s> has an inline %s", e.tag, name)
				case name == "src" && !strings.HasPrefix(value, "/ui/") && !strings.HasPrefix(value, "data:image/png;base64,"):
					t.Errorf("<%s src=%q>", e.tag, value)
				case name == "href" && !isOwnLink(value):
					t.Errorf("<%s href=%q>", e.tag, value)
				}
			}
			if e.tag == "script" && (e.attr["src"] == "" || e.words() != "") {
				t.Errorf("a script without src: %q", e.words())
			}
		}
	})
}

func isOwnLink(s string) bool {
	return strings.HasPrefix(s, "?") || strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") ||
		strings.HasPrefix(s, "otpauth://totp/") || s == "#ZgotmplZ" || s == ""
}

func TestFormsCarryTheTokenAndStayHere(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, page ui.Page, _ string) {
		for _, form := range doc.tags("form") {
			if form.attr["method"] != "post" || !strings.HasPrefix(form.attr["action"], "/") {
				t.Errorf("form method %q action %q", form.attr["method"], form.attr["action"])
			}
			values := map[string]string{}
			for _, input := range form.tags("input") {
				if input.attr["type"] == "hidden" {
					values[input.attr["name"]] = input.attr["value"]
				}
			}
			if values["csrf"] != "csrf-value" || values["request"] != "hidden-value" {
				t.Errorf("form %q of %T posts %v", form.attr["action"], page, values)
			}
		}
	})
}

func TestControlsHaveNames(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, _ string) {
		labels := map[string]string{}
		for _, l := range doc.tags("label") {
			labels[l.attr["for"]] = l.words()
		}
		for _, input := range doc.tags("input") {
			if input.attr["type"] == "hidden" {
				continue
			}
			if labels[input.attr["id"]] == "" && input.attr["aria-label"] == "" {
				t.Errorf("input %q has no label", input.attr["name"])
			}
			if input.attr["autocomplete"] == "" || input.attr["maxlength"] == "" && input.attr["readonly"] == "" && !hasAttr(input, "readonly") {
				t.Errorf("input %q has no autocomplete, or no bound", input.attr["name"])
			}
		}
		for _, b := range doc.tags("button", "a", "summary") {
			if b.words() == "" || b.tag == "button" && b.attr["type"] != "submit" {
				t.Errorf("<%s id=%q> has no words, or no type", b.tag, b.attr["id"])
			}
		}
		for _, img := range doc.tags("img") {
			if !hasAttr(img, "alt") {
				t.Errorf("img %q has no alt", img.attr["src"])
			}
		}
		for _, svg := range doc.tags("svg") {
			if svg.attr["aria-hidden"] != "true" {
				t.Error("a drawing that is read out")
			}
		}
	})
}

func hasAttr(e *element, name string) bool {
	_, ok := e.attr[name]
	return ok
}

// Two buttons that do different things are told apart by their names, also by who hears only the names.
func TestButtonsOfOnePageDiffer(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, _ string) {
		seen := map[string]bool{}
		for _, b := range doc.tags("button", "summary") {
			if b.within("details") && b.tag == "button" {
				continue // its summary tells which one
			}
			if seen[b.words()] {
				t.Errorf("two controls are called %q", b.words())
			}
			seen[b.words()] = true
		}
	})
}

func TestFaultIsReadOutAndPointedTo(t *testing.T) {
	everyPage(t, func(t *testing.T, doc *element, _ ui.Page, _ string) {
		fault := doc.id("fault")
		if fault == nil {
			return
		}
		if fault.attr["role"] != "alert" || fault.words() == "" {
			t.Errorf("role %q, words %q", fault.attr["role"], fault.words())
		}
		if len(doc.tags("label")) > 0 && len(doc.all(func(e *element) bool { return strings.Contains(e.attr["aria-describedby"], "fault") })) == 0 {
			t.Error("no field is described by the fault")
		}
	})
}

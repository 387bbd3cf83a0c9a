package ui

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

//go:embed words templates
var embedded embed.FS

// ours is text that this package made, or made fit to show: it goes into a sentence as it is.
type ours string

// A locale is one language: its catalogue, and the templates that speak it.
type locale struct {
	tag   string
	words map[string]string // key -> sentence, with {places} for what is put in
	zone  *time.Location
	pages map[string]*template.Template
}

// pageNames are the templates that stand alone; layout.html and parts.html belong to all of them.
var pageNames = [...]string{"login", "second", "choose", "consent", "account", "password", "enroll", "recovery", "name", "error", "done"}

func readLocale(tag string, zone *time.Location) (*locale, error) {
	l := &locale{tag: tag, zone: zone, pages: map[string]*template.Template{}}
	catalogue, err := embedded.ReadFile("words/" + tag + ".json")
	if err != nil {
		return nil, fmt.Errorf("ui: reading the words of %s: %w", tag, err)
	}
	if err := json.Unmarshal(catalogue, &l.words); err != nil {
		return nil, fmt.Errorf("ui: the words of %s: %w", tag, err)
	}
	common, err := template.New("").Funcs(l.functions()).Option("missingkey=error").ParseFS(embedded, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("ui: templates for all pages: %w", err)
	}
	for _, name := range pageNames {
		page, err := common.Clone()
		if err == nil {
			page, err = page.ParseFS(embedded, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("ui: template %s: %w", name, err)
		}
		l.pages[name] = page
	}
	return l, nil
}

// say gives a sentence as HTML. Each value that is put in is escaped and stands in a <bdi> of its own.
func (l *locale) say(key string, pairs ...any) (template.HTML, error) {
	sentence, err := l.fill(key, pairs, template.HTMLEscapeString, func(v any) (string, error) {
		switch v := v.(type) {
		case template.HTML: // made by another function of the template
			return string(v), nil
		case string:
			return "<bdi>" + template.HTMLEscapeString(foreign(v, longestName)) + "</bdi>", nil
		case int:
			return strconv.Itoa(v), nil
		}
		return "", fmt.Errorf("ui: %s cannot hold a %T", key, v)
	})
	return template.HTML(sentence), err //nolint:gosec // each piece of it is escaped just above
}

// text gives a sentence as plain text, for titles and attributes. Values are isolated as <bdi> would isolate them.
func (l *locale) text(key string, pairs ...any) (string, error) {
	return l.fill(key, pairs, func(s string) string { return s }, func(v any) (string, error) {
		switch v := v.(type) {
		case ours:
			return string(v), nil
		case string:
			return "\u2068" + foreign(v, longestName) + "\u2069", nil
		case int:
			return strconv.Itoa(v), nil
		}
		return "", fmt.Errorf("ui: %s cannot hold a %T", key, v)
	})
}

// count gives the sentence for a number: the key with ".one" or ".other". Both languages tell one from many, and no more.
func (l *locale) count(key string, n int) (string, error) {
	if n == 1 {
		return l.text(key+".one", "n", n)
	}
	return l.text(key+".other", "n", n)
}

// known tells whether there are words for a key, for keys that come from outside.
func (l *locale) known(key string) bool { return l.words[key] != "" }

// fill puts values into the places of a sentence. A sentence, place or value that is missing is an error, so that a
// catalogue with a hole cannot show one.
func (l *locale) fill(key string, pairs []any, piece func(string) string, value func(any) (string, error)) (string, error) {
	rest, ok := l.words[key]
	if !ok {
		return "", fmt.Errorf("ui: no words for %q in %s", key, l.tag)
	}
	var b strings.Builder
	for {
		before, after, more := strings.Cut(rest, "{")
		b.WriteString(piece(before))
		if !more {
			return b.String(), nil
		}
		place, behind, _ := strings.Cut(after, "}")
		v, err := pick(pairs, place)
		if err != nil {
			return "", fmt.Errorf("ui: %s: %w", key, err)
		}
		written, err := value(v)
		if err != nil {
			return "", err
		}
		b.WriteString(written)
		rest = behind
	}
}

func pick(pairs []any, place string) (any, error) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == place {
			return pairs[i+1], nil
		}
	}
	return nil, fmt.Errorf("nothing given for {%s}", place)
}

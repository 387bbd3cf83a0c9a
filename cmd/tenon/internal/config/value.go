package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// defaults writes the default of every setting of a struct. A default is text, read like text from the file, so that what the
// manual prints is what happens.
func (r *reader) defaults(v reflect.Value) {
	for _, s := range settingsOf(v) {
		text, ok := s.tag.Lookup("default")
		switch {
		case s.isGroup():
			r.defaults(s.value)
		case ok && s.value.Kind() == reflect.Slice:
			s.value.Set(reflect.ValueOf(strings.Fields(text)))
		case ok:
			r.set(mark{1, 1}, s, s.name, text)
		}
	}
}

// scalar gives the text of a node that is one word, number or piece of text of the kind that the setting is.
func (r *reader) scalar(node ast.Node, s setting, path string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode:
		text := node.GetToken().Value
		if s.value.Type() == reflect.TypeFor[string]() || s.value.Type() == reflect.TypeFor[Path]() {
			r.fault(place(node), path, "%s is text: write %q, in quotes", path, text)
			return "", false
		}
		return text, true
	case *ast.NullNode:
		r.fault(place(node), path, "%s is empty: give it a value, or remove the line to have the default", path)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		r.fault(place(node), path, "%s uses an anchor, an alias or a tag: write the value itself", path)
	default:
		r.fault(place(node), path, "%s is one value, not a list or a group", path)
	}
	return "", false
}

// set parses text as what the setting is and stores it.
func (r *reader) set(at mark, s setting, path, text string) {
	if words := s.words(); len(words) > 0 && !slices.Contains(words, text) {
		r.fault(at, path, "%s cannot be %q: %s", path, text, oneOf(text, words))
		return
	}
	switch s.value.Interface().(type) {
	case string:
		s.value.SetString(text)
	case Path:
		s.value.SetString(string(resolve(r.dir, text)))
	case bool:
		if text != "true" && text != "false" {
			r.fault(at, path, "%s cannot be %q: write true or false", path, text)
			return
		}
		s.value.SetBool(text == "true")
	default:
		r.setNumber(at, s, path, text)
	}
}

// setNumber stores a number, a size or a duration within its bounds.
func (r *reader) setNumber(at mark, s setting, path, text string) {
	n, err := parseNumber(s, text)
	if err != nil {
		r.fault(at, path, "%s cannot be %q: %v", path, text, err)
		return
	}
	least, most := s.tag.Get("min"), s.tag.Get("max")
	low, _ := parseNumber(s, least) // the tags are checked by a test
	high, _ := parseNumber(s, most)
	if n < low || n > high {
		r.fault(at, path, "%s cannot be %s: write a value from %s to %s", path, text, least, most)
		return
	}
	s.value.SetInt(n)
}

func parseNumber(s setting, text string) (int64, error) {
	switch s.value.Interface().(type) {
	case time.Duration:
		d, err := parseDuration(text)
		return int64(d), err
	case Size:
		size, err := parseSize(text)
		return int64(size), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("write a whole number")
	}
	return n, nil
}

func oneOf(text string, words []string) string {
	choice := words[0]
	if last := len(words) - 1; last > 0 {
		choice = strings.Join(words[:last], ", ") + " or " + words[last]
	}
	if near := nearest(text, words); near != "" {
		return fmt.Sprintf("did you mean %q? It can be %s", near, choice)
	}
	return "it can be " + choice
}

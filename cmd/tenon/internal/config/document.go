package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile bounds the file before it is parsed.
const maxFile = 1 << 20

// A source remembers what was read: where each setting was written, for faults that are found later.
type source struct {
	path  string
	dir   string
	text  []byte
	marks map[string]mark // by the setting's path
}

type mark struct{ line, column int }

// written reports whether the file has the setting, rather than the default.
func (s *source) written(path string) bool {
	_, ok := s.marks[path]
	return ok
}

// nearestMark gives where the setting, or the group that would hold it, is written.
func (s *source) nearestMark(path string) mark {
	for ; path != ""; path = parent(path) {
		if at, ok := s.marks[path]; ok {
			return at
		}
	}
	return mark{1, 1}
}

func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return ""
}

// A reader fills the structs from a YAML tree and collects the faults.
type reader struct {
	source
	faults Faults
}

func (r *reader) fault(at mark, setting, format string, args ...any) {
	r.faults.List = append(r.faults.List, Fault{at.line, at.column, setting, fmt.Sprintf(format, args...)})
}

// read fills config, which holds nothing but zero values.
func (r *reader) read(config *Config) {
	r.defaults(reflect.ValueOf(config).Elem())
	if len(r.text) > maxFile {
		r.fault(mark{1, 1}, "", "the file is larger than %s", Size(maxFile))
		return
	}
	file, err := parser.ParseBytes(r.text, 0, parser.AllowDuplicateMapKey()) // duplicates are reported with the rest
	if err != nil {
		r.syntax(err)
		return
	}
	var root ast.Node
	for i, document := range file.Docs {
		if i > 0 && document.Body != nil {
			r.fault(place(document.Body), "", "a second document: everything belongs into the first")
		}
		if i == 0 {
			root = document.Body
		}
	}
	r.group(root, reflect.ValueOf(config).Elem(), "")
}

func (r *reader) syntax(err error) {
	at, text := mark{1, 1}, err.Error()
	var bad *yaml.SyntaxError
	if errors.As(err, &bad) {
		text = bad.Message
		if bad.Token != nil && bad.Token.Position != nil {
			at = positionOf(bad.Token)
		}
	}
	r.fault(at, "", "this is not YAML: %s", text)
}

// group reads a mapping into a struct. A nil node is a group that is not written.
func (r *reader) group(node ast.Node, v reflect.Value, path string) {
	settings := settingsOf(v)
	seen := map[string]bool{}
	for _, entry := range r.entries(node, path) {
		name := keyName(entry.Key)
		at := place(entry.Key)
		known := find(settings, name)
		switch {
		case known == nil:
			r.unknown(at, name, settings, path)
			continue
		case seen[name]:
			r.fault(at, join(path, name), "setting %q is written twice: remove one", name)
			continue
		}
		seen[name] = true
		r.marks[join(path, name)] = at
		r.value(entry.Value, *known, join(path, name))
	}
	r.required(settings, seen, node, path)
}

func (r *reader) entries(node ast.Node, path string) []*ast.MappingValueNode {
	switch n := node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.NullNode:
		r.fault(place(n), path, "%s is empty: give it settings, or remove the line", path)
	default:
		what := "the file"
		if path != "" {
			what = path
		}
		r.fault(place(n), path, "%s holds settings, each written as \"name: value\"", what)
	}
	return nil
}

func (r *reader) unknown(at mark, name string, settings []setting, path string) {
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
	}
	hint := "there are " + strings.Join(names, ", ")
	if near := nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	r.fault(at, join(path, name), "unknown setting %q: %s", name, hint)
}

func (r *reader) required(settings []setting, seen map[string]bool, node ast.Node, path string) {
	for _, s := range settings {
		example := s.tag.Get("required")
		if example != "" && !seen[s.name] {
			at := r.nearestMark(path)
			if node != nil {
				at = place(node)
			}
			r.fault(at, join(path, s.name), "%s is missing: write, for example, \"%s: %s\"", join(path, s.name), s.name, example)
		}
		if s.isGroup() && !seen[s.name] {
			r.group(nil, s.value, join(path, s.name))
		}
	}
}

// value reads one setting's node.
func (r *reader) value(node ast.Node, s setting, path string) {
	switch {
	case s.isGroup():
		r.group(node, s.value, path)
	case s.value.Kind() == reflect.Slice:
		r.list(node, s, path)
	default:
		if text, ok := r.scalar(node, s, path); ok {
			r.set(place(node), s, path, text)
		}
	}
}

// list reads a sequence; the list that is written replaces the default.
func (r *reader) list(node ast.Node, s setting, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		r.fault(place(node), path, "%s is a list: write [one, two], or one a line after \"- \"", path)
		return
	}
	s.value.Set(reflect.MakeSlice(s.value.Type(), len(sequence.Values), len(sequence.Values)))
	for i, item := range sequence.Values {
		element := s
		element.value = s.value.Index(i)
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		r.marks[itemPath] = place(item)
		if element.isGroup() {
			r.defaults(element.value)
		}
		r.value(item, element, itemPath)
	}
}

func find(settings []setting, name string) *setting {
	for i := range settings {
		if settings[i].name == name {
			return &settings[i]
		}
	}
	return nil
}

func keyName(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.String()
}

// place gives where a node starts; for a mapping, where its first name does.
func place(node ast.Node) mark {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	}
	return positionOf(node.GetToken())
}

func positionOf(t *token.Token) mark {
	if t == nil || t.Position == nil {
		return mark{1, 1}
	}
	return mark{max(1, t.Position.Line), max(1, t.Position.Column)}
}

package config

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Show writes the effective configuration as a file that reads back as the same: every setting with its comment, defaults
// marked as such, what is not set after a "#".
func (c *Config) Show() ([]byte, error) {
	return c.write(func(path string, s setting) state {
		switch {
		case c.source.written(path):
			return given
		case s.value.IsZero():
			return absent
		}
		return defaulted
	})
}

// Template writes a configuration file to start from: the settings of base that it names are set, all others are there with
// their comment and default, after a "#".
func Template(base string) ([]byte, error) {
	c, r := decode(source{path: "tenon.yaml", text: []byte(base)}) // no dir: what is written relative stays relative
	if err := r.faults.asError(); err != nil {
		return nil, err
	}
	return c.write(func(path string, _ setting) state {
		if c.source.written(path) {
			return given
		}
		return absent
	})
}

// A state is how a setting is written.
type state int

const (
	absent    state = iota // after a "#"
	given                  // as it is
	defaulted              // as it is, marked as the default
)

type writer struct {
	bytes.Buffer
	manual map[string]string
	state  func(path string, s setting) state
}

func (c *Config) write(state func(string, setting) state) ([]byte, error) {
	texts, err := manual()
	if err != nil {
		return nil, err
	}
	w := &writer{manual: texts, state: state}
	w.group(settingsOf(reflect.ValueOf(c).Elem()), "", "")
	return bytes.TrimLeft(w.Bytes(), "\n"), nil
}

// group writes the settings of one group and reports whether any of them is set.
func (w *writer) group(settings []setting, path, indent string) bool {
	any := false
	for _, s := range settings {
		w.WriteString("\n")
		w.comment(s, indent)
		at := join(path, s.name)
		switch {
		case s.isGroup():
			any = w.subgroup(s, at, indent) || any
		case s.value.Type() == reflect.TypeFor[[]Client]():
			any = w.clients(s, indent) || any
		default:
			any = w.line(s, at, indent) || any
		}
	}
	return any
}

func (w *writer) comment(s setting, indent string) {
	text := w.manual[s.owner+"."+s.field]
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		w.WriteString(indent + "# " + line + "\n")
	}
}

// subgroup writes the name of a group above its settings; when none of them is set, after a "#" as well, because a group
// without settings is a fault.
func (w *writer) subgroup(s setting, path, indent string) bool {
	inner := &writer{manual: w.manual, state: w.state}
	any := inner.group(settingsOf(s.value), path, indent+"  ")
	w.WriteString(hidden(any, indent) + s.name + ":\n")
	w.Write(bytes.TrimLeft(inner.Bytes(), "\n")) // no empty line below the name
	return any
}

// clients writes the declared clients; where there are none, everything that one can have, after a "#".
func (w *writer) clients(s setting, indent string) bool {
	if s.value.Len() == 0 {
		example := reflect.New(s.value.Type().Elem()).Elem()
		new(reader).defaults(example)
		inner := &writer{manual: w.manual, state: func(string, setting) state { return absent }}
		inner.group(settingsOf(example), "", indent+"    ")
		w.WriteString("#" + indent + s.name + ":\n#" + indent + "  -\n")
		w.Write(bytes.TrimLeft(inner.Bytes(), "\n"))
		return false
	}
	w.WriteString(indent + s.name + ":\n")
	for i := range s.value.Len() {
		mark := "- "
		for _, field := range settingsOf(s.value.Index(i)) {
			if field.value.IsZero() {
				continue
			}
			fmt.Fprintf(w, "%s  %s%s: %s\n", indent, mark, field.name, w.text(field))
			mark = "  "
		}
	}
	return true
}

func (w *writer) line(s setting, path, indent string) bool {
	how := w.state(path, s)
	line := hidden(how != absent, indent) + s.name + ":"
	if text := w.text(s); text != "" {
		line += " " + text
	} else if example := s.tag.Get("required"); example != "" {
		line += " " + example
	}
	if how == defaulted {
		line += "  # default"
	}
	w.WriteString(line + "\n")
	return how != absent
}

// hidden gives the start of a line: a "#" before the indent makes a setting that only wants its "#" removed.
func hidden(shown bool, indent string) string {
	if shown {
		return indent
	}
	return "#" + indent
}

// text writes a value as YAML; "" when there is none.
func (w *writer) text(s setting) string {
	switch v := s.value.Interface().(type) {
	case string:
		return quote(v)
	case Path:
		return quote(string(v))
	case []string:
		return list(v)
	case []Path:
		return list(v)
	case time.Duration:
		return FormatDuration(v)
	case Size:
		return v.String()
	}
	return fmt.Sprint(s.value.Interface())
}

func list[T ~string](values []T) string {
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, quote(string(v)))
	}
	if quoted == nil {
		return ""
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// plain is text that YAML reads as itself, also in a flow list: it starts with a letter, a slash or a dot.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/_.:=-]*[A-Za-z0-9/_-]$|^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:[0-9]+$`)

func quote(text string) string {
	if text == "" {
		return ""
	}
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no":
		return strconv.Quote(text)
	}
	if plain.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

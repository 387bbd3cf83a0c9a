package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// profileFile reads a client file strictly and collects its faults, each with its line.
type profileFile struct {
	path   string
	faults []error
}

// parseProfile reads a client file. A name that is not known, one that comes twice and a value that is not text are faults:
// a setting that is silently left out makes a client that asks for something else than its owner thinks.
func parseProfile(path string, data []byte) (*clientProfile, error) {
	f := &profileFile{path: path}
	p := &clientProfile{}
	for _, entry := range f.entries(data) {
		f.set(p, entry)
	}
	return p, errors.Join(f.faults...)
}

func (f *profileFile) fault(at *token.Token, format string, args ...any) {
	line, column := 1, 1
	if at != nil && at.Position != nil {
		line, column = at.Position.Line, at.Position.Column
	}
	f.faults = append(f.faults, fmt.Errorf("%s:%d:%d: %s", f.path, line, column, fmt.Sprintf(format, args...)))
}

// entries gives the settings of the one mapping that the file is.
func (f *profileFile) entries(data []byte) []*ast.MappingValueNode {
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // duplicates are found with the rest
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			f.fault(syntax.Token, "not YAML: %s", syntax.Message)
		} else {
			f.fault(nil, "not YAML: %v", err)
		}
		return nil
	}
	var found []*ast.MappingValueNode
	for i, document := range file.Docs {
		if document.Body != nil && i > 0 {
			f.fault(document.Body.GetToken(), "a second document: a client file has one")
			break
		}
		switch body := document.Body.(type) {
		case nil:
		case *ast.MappingNode:
			found = body.Values
		case *ast.MappingValueNode:
			found = []*ast.MappingValueNode{body}
		default:
			f.fault(body.GetToken(), "a client file is lines of \"name: value\"")
		}
	}
	return found
}

// set puts one entry where it belongs. A setting that has a value already comes twice.
func (f *profileFile) set(p *clientProfile, entry *ast.MappingValueNode) {
	key := entry.Key.GetToken()
	name := key.Value
	if name == "resource" {
		if p.Resource != nil {
			f.fault(key, "%q comes twice", name)
			return
		}
		p.Resource = f.list(name, entry.Value)
		return
	}
	settings := p.settings()
	field := settings[name]
	if field == nil {
		f.fault(key, "unknown setting %q%s", name, didYouMean(name, settings))
		return
	}
	if *field != "" {
		f.fault(key, "%q comes twice", name)
		return
	}
	*field = f.text(name, entry.Value)
}

// settings gives the text settings by name.
func (p *clientProfile) settings() map[string]*string {
	return map[string]*string{
		"issuer": &p.Issuer, "client_id": &p.ClientID, "dpop_key": &p.DPoPKey,
		"assertion_key": &p.AssertionKey, "assertion_key_id": &p.AssertionKeyID,
		"cert": &p.Certificate, "cert_key": &p.CertificateKey, "ca": &p.CA, "scope": &p.Scope,
	}
}

func (f *profileFile) text(name string, node ast.Node) string {
	s, ok := node.(*ast.StringNode)
	switch {
	case !ok:
		f.fault(node.GetToken(), "%s must be text; put other values into quotes", name)
		return ""
	case s.Value == "":
		f.fault(node.GetToken(), "%s is empty: leave the line out", name)
	}
	return s.Value
}

func (f *profileFile) list(name string, node ast.Node) []string {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		return []string{f.text(name, node)}
	}
	values := []string{}
	for _, value := range sequence.Values {
		values = append(values, f.text(name, value))
	}
	return values
}

// didYouMean names the setting that is spelt most alike, or all of them.
func didYouMean(name string, settings map[string]*string) string {
	known := []string{"resource"}
	for k := range settings {
		known = append(known, k)
	}
	slices.Sort(known)
	for _, k := range known {
		if alike(strings.ToLower(name), k) {
			return fmt.Sprintf(": did you mean %q?", k)
		}
	}
	return ": known are " + strings.Join(known, ", ")
}

// alike reports whether a becomes b by changing, adding or dropping at most one letter, or when one is the start of the other.
func alike(a, b string) bool {
	a, b = strings.ReplaceAll(a, "-", "_"), strings.ReplaceAll(b, "-", "_")
	start := 0
	for start < min(len(a), len(b)) && a[start] == b[start] {
		start++
	}
	end := 0
	for end < min(len(a), len(b))-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	left := max(len(a), len(b)) - start - end
	return left <= 1 || start >= 4 && start == min(len(a), len(b))
}

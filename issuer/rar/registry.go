package rar

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Registry holds the types that a server knows. It is safe for concurrent use.
type Registry struct {
	types map[string]*registered
	words map[string]catalogue // by language
}

type registered struct {
	Type
	schema *jsonschema.Schema
}

// NewRegistry compiles the schemas of types and says all that is wrong with them at once. No types is a registry that
// refuses everything.
func NewRegistry(types ...Type) (*Registry, error) {
	words, err := loadWords()
	if err != nil {
		return nil, err
	}
	r := &Registry{types: map[string]*registered{}, words: words}
	var faults []error
	for _, t := range types {
		if err := r.add(t); err != nil {
			faults = append(faults, fmt.Errorf("rar: type %q: %w", t.Name, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return r, nil
}

func (r *Registry) add(t Type) error {
	if t.Name == "" || len(t.Name) > maxName || !showable(t.Name) {
		return fmt.Errorf("a name has 1 to %d bytes that can be shown", maxName)
	}
	if r.types[t.Name] != nil {
		return errors.New("is registered twice")
	}
	schema, err := compileSchema(t.Schema)
	if err != nil {
		return err
	}
	r.types[t.Name] = &registered{Type: t, schema: schema}
	return nil
}

// Names lists the types in alphabetical order: authorization_details_types_supported (RFC 9396 §10).
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.types)) }

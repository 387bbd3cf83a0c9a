package rar

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Within says why asked is more than granted; nil means that it is the same or less (RFC 9396 §6). Every asked detail
// needs a granted one that it is within, and one of its own unless the type is shared. The error is a [*tenon.Error] with
// the code invalid_authorization_details.
func (r *Registry) Within(asked, granted Details) error {
	m := matching{registry: r, asked: asked, granted: granted, taker: make([]int, len(granted))}
	for i := range m.taker {
		m.taker[i] = free
	}
	for i, d := range asked {
		if !m.place(i, make([]bool, len(granted))) {
			return refuse("narrow", "authorization_details[%d] (%s) asks for more than was granted%s", i, d.Type, m.why(d))
		}
	}
	return nil
}

// A matching gives each asked detail a granted one. Two asked payments may both fit one of two granted ones, and only one
// of them the other: whoever came first gives way when there is another place (augmenting paths).
type matching struct {
	registry       *Registry
	asked, granted Details
	taker          []int // index of the asked detail that holds a granted one, or free
}

const free = -1

func (m *matching) place(i int, tried []bool) bool {
	for g, d := range m.granted {
		if tried[g] || m.registry.within(m.asked[i], d) != nil {
			continue
		}
		if m.registry.shared(d.Type) {
			return true
		}
		tried[g] = true
		if m.taker[g] == free || m.place(m.taker[g], tried) {
			m.taker[g] = i
			return true
		}
	}
	return false
}

// why tells what is too much, when there is just one granted detail that it can be held against.
func (m *matching) why(asked Detail) string {
	same := slices.DeleteFunc(slices.Clone(m.granted), func(d Detail) bool { return d.Type != asked.Type })
	if len(same) == 1 {
		if err := m.registry.within(asked, same[0]); err != nil {
			return ": " + err.Error()
		}
	}
	return ""
}

func (r *Registry) shared(name string) bool {
	t := r.types[name]
	return t != nil && t.Shared
}

// within compares two details by the rule of their type. A type that is no longer registered has the strictest rule.
func (r *Registry) within(asked, granted Detail) error {
	switch t := r.types[asked.Type]; {
	case asked.Type != granted.Type:
		return errors.New("the types differ")
	case t == nil || t.Within == nil:
		return equal(asked, granted)
	default:
		return t.Within(asked, granted)
	}
}

// equal compares two objects by what they say, not by the order in which they say it.
func equal(asked, granted Detail) error {
	a, err := jsonschema.UnmarshalJSON(bytes.NewReader(asked.Raw))
	if err != nil {
		return err
	}
	b, err := jsonschema.UnmarshalJSON(bytes.NewReader(granted.Raw))
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(a, b) {
		return errors.New("it is not the object that was granted")
	}
	return nil
}

// subset compares two sets of words, where leaving them out means all of them: locations (RFC 9396 §2.2).
func subset(what string, asked, granted []string) error {
	switch {
	case granted == nil:
		return nil
	case asked == nil:
		return fmt.Errorf("%s are not limited any more", what)
	}
	for _, a := range asked {
		if !slices.Contains(granted, a) {
			return fmt.Errorf("%s have a new member", what)
		}
	}
	return nil
}

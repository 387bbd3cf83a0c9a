package strictjson

import (
	"errors"
	"fmt"
	"slices"
)

// Limits on what is read. A JWT that Tenon has to do with needs a fraction of them.
const (
	MaxDepth   = 16
	MaxMembers = 64
)

// Object reads the JSON object in data and calls visit for each member in the order written. It stops at the first error,
// its own or visit's. Name and value stay valid only as long as data does.
func Object(data []byte, visit func(name string, v Value) error) error {
	s := scanner{data: data}
	s.space()
	if err := s.object(0, visit); err != nil {
		return err
	}
	s.space()
	if s.pos != len(data) {
		return errors.New("data after the JSON object")
	}
	return nil
}

// object reads one object at the given depth; visit may be nil, and then the object is only checked.
func (s *scanner) object(depth int, visit func(string, Value) error) error {
	if err := s.open('{', depth); err != nil {
		return err
	}
	if s.accept('}') {
		return nil
	}
	var room [16]string // most objects fit, and then the names cost no allocation
	names := room[:0]
	for {
		name, err := s.memberName()
		if err != nil {
			return err
		}
		if slices.Contains(names, name) {
			return fmt.Errorf("member %q comes twice", name)
		}
		if names = append(names, name); len(names) > MaxMembers {
			return fmt.Errorf("more than %d members", MaxMembers)
		}
		v, err := s.value(depth)
		if err != nil {
			return err
		}
		if visit != nil {
			if err := visit(name, v); err != nil {
				return err
			}
		}
		if s.space(); s.accept('}') {
			return nil
		}
		if !s.accept(',') {
			return s.unexpected("',' or '}'")
		}
		s.space()
	}
}

// array reads one array at the given depth.
func (s *scanner) array(depth int, visit func(Value) error) error {
	if err := s.open('[', depth); err != nil {
		return err
	}
	if s.accept(']') {
		return nil
	}
	for {
		v, err := s.value(depth)
		if err != nil {
			return err
		}
		if visit != nil {
			if err := visit(v); err != nil {
				return err
			}
		}
		if s.space(); s.accept(']') {
			return nil
		}
		if !s.accept(',') {
			return s.unexpected("',' or ']'")
		}
		s.space()
	}
}

func (s *scanner) open(bracket byte, depth int) error {
	if depth >= MaxDepth {
		return fmt.Errorf("nested deeper than %d levels", MaxDepth)
	}
	if !s.accept(bracket) {
		return s.unexpected("'" + string(bracket) + "'")
	}
	s.space()
	return nil
}

func (s *scanner) memberName() (string, error) {
	raw, err := s.text()
	if err != nil {
		return "", err
	}
	name, err := raw.Str()
	if err != nil {
		return "", err
	}
	if s.space(); !s.accept(':') {
		return "", s.unexpected("':'")
	}
	s.space()
	return name, nil
}

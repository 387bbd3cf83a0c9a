package rar

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Detail is one object of authorization_details (RFC 9396 §2). It is made by [Registry.Parse], or read back from a place
// where only such details were put.
type Detail struct {
	Type string
	// Raw is the object as it was sent, without white space between its parts.
	Raw json.RawMessage
}

// Details are the objects of one authorization_details parameter, in the order sent.
type Details []Detail

// For gives what concerns one resource: the details that name it in their locations, and those that name no location at
// all (RFC 9396 §3.2, §9.1). Locations are compared exactly. An empty resource means all of them.
func (d Details) For(resource string) Details {
	if resource == "" {
		return slices.Clone(d)
	}
	return slices.DeleteFunc(slices.Clone(d), func(one Detail) bool {
		locations, named := one.strings("locations")
		return named && !slices.Contains(locations, resource)
	})
}

// Types lists the types that occur, each once, in the order of their first occurrence.
func (d Details) Types() []string {
	var types []string
	for _, one := range d {
		if !slices.Contains(types, one.Type) {
			types = append(types, one.Type)
		}
	}
	return types
}

// MarshalJSON gives the array that was read. No details are an empty array.
func (d Details) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, one := range d {
		if i > 0 {
			b.WriteByte(',')
		}
		raw, err := one.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b.Write(raw)
	}
	b.WriteByte(']')
	return b.Bytes(), nil
}

// MarshalJSON gives the object that was read.
func (d Detail) MarshalJSON() ([]byte, error) {
	if len(d.Raw) == 0 {
		return nil, errors.New("rar: an empty detail")
	}
	return d.Raw, nil
}

// UnmarshalJSON reads back what MarshalJSON wrote. It checks the form only: whatever comes from outside goes through
// [Registry.Parse].
func (d *Detail) UnmarshalJSON(data []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return err
	}
	var name string
	err := strictjson.Object(compact.Bytes(), func(member string, v strictjson.Value) (err error) {
		if member == "type" {
			name, err = v.Str()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case name == "":
		return errors.New("rar: a detail without a type") // RFC 9396 §2
	}
	*d = Detail{Type: name, Raw: compact.Bytes()}
	return nil
}

// strings gives a member that is an array of strings, and whether it is there.
func (d Detail) strings(member string) (values []string, there bool) {
	strictjson.Object(d.Raw, func(name string, v strictjson.Value) (err error) { // read before: it cannot fail
		if name == member {
			values, err = v.Strings()
			there = true
		}
		return err
	})
	return values, there
}

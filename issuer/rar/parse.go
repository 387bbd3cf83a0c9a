package rar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// Limits on one authorization_details parameter. They are far above what a payment or a consent needs, and keep what a
// person has to read, and what the server keeps of a stranger, within bounds.
const (
	MaxLength  = 16 << 10 // bytes of the parameter
	MaxDetails = 16
	MaxDepth   = 8 // objects and arrays inside each other, the outermost array included

	maxElements = 64   // of an array within a detail; members of an object are bounded as tightly
	maxText     = 1000 // bytes of one string
	maxName     = 200  // bytes of a type or of a member's name
	maxNumber   = 20   // bytes of a number; one with an exponent is worth megabytes to whoever calculates with it
)

// Parse reads an authorization_details parameter. Each object must have a type that is registered and in allowed, the
// types that this client may use: none is allowed when allowed is empty (RFC 9396 §10). What it refuses is a
// [*tenon.Error] with the code invalid_authorization_details (RFC 9396 §5).
func (r *Registry) Parse(raw string, allowed []string) (Details, error) {
	if len(raw) > MaxLength {
		return nil, refuse("size", "authorization_details is longer than %d bytes", MaxLength)
	}
	if !json.Valid([]byte(raw)) { // one value, and nothing after it
		return nil, refuse("malformed", "authorization_details is not JSON")
	}
	var details Details
	err := strictjson.Value(strings.Trim(raw, " \t\r\n")).Array(func(v strictjson.Value) error {
		if len(details) == MaxDetails {
			return fmt.Errorf("more than %d objects", MaxDetails)
		}
		d, err := r.read(v, allowed)
		if err != nil {
			return fmt.Errorf("[%d] %w", len(details), err)
		}
		details = append(details, d)
		return nil
	})
	switch refusal := (*fault)(nil); {
	case errors.As(err, &refusal):
		return nil, refuse(refusal.reason, "authorization_details%v", err)
	case err != nil:
		return nil, refuse("malformed", "authorization_details is not an array of objects as RFC 9396 2 has it: %v", err)
	case len(details) == 0:
		return nil, refuse("empty", "authorization_details is an empty array: leave it out to ask for nothing")
	}
	return details, nil
}

// read judges one object, cheap before dear: its form, its type, its schema.
func (r *Registry) read(v strictjson.Value, allowed []string) (Detail, error) {
	if err := inspect(v, 2); err != nil {
		return Detail{}, err
	}
	name, err := commonFields(v)
	if err != nil {
		return Detail{}, err
	}
	t := r.types[name]
	switch {
	case t == nil:
		return Detail{}, &fault{"type", fmt.Sprintf("has the type %q, which this server does not know", name)} // RFC 9396 §5
	case !slices.Contains(allowed, name):
		return Detail{}, &fault{"type", fmt.Sprintf("has the type %q, which the client is not registered for", name)} // RFC 9396 §10
	}
	if err := validate(t.schema, v); err != nil {
		return Detail{}, &fault{"schema", fmt.Sprintf("(%s) %v", name, err)} // RFC 9396 §5
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, v); err != nil {
		return Detail{}, err
	}
	return Detail{Type: name, Raw: compact.Bytes()}, nil
}

// commonFields checks the members that mean the same in every type, and gives the type (RFC 9396 §2, §2.2).
func commonFields(v strictjson.Value) (name string, err error) {
	err = v.Object(func(member string, v strictjson.Value) (err error) {
		switch member {
		case "type":
			name, err = v.Str()
		case "locations", "actions", "datatypes", "privileges":
			_, err = v.Strings()
		case "identifier":
			_, err = v.Str()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", member, err) // RFC 9396 §2.2
		}
		return nil
	})
	switch {
	case err != nil:
		return "", &fault{"malformed", err.Error()}
	case name == "":
		return "", &fault{"type", "has no type"} // RFC 9396 §2
	}
	return name, nil
}

// inspect holds a value to the limits. Text that changes how the text around it is shown has no place in something that a
// person reads before agreeing to it (RFC 9396 §12).
func inspect(v strictjson.Value, depth int) error {
	count := 0
	enter := func(e strictjson.Value) error {
		if count++; count > maxElements {
			return &fault{"size", fmt.Sprintf("has more than %d values in one place", maxElements)}
		}
		return inspect(e, depth+1)
	}
	if depth > MaxDepth && (v[0] == '{' || v[0] == '[') {
		return &fault{"size", fmt.Sprintf("is nested deeper than %d levels", MaxDepth)}
	}
	switch v[0] {
	case '{':
		return v.Object(func(name string, e strictjson.Value) error {
			if len(name) > maxName || !showable(name) {
				return &fault{"text", "has a member whose name is too long or cannot be shown"}
			}
			return enter(e)
		})
	case '[':
		return v.Array(enter)
	case '"':
		switch s, err := v.Str(); {
		case err != nil:
			return err
		case len(s) > maxText:
			return &fault{"size", fmt.Sprintf("has a text of more than %d bytes", maxText)}
		case !showable(s):
			return &fault{"text", "has a text with control characters or ones that turn the direction of writing"}
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if len(v) > maxNumber || strings.ContainsAny(string(v), "eE") {
			return &fault{"size", fmt.Sprintf("has a number with an exponent or of more than %d digits", maxNumber)}
		}
	}
	return nil
}

// showable reports whether s is one line of text that keeps to itself when it is shown.
func showable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) ||
			r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == unicode.ReplacementChar
	})
}

// A fault is what is wrong with one object, before it is told as a refusal.
type fault struct{ reason, text string }

func (f *fault) Error() string { return f.text }

// refuse says no in the one way that there is here (RFC 9396 §5).
func refuse(reason, format string, args ...any) *tenon.Error {
	return tenon.Refuse(tenon.InvalidAuthorizationDetails, reason, format, args...)
}

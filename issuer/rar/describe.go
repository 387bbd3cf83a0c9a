package rar

import (
	"strings"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Description is a detail in the words of the person who is asked to agree to it. Labels and titles of the types that we
// have words for are ours. Everything else comes from the client: hostile text, to be escaped and kept apart from ours by
// whoever shows it (RFC 9396 §12). Amounts, dates and account numbers are as they came; how they are written in a language
// is up to the page.
type Description struct {
	Title    string // such as "Payment"
	Amount   *Money // nil when it is not about money
	Creditor string // who gets the money
	Lines    []Line
}

// Money is an amount as it travels: a decimal number with a point, and a code of ISO 4217.
type Money struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// A Line says one thing about a detail.
type Line struct {
	Label string
	Value string
	Kind  Kind
}

// Kind says what the value of a line is, and so how to write it.
type Kind string

// The kinds of values.
const (
	Text Kind = "text"
	IBAN Kind = "iban" // an account number, without spaces
	Date Kind = "date" // full-date (RFC 3339 §5.6)
	Code Kind = "code" // an identifier or an address
)

func (d *Description) add(label, value string, kind Kind) {
	d.Lines = append(d.Lines, Line{label, value, kind})
}

// Describe tells a person what d is, in the language of a tag such as "de" or "de-AT"; English for any language that
// there are no words for. A type without words of its own is shown whole: each member by its name.
func (r *Registry) Describe(d Detail, lang string) Description {
	w := r.speaker(d.Type, lang)
	if t := r.types[d.Type]; t != nil && t.describe != nil {
		return t.describe(d, w)
	}
	return describeMembers(d, w)
}

// describeMembers shows every member, so that nothing is agreed to that was not seen.
func describeMembers(d Detail, w *speaker) Description {
	description := Description{Title: w.own.Title}
	if description.Title == "" {
		description.Title = d.Type
	}
	strictjson.Object(d.Raw, func(name string, v strictjson.Value) error { // read before: it cannot fail
		if name != "type" {
			description.addValue(w.member(name), v, w)
		}
		return nil
	})
	return description
}

// addValue adds a line for a plain value and for a list of them, and a line for each part of anything else.
func (d *Description) addValue(label string, v strictjson.Value, w *speaker) {
	switch v[0] {
	case '{':
		v.Object(func(name string, part strictjson.Value) error {
			d.addValue(label+" / "+w.member(name), part, w)
			return nil
		})
	case '[':
		if texts, err := v.Strings(); err == nil {
			d.add(label, strings.Join(texts, ", "), Text)
			return
		}
		v.Array(func(part strictjson.Value) error {
			d.addValue(label, part, w)
			return nil
		})
	default:
		d.addPlain(label, v, w)
	}
}

func (d *Description) addPlain(label string, v strictjson.Value, w *speaker) {
	switch yes, err := v.Bool(); {
	case err == nil && yes:
		d.add(label, w.say("yes"), Text)
	case err == nil:
		d.add(label, w.say("no"), Text)
	default:
		text, err := v.Str()
		if err != nil {
			text = string(v) // a number, or null
		}
		d.add(label, text, Text)
	}
}

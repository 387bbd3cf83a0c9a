package ui

import "time"

// Consent asks the person to allow what the client wants: "do" = "approve" or "do" = "deny". The person is Frame.Signed.
type Consent struct {
	Frame
	Client  Client
	Scopes  []Scope       // "openid" is not told: it lets the client know who it is, which the page says anyway
	Claims  []string      // names of single claims asked for, such as "email" (OpenID Connect Core §5.5)
	Details []Detail      // authorization details (RFC 9396), each a block of its own
	Lasts   time.Duration // how long what is granted holds; zero: once, for what is shown only
	Known   bool          // the person allowed this client something before
}

func (Consent) name() string { return "consent" }

// A Scope is one line of a consent. The words for profile, email, phone, address and offline_access are ours; Title says
// others in the person's language, and without it the scope's name is shown as it is.
type Scope struct{ Name, Title string }

// A Detail is one authorization detail in words of the person's language (see Pages.Language).
type Detail struct {
	Title    string // what would happen, such as "Make a payment"
	Amount   *Money // shown large
	Creditor string // who is paid; shown large
	Lines    []Line
}

// Money is an amount as authorization details carry it.
type Money struct {
	Amount   string // decimal with a point, such as 1234.50
	Currency string // ISO 4217, such as EUR
}

// A Line is a label and its value.
type Line struct {
	Label string
	Value string
	Kind  Kind
}

// A Kind says how the value of a line is written.
type Kind string

// The kinds of value. An unknown kind is written as text.
const (
	Text Kind = "text" // as it is
	IBAN Kind = "iban" // in groups of four
	Date Kind = "date" // 2026-11-22 or RFC 3339, written in the person's language
	Sum  Kind = "sum"  // "EUR 1234.50", written in the person's language
	Code Kind = "code" // an identifier, in letters of equal width
)

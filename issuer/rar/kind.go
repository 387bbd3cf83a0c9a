package rar

import (
	_ "embed"
	"encoding/json"
)

// A Type is one kind of authorization detail (RFC 9396 §2.1). Name and Schema suffice; what is left out is decided the
// strict way: nothing but the very same object is within a granted one, and a person is shown each member by its name.
type Type struct {
	// Name is compared code point by code point (RFC 9396 §2.1). One that others use too should be a URI.
	Name string
	// Schema is a JSON Schema (2020-12) of the whole object. It refers to nothing outside itself. Besides the formats of
	// JSON Schema it can use "iban", "currency" and, for an object with currency and amount, "money".
	Schema json.RawMessage
	// Words are what a person is told, by language ("en", "de"). English is what other languages fall back on.
	Words map[string]Words
	// Within says why asked is more than granted, and nil when it is not (RFC 9396 §6). Both fit Schema. Nil: they must be
	// equal.
	Within func(asked, granted Detail) error
	// Shared lets one granted detail cover several asked ones. It fits what may be read; a payment that was granted once
	// is not shared, because asking for it twice is asking for more.
	Shared bool

	describe func(d Detail, w *speaker) Description
}

// Words name a type and its members for a person.
type Words struct {
	Title   string            `json:"title"`
	Members map[string]string `json:"members"` // by the member's name; those without one are shown by their name
}

//go:embed schemas/payment_initiation.json
var paymentSchema []byte

//go:embed schemas/account_information.json
var accountSchema []byte

// Builtin gives the types that come with Tenon: payment_initiation and account_information, after the examples of RFC 9396
// §2 and §7.
func Builtin() []Type {
	return []Type{
		{Name: "payment_initiation", Schema: paymentSchema, Within: paymentWithin, describe: describePayment},
		{Name: "account_information", Schema: accountSchema, Within: accountWithin, Shared: true, describe: describeAccount},
	}
}

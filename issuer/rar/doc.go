// Package rar reads, narrows and describes authorization details (RFC 9396): what a token may do, said as JSON objects of
// registered types instead of words of a scope. "Pay 123.50 EUR to this account, once" is one such object.
//
// What a client sends is a stranger's text that a person will be shown and an API will act on. So it is read strictly and
// within bounds (RFC 9396 §2, §12), held against the JSON Schema of its type, and never enlarged afterwards: a later
// request may ask for the same or for less, and each type says itself what less means (RFC 9396 §6).
//
//	registry, err := rar.NewRegistry(rar.Builtin()...)
//	details, err := registry.Parse(form.Get("authorization_details"), client.DetailTypes)
//	err = registry.Within(asked, details)
//
// Reading order: detail.go (what is read), kind.go and registry.go (what is registered), parse.go and schema.go (how it is
// read), within.go (what less means), describe.go and words.go (what a person is told), payment.go and account.go (the two
// types that come with it), money.go and iban.go (what they are made of).
package rar

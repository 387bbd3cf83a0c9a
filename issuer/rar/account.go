package rar

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// information is an account_information that fits its schema.
type information struct {
	Locations []string `json:"locations"`
	Access    struct {
		Accounts     *accounts `json:"accounts"`
		Balances     *accounts `json:"balances"`
		Transactions *accounts `json:"transactions"`
	} `json:"access"`
	Recurring  bool   `json:"recurringIndicator"`
	ValidUntil string `json:"validUntil"`
}

// accounts are the accounts that something may be read of.
type accounts struct {
	All   bool
	IBANs []string
}

// UnmarshalJSON reads "allAccounts" or a list of objects with an iban.
func (a *accounts) UnmarshalJSON(data []byte) error {
	v := strictjson.Value(data)
	if s, err := v.Str(); err == nil {
		a.All = s == "allAccounts"
		return nil
	}
	return v.Array(func(e strictjson.Value) error {
		return e.Object(func(_ string, v strictjson.Value) error {
			iban, err := v.Str()
			a.IBANs = append(a.IBANs, iban)
			return err
		})
	})
}

// within reports whether a is not more than granted. Nil accounts are none.
func (a *accounts) within(granted *accounts) bool {
	switch {
	case a == nil:
		return true
	case granted == nil:
		return false
	case granted.All:
		return true
	case a.All:
		return false
	}
	return !slices.ContainsFunc(a.IBANs, func(iban string) bool { return !slices.Contains(granted.IBANs, iban) })
}

// accountWithin lets less be read, of fewer accounts, for a shorter time, and once instead of again and again.
func accountWithin(asked, granted Detail) error {
	var a, g information
	if err := errors.Join(json.Unmarshal(asked.Raw, &a), json.Unmarshal(granted.Raw, &g)); err != nil {
		return err
	}
	switch {
	case !a.Access.Accounts.within(g.Access.Accounts),
		!a.Access.Balances.within(g.Access.Balances),
		!a.Access.Transactions.within(g.Access.Transactions):
		return errors.New("the access has a new account")
	case a.Recurring && !g.Recurring:
		return errors.New("access was granted once, not again and again")
	case g.ValidUntil != "" && (a.ValidUntil == "" || a.ValidUntil > g.ValidUntil): // dates of one form: they sort as text
		return errors.New("the access ends later")
	}
	return subset("locations", a.Locations, g.Locations) // actions follow access: the schema ties them together
}

func describeAccount(d Detail, w *speaker) Description {
	var i information
	if err := json.Unmarshal(d.Raw, &i); err != nil {
		return describeMembers(d, w)
	}
	description := Description{Title: w.say("account_information")}
	for _, part := range []struct {
		label string
		of    *accounts
	}{
		{"list_accounts", i.Access.Accounts}, {"read_balances", i.Access.Balances}, {"read_transactions", i.Access.Transactions},
	} {
		switch {
		case part.of == nil:
		case part.of.All:
			description.add(w.say(part.label), w.say("allAccounts"), Text)
		default:
			for _, iban := range part.of.IBANs {
				description.add(w.say(part.label), iban, IBAN)
			}
		}
	}
	how := "once"
	if i.Recurring {
		how = "recurring"
	}
	description.add(w.say("how"), w.say(how), Text)
	if i.ValidUntil != "" {
		description.add(w.say("validUntil"), i.ValidUntil, Date)
	}
	for _, l := range i.Locations {
		description.add(w.say("location"), l, Code)
	}
	return description
}

package rar

import (
	"encoding/json"
	"errors"
)

// payment is a payment_initiation that fits its schema.
type payment struct {
	Locations        []string `json:"locations"`
	Actions          []string `json:"actions"`
	InstructedAmount Money    `json:"instructedAmount"`
	CreditorName     string   `json:"creditorName"`
	CreditorAccount  account  `json:"creditorAccount"`
	DebtorAccount    *account `json:"debtorAccount"`
	Remittance       *string  `json:"remittanceInformationUnstructured"`
}

type account struct {
	IBAN string `json:"iban"`
}

// paymentWithin lets less be done (actions, locations) and less be paid. Who is paid, from where and what for stay as the
// person has read them.
func paymentWithin(asked, granted Detail) error {
	var a, g payment
	if err := errors.Join(json.Unmarshal(asked.Raw, &a), json.Unmarshal(granted.Raw, &g)); err != nil {
		return err
	}
	askedUnits, err := minorUnits(a.InstructedAmount.Amount, a.InstructedAmount.Currency)
	if err != nil {
		return err
	}
	grantedUnits, err := minorUnits(g.InstructedAmount.Amount, g.InstructedAmount.Currency)
	if err != nil {
		return err
	}
	switch {
	case a.InstructedAmount.Currency != g.InstructedAmount.Currency:
		return errors.New("the currency is another")
	case askedUnits > grantedUnits:
		return errors.New("the amount is larger")
	case a.CreditorName != g.CreditorName || a.CreditorAccount != g.CreditorAccount:
		return errors.New("the creditor is another")
	case !same(a.DebtorAccount, g.DebtorAccount):
		return errors.New("the debtor account is another")
	case !same(a.Remittance, g.Remittance):
		return errors.New("the remittance information is another")
	}
	return errors.Join(subset("actions", a.Actions, g.Actions), subset("locations", a.Locations, g.Locations))
}

func same[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func describePayment(d Detail, w *speaker) Description {
	var p payment
	if err := json.Unmarshal(d.Raw, &p); err != nil {
		return describeMembers(d, w)
	}
	description := Description{
		Title:    w.say("payment_initiation"),
		Amount:   &p.InstructedAmount,
		Creditor: p.CreditorName,
	}
	description.add(w.say("creditorAccount"), p.CreditorAccount.IBAN, IBAN)
	if p.DebtorAccount != nil {
		description.add(w.say("debtorAccount"), p.DebtorAccount.IBAN, IBAN)
	}
	if p.Remittance != nil {
		description.add(w.say("remittance"), *p.Remittance, Text)
	}
	description.add(w.say("actions"), w.list(p.Actions), Text)
	for _, l := range p.Locations {
		description.add(w.say("location"), l, Code)
	}
	return description
}

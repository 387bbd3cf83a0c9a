package rar_test

import (
	"fmt"
	"log"

	"github.com/tenon-auth/tenon/issuer/rar"
)

func Example() {
	registry, err := rar.NewRegistry(rar.Builtin()...)
	if err != nil {
		log.Fatal(err)
	}
	granted, err := registry.Parse(`[{"type":"payment_initiation","actions":["initiate"],
		"instructedAmount":{"currency":"EUR","amount":"10.00"},
		"creditorName":"Merchant A","creditorAccount":{"iban":"DE02100100109307118603"}}]`, []string{"payment_initiation"})
	if err != nil {
		log.Fatal(err)
	}
	payment := registry.Describe(granted[0], "de")
	fmt.Println(payment.Title, payment.Amount.Amount, payment.Amount.Currency, payment.Creditor)

	asked, err := registry.Parse(`[{"type":"payment_initiation","actions":["initiate"],
		"instructedAmount":{"currency":"EUR","amount":"99.00"},
		"creditorName":"Merchant A","creditorAccount":{"iban":"DE02100100109307118603"}}]`, registry.Names())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(registry.Within(asked, granted))
	// Output:
	// Zahlung 10.00 EUR Merchant A
	// invalid_authorization_details: authorization_details[0] (payment_initiation) asks for more than was granted: the amount is larger
}

package rar_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/tenon-auth/tenon/issuer/rar"
)

const other = `{"type":"payment_initiation","actions":["initiate"],"instructedAmount":{"currency":"EUR","amount":"10"},` +
	`"creditorName":"Merchant B","creditorAccount":{"iban":"DE89370400440532013000"}}`

// What may be asked for once something was granted: the same or less, by the rules of the type (RFC 9396 §6).
func TestWithinPayment(t *testing.T) {
	r := builtin(t)
	granted := parse(t, r, "["+goodPayment+"]")
	for _, tt := range []struct{ name, old, with string }{
		{"a larger amount", `123.50`, `123.51`},
		{"a larger amount that sorts before", `123.50`, `1000`},
		{"another currency", `EUR`, `USD`},
		{"another creditor", `Merchant A`, `Merchant B`},
		{"another account of the creditor", `DE02100100109307118603`, `DE89370400440532013000`},
		{"another account of the debtor", `GB29NWBK60161331926819`, `DE89370400440532013000`},
		{"any account of the debtor", `"debtorAccount":{"iban":"GB29NWBK60161331926819"},`, ``},
		{"another reference", `Ref Number Merchant`, `Ref Number Merchant 2`},
		{"no reference", `,"remittanceInformationUnstructured":"Ref Number Merchant"`, ``},
		{"one more action", `"status"]`, `"status","cancel"]`},
		{"another location", `.com/payments`, `.com/other`},
		{"one more location", `["https://api.example.com/payments"]`, `["https://api.example.com/payments","https://api.example.net/"]`},
		{"any location", `"locations":["https://api.example.com/payments"],`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantReason(t, r.Within(parse(t, r, "["+replaced(t, goodPayment, tt.old, tt.with)+"]"), granted), "narrow")
		})
	}
	for name, change := range map[string][2]string{
		"a smaller amount":             {`123.50`, `23.50`},
		"the same amount in other ink": {`123.50`, `123.5`},
		"one action less":              {`,"status"]`, `]`},
	} {
		t.Run("allows "+name, func(t *testing.T) {
			if err := r.Within(parse(t, r, "["+replaced(t, goodPayment, change[0], change[1])+"]"), granted); err != nil {
				t.Error(err)
			}
		})
	}
	anywhere := parse(t, r, "["+replaced(t, goodPayment, `"locations":["https://api.example.com/payments"],`, ``)+"]")
	if err := r.Within(granted, anywhere); err != nil {
		t.Errorf("one location of all: %v", err)
	}
}

func TestWithinAccounts(t *testing.T) {
	r := builtin(t)
	granted := parse(t, r, "["+goodAccount+"]")
	const balances = `[{"iban":"DE02100100109307118603"},{"iban":"DE89370400440532013000"}]`
	for _, tt := range []struct {
		name, old, with string
		ok              bool
	}{
		{"the same", `true`, `true`, true},
		{"once instead of recurring", `true`, `false`, true},
		{"once by default", `"recurringIndicator":true,`, ``, true},
		{"earlier", `2027-02-28`, `2027-01-31`, true},
		{"fewer accounts", `,{"iban":"DE89370400440532013000"}`, ``, true},
		{"one account of all", `"allAccounts"`, `[{"iban":"GB29NWBK60161331926819"}]`, true},
		{"later", `2027-02-28`, `2027-03-01`, false},
		{"for ever", `,"validUntil":"2027-02-28"`, ``, false},
		{"all accounts of two", balances, `"allAccounts"`, false},
		{"another account", `DE89370400440532013000`, `GB29NWBK60161331926819`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := r.Within(parse(t, r, "["+replaced(t, goodAccount, tt.old, tt.with)+"]"), granted)
			if tt.ok && err != nil {
				t.Error(err)
			}
			if !tt.ok {
				wantReason(t, err, "narrow")
			}
		})
	}
	once := parse(t, r, "["+replaced(t, goodAccount, `true`, `false`)+"]")
	wantReason(t, r.Within(granted, once), "narrow")
	more := parse(t, r, `[{"type":"account_information","actions":["read_transactions"],"access":{"transactions":"allAccounts"}}]`)
	wantReason(t, r.Within(more, granted), "narrow")
	here := parse(t, r, "["+replaced(t, goodAccount, `"actions"`, `"locations":["https://api.example.com"],"actions"`)+"]")
	wantReason(t, r.Within(granted, here), "narrow")
	if err := r.Within(here, granted); err != nil {
		t.Errorf("one location of all: %v", err)
	}
	halves := parse(t, r, `[{"type":"account_information","actions":["list_accounts"],"access":{"accounts":"allAccounts"},"validUntil":"2027-01-01"},`+
		`{"type":"account_information","actions":["read_balances"],"access":{"balances":[{"iban":"DE89370400440532013000"}]},"validUntil":"2027-01-01"}]`)
	if err := r.Within(halves, granted); err != nil {
		t.Errorf("two halves of one consent: %v", err)
	}
}

func TestWithinMatchesEachPaymentOnce(t *testing.T) {
	r := builtin(t)
	less := replaced(t, goodPayment, `123.50`, `3.50`)
	for _, tt := range []struct {
		name, asked, granted string
		ok                   bool
	}{
		{"nothing of something", "", goodPayment, true},
		{"something of nothing", goodPayment, "", false},
		{"another type", goodAccount, goodPayment, false},
		{"one of two", other, goodPayment + "," + other, true},
		{"two in another order", other + "," + goodPayment, goodPayment + "," + other, true},
		{"twice what was granted once", goodPayment + "," + goodPayment, goodPayment, false},
		{"twice what was granted once, beside another", goodPayment + "," + goodPayment, goodPayment + "," + other, false},
		{"twice what was granted twice", goodPayment + "," + goodPayment, goodPayment + "," + goodPayment, true},
		{"the smaller one gives way", less + "," + goodPayment, goodPayment + "," + less, true},
		{"two large ones of a large and a small one", goodPayment + "," + goodPayment, goodPayment + "," + less, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := func(list string) rar.Details {
				if list == "" {
					return nil
				}
				return parse(t, r, "["+list+"]")
			}
			err := r.Within(read(tt.asked), read(tt.granted))
			if tt.ok && err != nil {
				t.Error(err)
			}
			if !tt.ok {
				wantReason(t, err, "narrow")
			}
		})
	}
}

// A type without a rule of its own: only the very same is within, in whatever order it says it.
func TestWithinWithoutRule(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	r, err := rar.NewRegistry(rar.Type{Name: "plain", Schema: schema},
		rar.Type{Name: "ruled", Schema: schema, Within: func(asked, granted rar.Detail) error {
			if len(asked.Raw) > len(granted.Raw) {
				return errors.New("longer")
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		asked, granted string
		ok             bool
	}{
		{`{"type":"plain","a":{"x":1,"y":2},"b":["p","q"]}`, `{"type":"plain","b":["p","q"],"a":{"y":2,"x":1}}`, true},
		{`{"type":"plain","a":"\u0061"}`, `{"type":"plain","a":"a"}`, true},
		{`{"type":"plain","b":["q","p"]}`, `{"type":"plain","b":["p","q"]}`, false},
		{`{"type":"plain"}`, `{"type":"plain","b":1}`, false},
		{`{"type":"plain","b":2}`, `{"type":"plain","b":1}`, false},
		{`{"type":"ruled"}`, `{"type":"ruled","b":1}`, true},
		{`{"type":"ruled","b":1}`, `{"type":"ruled"}`, false},
	} {
		asked, granted := parse(t, r, "["+tt.asked+"]"), parse(t, r, "["+tt.granted+"]")
		if err := r.Within(asked, granted); (err == nil) != tt.ok {
			t.Errorf("%s within %s: %v", tt.asked, tt.granted, err)
		}
		none, err := rar.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		if err := none.Within(granted, granted); err != nil {
			t.Errorf("a type that is not registered any more: %v", err)
		}
	}
}

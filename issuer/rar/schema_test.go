package rar_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenon-auth/tenon/issuer/rar"
)

func TestPaymentSchema(t *testing.T) {
	r := builtin(t)
	const iban = `"creditorAccount":{"iban":"DE02100100109307118603"}`
	for _, tt := range []struct{ name, old, with string }{
		{"unknown member (RFC 9396 §5)", `"actions"`, `"purpose":"x","actions"`},
		{"unknown member inside", `"amount":"123.50"`, `"amount":"123.50","rate":"1"`},
		{"member by another case", `"creditorName"`, `"creditorname"`},
		{"no amount (RFC 9396 §5: missing field)", `"instructedAmount":{"currency":"EUR","amount":"123.50"},`, ""},
		{"no creditor name", `"creditorName":"Merchant A",`, ""},
		{"no creditor account", iban + ",", ""},
		{"no actions", `"actions":["initiate","status"],`, ""},
		{"empty actions", `["initiate","status"]`, `[]`},
		{"unknown action (RFC 9396 §5: invalid value)", `"status"]`, `"refund"]`},
		{"an action twice", `"status"]`, `"initiate"]`},
		{"empty locations", `["https://api.example.com/payments"]`, `[]`},
		{"location over http", `https://api`, `http://api`},
		{"location with a fragment", `.com/payments`, `.com/#payments`},
		{"location that is no URL", `https://api.example.com/payments`, `https://%zz`},
		{"amount as a number", `"123.50"`, `123.50`},
		{"amount of nothing", `123.50`, `0.00`},
		{"negative amount", `123.50`, `-123.50`},
		{"amount with a plus", `123.50`, `+123.50`},
		{"amount with a comma", `123.50`, `123,50`},
		{"amount with a leading zero", `123.50`, `0123.50`},
		{"amount without digits after the point", `123.50`, `123.`},
		{"amount with too many decimals for EUR (ISO 4217)", `123.50`, `123.501`},
		{"amount beyond all bounds", `123.50`, `12345678901234`},
		{"amount with an exponent", `123.50`, `1e3`},
		{"decimals where the currency has none (ISO 4217)", `"EUR","amount":"123.50"`, `"JPY","amount":"123.5"`},
		{"currency nobody has", `EUR`, `EUX`},
		{"currency in small letters", `EUR`, `eur`},
		{"currency that is two halves", `EUR`, `R G`},
		{"gold", `EUR`, `XAU`},
		{"a number as currency", `"EUR"`, `978`},
		{"creditor of spaces", `Merchant A`, ` `},
		{"creditor that ends in a space", `Merchant A`, `Merchant A `},
		{"creditor as a list", `"Merchant A"`, `["Merchant A"]`},
		{"IBAN with wrong check digits (ISO 13616)", `DE02100100109307118603`, `DE02100100109307118604`},
		{"IBAN with two digits exchanged", `DE02100100109307118603`, `DE02100100109307118630`},
		{"IBAN in small letters", `DE02100100109307118603`, `de02100100109307118603`},
		{"IBAN with spaces", `DE02100100109307118603`, `DE02 1001 0010 9307 1186 03`},
		{"IBAN that is too short", `DE02100100109307118603`, `DE0210010010`},
		{"IBAN that is too long", `DE02100100109307118603`, `DE021001001093071186030000000000000000`},
		{"IBAN with a letter of another script", `DE02100100109307118603`, `DE0210010010930711860З`},
		{"account without an IBAN", iban, `"creditorAccount":{}`},
		{"account with something else", iban, `"creditorAccount":{"iban":"DE02100100109307118603","bban":"1"}`},
		{"account as a string", iban, `"creditorAccount":"DE02100100109307118603"`},
		{"debtor account with a wrong IBAN", `GB29NWBK60161331926819`, `GB28NWBK60161331926819`},
		{"empty remittance information", `Ref Number Merchant`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Parse("["+replaced(t, goodPayment, tt.old, tt.with)+"]", both)
			wantReason(t, err, "schema")
		})
	}
	for name, change := range map[string][2]string{
		"as it is":                 {"", ""},
		"whole euros":              {`123.50`, `123`},
		"one decimal":              {`123.50`, `123.5`},
		"a cent":                   {`123.50`, `0.01`},
		"yen":                      {`"EUR","amount":"123.50"`, `"JPY","amount":"123"`},
		"dinars have three places": {`"EUR","amount":"123.50"`, `"KWD","amount":"123.505"`},
		"no locations":             {`"locations":["https://api.example.com/payments"],`, ``},
		"no debtor account":        {`"debtorAccount":{"iban":"GB29NWBK60161331926819"},`, ``},
		"Norway has the shortest":  {`DE02100100109307118603`, `NO9386011117947`},
		"Saint Lucia a long one":   {`DE02100100109307118603`, `LC55HEMM000100010012001200023015`},
	} {
		t.Run("accepts "+name, func(t *testing.T) {
			good := goodPayment
			if change[0] != "" {
				good = replaced(t, good, change[0], change[1])
			}
			parse(t, r, "["+good+"]")
		})
	}
}

func TestAccountSchema(t *testing.T) {
	r := builtin(t)
	for _, tt := range []struct{ name, old, with string }{
		{"no access", `"access":{"accounts":"allAccounts","balances":[{"iban":"DE02100100109307118603"},{"iban":"DE89370400440532013000"}]},`, ``},
		{"empty access", `"accounts":"allAccounts","balances":[{"iban":"DE02100100109307118603"},{"iban":"DE89370400440532013000"}]`, ``},
		{"unknown access", `"accounts":"allAccounts"`, `"accounts":"allAccounts","cards":"allAccounts"`},
		{"an action without its access", `"read_balances"`, `"read_balances","read_transactions"`},
		{"an access without its action", `,"read_balances"`, ``},
		{"another access without its action", `"accounts":"allAccounts"`, `"accounts":"allAccounts","transactions":"allAccounts"`},
		{"unknown action", `"list_accounts"`, `"close_account"`},
		{"another word than allAccounts", `"allAccounts"`, `"ALL"`},
		{"no accounts", `[{"iban":"DE02100100109307118603"},{"iban":"DE89370400440532013000"}]`, `[]`},
		{"an account twice", `DE89370400440532013000`, `DE02100100109307118603`},
		{"a wrong IBAN", `DE89370400440532013000`, `DE89370400440532013001`},
		{"accounts as bare strings", `{"iban":"DE89370400440532013000"}`, `"DE89370400440532013000"`},
		{"recurring by a word", `true`, `"true"`},
		{"a day that does not exist", `2027-02-28`, `2027-02-29`},
		{"a date with a time", `2027-02-28`, `2027-02-28T00:00:00Z`},
		{"a member of a payment", `"recurringIndicator"`, `"creditorName":"x","recurringIndicator"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.Parse("["+replaced(t, goodAccount, tt.old, tt.with)+"]", both)
			wantReason(t, err, "schema")
		})
	}
	parse(t, r, "["+goodAccount+"]")
	parse(t, r, `[{"type":"account_information","actions":["read_transactions"],"access":{"transactions":"allAccounts"}}]`)
}

// A schema reaches nothing outside itself: neither a file nor an address.
func TestSchemaRefersToNothingOutside(t *testing.T) {
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { called = true; w.Write([]byte("{}")) }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, reference := range map[string]string{
		"an address": server.URL + "/schema.json", "a file": "file://" + file, "a path": file, "a neighbour": "schema.json",
	} {
		t.Run(name, func(t *testing.T) {
			for _, keyword := range []string{"$ref", "$dynamicRef", "$schema"} {
				schema, _ := json.Marshal(map[string]any{"type": "object", keyword: reference})
				if _, err := rar.NewRegistry(rar.Type{Name: "x", Schema: schema}); err == nil {
					t.Errorf("%s to %s was followed", keyword, name)
				}
			}
		})
	}
	if called {
		t.Error("the server was asked")
	}
	inside := json.RawMessage(`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}`)
	if _, err := rar.NewRegistry(rar.Type{Name: "x", Schema: inside}); err != nil {
		t.Error(err)
	}
}

func TestNewRegistryRefuses(t *testing.T) {
	object := json.RawMessage(`{"type":"object"}`)
	for name, types := range map[string][]rar.Type{
		"no name":             {{Schema: object}},
		"a name not to show":  {{Name: "a\nb", Schema: object}},
		"a name twice":        {{Name: "a", Schema: object}, {Name: "a", Schema: object}},
		"no schema":           {{Name: "a"}},
		"a schema of all":     {{Name: "a", Schema: json.RawMessage(`true`)}},
		"not a schema":        {{Name: "a", Schema: json.RawMessage(`{"type":7}`)}},
		"not JSON":            {{Name: "a", Schema: json.RawMessage(`{`)}},
		"two documents":       {{Name: "a", Schema: json.RawMessage(`{"type":"object"}{}`)}},
		"a pattern not to do": {{Name: "a", Schema: json.RawMessage(`{"properties":{"x":{"pattern":"("}}}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := rar.NewRegistry(types...); err == nil {
				t.Error("accepted")
			}
		})
	}
}

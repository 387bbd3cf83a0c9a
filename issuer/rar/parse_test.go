package rar_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
)

const invalid = tenon.InvalidAuthorizationDetails

var both = []string{"payment_initiation", "account_information"}

const goodPayment = `{"type":"payment_initiation","locations":["https://api.example.com/payments"],"actions":["initiate","status"],` +
	`"instructedAmount":{"currency":"EUR","amount":"123.50"},"creditorName":"Merchant A","creditorAccount":{"iban":"DE02100100109307118603"},` +
	`"debtorAccount":{"iban":"GB29NWBK60161331926819"},"remittanceInformationUnstructured":"Ref Number Merchant"}`

const goodAccount = `{"type":"account_information","actions":["list_accounts","read_balances"],` +
	`"access":{"accounts":"allAccounts","balances":[{"iban":"DE02100100109307118603"},{"iban":"DE89370400440532013000"}]},` +
	`"recurringIndicator":true,"validUntil":"2027-02-28"}`

func builtin(t testing.TB) *rar.Registry {
	t.Helper()
	r, err := rar.NewRegistry(rar.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func parse(t testing.TB, r *rar.Registry, raw string) rar.Details {
	t.Helper()
	details, err := r.Parse(raw, r.Names())
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return details
}

// replaced changes one place of a good text, and makes sure that there is such a place.
func replaced(t *testing.T, good, old, with string) string {
	t.Helper()
	if strings.Count(good, old) != 1 {
		t.Fatalf("%q comes %d times", old, strings.Count(good, old))
	}
	return strings.Replace(good, old, with, 1)
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	var refusal *tenon.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("not a refusal: %v", err)
	}
	if refusal.Code != invalid || refusal.Reason != reason {
		t.Errorf("refused with %s, reason %q: %v; want reason %q", refusal.Code, refusal.Reason, err, reason)
	}
}

func TestParseKeepsWhatWasSent(t *testing.T) {
	r := builtin(t)
	details := parse(t, r, " [ "+strings.Replace(goodPayment, ",", " ,\n\t", 3)+","+goodAccount+"]\n")
	want := rar.Details{
		{Type: "payment_initiation", Raw: json.RawMessage(goodPayment)},
		{Type: "account_information", Raw: json.RawMessage(goodAccount)},
	}
	if diff := cmp.Diff(want, details); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(both, details.Types()); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefusesForm(t *testing.T) {
	r := builtin(t)
	for _, tt := range []struct{ clause, raw, reason string }{
		{"§2: in JSON notation", "payment_initiation", "malformed"},
		{"§2: nothing at all", "", "malformed"},
		{"§2: an array of objects, not an object", goodPayment, "malformed"},
		{"§2: not null", "null", "malformed"},
		{"§2: an array of objects, not of arrays", "[[" + goodPayment + "]]", "malformed"},
		{"§2: an array of objects, not of strings", `["payment_initiation"]`, "malformed"},
		{"one array and nothing after it", "[" + goodPayment + "][]", "malformed"},
		{"nothing is asked for", "[]", "empty"},
		{"a member that comes twice", "[" + replaced(t, goodPayment, `"amount":"123.50"`, `"amount":"1.00","amount":"123.50"`) + "]", "malformed"},
		{"a member that comes twice by escape", "[" + replaced(t, goodPayment, `"amount":"123.50"`, `"amount":"1.00","\u0061mount":"123.50"`) + "]", "malformed"},
		{"not UTF-8", "[" + replaced(t, goodPayment, "Merchant A", "Merchant \xff") + "]", "malformed"},
		{"a lone surrogate", "[" + replaced(t, goodPayment, "Merchant A", `Merchant \ud800`) + "]", "malformed"},
		{"NUL", "[" + replaced(t, goodPayment, "Merchant A", `Merchant \u0000`) + "]", "malformed"},
		{"§2: type is required", "[" + replaced(t, goodPayment, `"type":"payment_initiation",`, "") + "]", "type"},
		{"§2: type is a string", "[" + replaced(t, goodPayment, `"type":"payment_initiation"`, `"type":7`) + "]", "malformed"},
		{"§2.1: types are compared exactly", "[" + replaced(t, goodPayment, `"payment_initiation"`, `"Payment_Initiation"`) + "]", "type"},
		{"§5: unknown type", "[" + replaced(t, goodPayment, `"payment_initiation"`, `"medical_record"`) + "]", "type"},
		{"§5: the second object counts too", "[" + goodPayment + `,{"type":"medical_record"}]`, "type"},
		{"§2.2: locations is an array of strings", "[" + replaced(t, goodPayment, `["https://api.example.com/payments"]`, `"https://api.example.com/payments"`) + "]", "malformed"},
		{"§2.2: actions is an array of strings", "[" + replaced(t, goodPayment, `["initiate","status"]`, `["initiate",1]`) + "]", "malformed"},
		{"§2.2: identifier is a string", "[" + replaced(t, goodPayment, `"actions"`, `"identifier":{},"actions"`) + "]", "malformed"},
	} {
		t.Run(tt.clause, func(t *testing.T) {
			_, err := r.Parse(tt.raw, both)
			wantReason(t, err, tt.reason)
		})
	}
	parse(t, r, "["+goodPayment+"]")
}

// What a person is shown must not turn round or hide what stands beside it (RFC 9396 §12).
func TestParseRefusesTextThatCannotBeShown(t *testing.T) {
	r := builtin(t)
	for name, text := range map[string]string{
		"line end": `\n`, "delete": `\u007f`, "C1 control": `\u0085`, "override": `\u202e`, "isolate": `\u2066`,
		"right-to-left mark": `\u200f`, "line separator": `\u2028`, "byte order mark": `\ufeff`, "replacement": `\ufffd`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Parse("["+replaced(t, goodPayment, "Merchant A", "Merchant"+text+"A")+"]", both)
			wantReason(t, err, "text")
			_, err = r.Parse("["+replaced(t, goodPayment, `"actions"`, `"x`+text+`":1,"actions"`)+"]", both)
			wantReason(t, err, "text")
		})
	}
	parse(t, r, "["+replaced(t, goodPayment, "Merchant A", `<script>alert(1)</script> \"مقهى\" & Söhne 咖啡`)+"]") // hostile, but text: it is for the page to escape
}

func TestParseRefusesOtherPeoplesTypes(t *testing.T) {
	r := builtin(t)
	for name, allowed := range map[string][]string{
		"RFC 9396 §10: registered for the other type only":       {"account_information"},
		"registered for nothing":                                 nil,
		"registered for a type that the server does not know":    {"medical_record"},
		"a type that differs in case is another (RFC 9396 §2.1)": {"PAYMENT_INITIATION"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Parse("["+goodPayment+"]", allowed)
			wantReason(t, err, "type")
		})
	}
}

func TestParseIsBounded(t *testing.T) {
	open, err := rar.NewRegistry(rar.Type{Name: "open", Schema: json.RawMessage(`{"type":"object"}`)})
	if err != nil {
		t.Fatal(err)
	}
	array := func(n int, element string) string { return "[" + strings.Repeat(","+element, n)[1:] + "]" }
	with := func(value string) string { return `[{"type":"open","x":` + value + `}]` }
	depth := func(n int) string { return with(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	var members strings.Builder
	for i := range 65 {
		fmt.Fprintf(&members, `,"m%d":1`, i)
	}
	for _, tt := range []struct{ name, good, bad, reason string }{
		{"length", with("1") + strings.Repeat(" ", rar.MaxLength-len(with("1"))), with("1") + strings.Repeat(" ", rar.MaxLength-len(with("1"))+1), "size"},
		{"objects", array(rar.MaxDetails, `{"type":"open"}`), array(rar.MaxDetails+1, `{"type":"open"}`), "malformed"},
		{"depth", depth(rar.MaxDepth - 2), depth(rar.MaxDepth - 1), "size"},
		{"elements", with(array(64, "1")), with(array(65, "1")), "size"},
		{"members", with(`{"a":1}`), with("{" + members.String()[1:] + "}"), "malformed"},
		{"text", with(`"` + strings.Repeat("a", 1000) + `"`), with(`"` + strings.Repeat("a", 1001) + `"`), "size"},
		{"name", with(`{"` + strings.Repeat("a", 200) + `":1}`), with(`{"` + strings.Repeat("a", 201) + `":1}`), "text"},
		{"digits", with("-" + strings.Repeat("1", 19)), with("-" + strings.Repeat("1", 20)), "size"},
		{"exponent", with("100000"), with("1e5"), "size"},
		{"capital exponent", with("0.5"), with("5E-1"), "size"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parse(t, open, tt.good)
			_, err := open.Parse(tt.bad, []string{"open"})
			wantReason(t, err, tt.reason)
		})
	}
}

// An error description goes to logs: it names the place and the rule, not the account.
func TestParseDoesNotRepeatValues(t *testing.T) {
	r := builtin(t)
	for _, secret := range []string{"DE02100100109307118604", "Herr  Mustermann ", "999.999"} {
		bad := replaced(t, goodPayment, "DE02100100109307118603", secret)
		if secret[0] != 'D' {
			bad = replaced(t, goodPayment, map[bool]string{true: "123.50", false: "Merchant A"}[secret[0] == '9'], secret)
		}
		_, err := r.Parse("["+bad+"]", both)
		wantReason(t, err, "schema")
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%v", err)
		}
	}
}

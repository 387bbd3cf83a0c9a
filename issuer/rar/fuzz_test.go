package rar_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
)

// Whatever is accepted is accepted again as it is written back, is within itself, and can be described. What is refused is
// the caller's fault and says so.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[" + goodPayment + "]", "[" + goodPayment + "," + goodAccount + "]", "[]", "[[]]", "null", `[{"type":"payment_initiation"}]`,
		`[{"type":"account_information","actions":["read_transactions"],"access":{"transactions":"allAccounts"}}]`,
		`[{"type":"account_information","actions":["list_accounts"],"access":{"accounts":[{"iban":"NO9386011117947"}]},"validUntil":"0000-00-00"}]`,
		`[{"type":"payment_initiation","actions":[1e999999]}]`, "[{\"type\":\"\xff\"}]",
	} {
		f.Add(seed)
	}
	r := builtin(f)
	f.Fuzz(func(t *testing.T, raw string) {
		details, err := r.Parse(raw, both)
		if err != nil {
			if refusal := (*tenon.Error)(nil); !errors.As(err, &refusal) || refusal.Code != invalid || details != nil {
				t.Fatalf("%v with %v", err, details)
			}
			return
		}
		if !json.Valid([]byte(raw)) {
			t.Fatal("accepted what is not JSON")
		}
		written, err := details.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.Parse(string(written), both)
		if err != nil {
			t.Fatalf("not read back: %v", err)
		}
		if diff := cmp.Diff(details, again); diff != "" {
			t.Fatal(diff)
		}
		if err := r.Within(details, details); err != nil {
			t.Fatal(err)
		}
		for _, d := range details {
			if description := r.Describe(d, "de"); description.Title == "" || len(description.Lines) == 0 {
				t.Fatalf("nothing to show of %s", d.Raw)
			}
		}
	})
}

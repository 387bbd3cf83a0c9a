package rar_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/rar"
)

// With resources, a token carries what concerns them (RFC 9396 §3.2, §9.1).
func TestForFiltersByLocations(t *testing.T) {
	r := builtin(t)
	details := parse(t, r, "["+goodPayment+","+goodAccount+"]")
	for _, tt := range []struct {
		resource string
		want     []string
	}{
		{"", both},
		{"https://api.example.com/payments", both},
		{"https://api.example.com/payments/", []string{"account_information"}},
		{"https://API.example.com/payments", []string{"account_information"}},
		{"https://other.example.com", []string{"account_information"}}, // it names no location: it concerns all of them
	} {
		if diff := cmp.Diff(tt.want, details.For(tt.resource).Types()); diff != "" {
			t.Errorf("%q: %s", tt.resource, diff)
		}
	}
	if len(details) != 2 || details[0].Type != both[0] {
		t.Error("For changed what it was called on")
	}
}

func TestDetailsAsJSON(t *testing.T) {
	r := builtin(t)
	details := parse(t, r, "["+goodPayment+","+goodAccount+"]")
	type record struct {
		Details rar.Details `json:"authorization_details,omitempty"`
	}
	data, err := json.Marshal(record{details})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"authorization_details":[` + goodPayment + "," + goodAccount + "]}"; string(data) != want {
		t.Errorf("%s", data)
	}
	var back record
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(details, back.Details); diff != "" {
		t.Error(diff)
	}
	if data, err := json.Marshal(rar.Details(nil)); err != nil || string(data) != "[]" {
		t.Errorf("%s %v", data, err)
	}
	if data, err := json.Marshal(record{}); err != nil || string(data) != "{}" {
		t.Errorf("%s %v", data, err)
	}
	for _, bad := range []string{`[{}]`, `[{"type":7}]`, `[{"type":"a","type":"b"}]`, `["a"]`, `[null]`, `{}`} {
		var d rar.Details
		if err := json.Unmarshal([]byte(bad), &d); err == nil {
			t.Errorf("%s was read back", bad)
		}
	}
	if _, err := json.Marshal(rar.Details{{}}); err == nil {
		t.Error("an empty detail was written")
	}
}

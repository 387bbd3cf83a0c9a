package rar_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/rar"
)

func TestDescribePayment(t *testing.T) {
	r := builtin(t)
	d := parse(t, r, "["+goodPayment+"]")[0]
	want := rar.Description{
		Title: "Payment", Amount: &rar.Money{Currency: "EUR", Amount: "123.50"}, Creditor: "Merchant A",
		Lines: []rar.Line{
			{"To account", "DE02100100109307118603", rar.IBAN},
			{"From account", "GB29NWBK60161331926819", rar.IBAN},
			{"Reference", "Ref Number Merchant", rar.Text},
			{"May", "start the payment, see how far it is", rar.Text},
			{"At", "https://api.example.com/payments", rar.Code},
		},
	}
	for _, lang := range []string{"en", "en-GB", "fr", ""} {
		if diff := cmp.Diff(want, r.Describe(d, lang)); diff != "" {
			t.Errorf("%q: %s", lang, diff)
		}
	}
	for _, lang := range []string{"de", "de-AT", "DE"} {
		german := r.Describe(d, lang)
		if german.Title != "Zahlung" || german.Lines[2].Label != "Verwendungszweck" || german.Lines[3].Value != "die Zahlung auslösen, ihren Stand abfragen" {
			t.Errorf("%q: %v", lang, german)
		}
	}
}

func TestDescribeAccounts(t *testing.T) {
	r := builtin(t)
	want := rar.Description{Title: "Kontoinformationen", Lines: []rar.Line{
		{"Konto sehen", "alle Ihre Konten", rar.Text},
		{"Kontostand lesen", "DE02100100109307118603", rar.IBAN},
		{"Kontostand lesen", "DE89370400440532013000", rar.IBAN},
		{"Wie oft", "wiederholt", rar.Text},
		{"Bis", "2027-02-28", rar.Date},
	}}
	if diff := cmp.Diff(want, r.Describe(parse(t, r, "["+goodAccount+"]")[0], "de")); diff != "" {
		t.Error(diff)
	}
	once := parse(t, r, "["+replaced(t, goodAccount, `true`, `false`)+"]")[0]
	if line := r.Describe(once, "en").Lines[3]; line.Value != "once" {
		t.Errorf("%v", line)
	}
}

// A type without a description of its own is shown whole, in words where there are some.
func TestDescribeShowsEveryMember(t *testing.T) {
	r, err := rar.NewRegistry(rar.Type{
		Name: "https://example.com/photos", Schema: json.RawMessage(`{"type":"object"}`),
		Words: map[string]rar.Words{
			"en": {Title: "Photos", Members: map[string]string{"album": "Album"}},
			"de": {Title: "Fotos", Members: map[string]string{"album": "Album (de)", "public": "Öffentlich"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := parse(t, r, `[{"type":"https://example.com/photos","album":{"name":"Rome","tags":["a","b"]},"public":true,"pages":[1,{"n":null}],"actions":["print"]}]`)[0]
	want := rar.Description{Title: "Fotos", Lines: []rar.Line{
		{"Album (de) / name", "Rome", rar.Text},
		{"Album (de) / tags", "a, b", rar.Text},
		{"Öffentlich", "ja", rar.Text},
		{"pages", "1", rar.Text},
		{"pages / n", "null", rar.Text},
		{"actions", "print", rar.Text},
	}}
	if diff := cmp.Diff(want, r.Describe(d, "de")); diff != "" {
		t.Error(diff)
	}
	if got := r.Describe(d, "fr"); got.Title != "Photos" || got.Lines[2] != (rar.Line{"public", "yes", rar.Text}) {
		t.Errorf("%v", got)
	}
	unknown, err := rar.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if got := unknown.Describe(d, "en"); got.Title != d.Type || len(got.Lines) != len(want.Lines) {
		t.Errorf("%v", got)
	}
}

func TestLanguagesSayTheSameThings(t *testing.T) {
	files, err := filepath.Glob("words/*.json")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	keys := map[string][]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(data, &words); err != nil {
			t.Fatal(err)
		}
		for key, word := range words {
			if word == "" {
				t.Errorf("%s: %s is empty", file, key)
			}
		}
		keys[file] = slices.Sorted(maps.Keys(words))
	}
	for _, file := range files {
		if diff := cmp.Diff(keys["words/en.json"], keys[file]); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

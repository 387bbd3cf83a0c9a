package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

func TestOpeningsKeepTheirBytes(t *testing.T) {
	want := []audit.Opening{
		{Index: 3, KeySalt: strings.Repeat("A", 43)},
		{Index: 9, Nonce: strings.Repeat("B", 43), Detail: json.RawMessage(`{"ua":"\u003cb\u003e é","n":1e3,"d":{"x":[]}}`), Proof: "a.b.c"},
	}
	data, err := audit.FormatOpenings(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := audit.ParseOpenings(data)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := audit.ParseOpenings(nil); err != nil || got != nil {
		t.Errorf("nothing is read as %v, %v", got, err)
	}
}

func TestParseOpeningsRefuses(t *testing.T) {
	const good = `{"i":3,"ks":"a"}` + "\n" + `{"i":4,"p":"x"}` + "\n"
	for name, bad := range map[string]string{
		"no line end":        strings.TrimSuffix(good, "\n"),
		"an empty line":      strings.Replace(good, "\n", "\n\n", 1),
		"out of order":       strings.Replace(good, `"i":3`, `"i":5`, 1),
		"the same twice":     strings.Replace(good, `"i":3`, `"i":4`, 1),
		"an unknown member":  strings.Replace(good, `"ks"`, `"kz"`, 1),
		"two on a line":      strings.Replace(good, "}\n{", "}{", 1),
		"a negative index":   strings.Replace(good, `"i":3`, `"i":-3`, 1),
		"not an object":      "[]\n",
		"larger than it may": strings.Replace(good, `"x"`, `"`+strings.Repeat("x", 200<<10)+`"`, 1),
	} {
		if got, err := audit.ParseOpenings([]byte(bad)); !errors.Is(err, audit.ErrMalformed) {
			t.Errorf("%s: read as %v, %v", name, got, err)
		}
	}
	if _, err := audit.ParseOpenings([]byte(good)); err != nil {
		t.Errorf("the untouched ones: %v", err)
	}
}

func FuzzParseOpenings(f *testing.F) {
	f.Add([]byte(`{"i":3,"ks":"a"}` + "\n" + `{"i":4,"d":{"a": 1},"p":"x"}` + "\n"))
	f.Add([]byte(`{"i":1,"d":null}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := audit.ParseOpenings(data)
		if err != nil {
			return
		}
		written, err := audit.FormatOpenings(all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := audit.ParseOpenings(written)
		if err != nil || len(again) != len(all) {
			t.Fatalf("%q is written as %q, %v", data, written, err)
		}
		twice, err := audit.FormatOpenings(again)
		if err != nil || !bytes.Equal(written, twice) {
			t.Errorf("%q is written as %q, then as %q", data, written, twice)
		}
	})
}

package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// members reads an object into name -> raw value.
func members(data string) (map[string]string, error) {
	got := map[string]string{}
	err := strictjson.Object([]byte(data), func(name string, v strictjson.Value) error {
		got[name] = string(v)
		return nil
	})
	return got, err
}

func TestObjectAccepts(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       map[string]string
	}{
		{"empty", "{}", map[string]string{}},
		{"white space", " \t\r\n{ \"a\" :\n1 , \"b\" : [ 1 , 2 ] } ", map[string]string{"a": "1", "b": "[ 1 , 2 ]"}},
		{"escaped name", `{"\u006ati":"x"}`, map[string]string{"jti": `"x"`}},
		{"numbers", `{"a":0,"b":-1,"c":1.5e+10,"d":-0.0E-1}`, map[string]string{"a": "0", "b": "-1", "c": "1.5e+10", "d": "-0.0E-1"}},
		{"literals", `{"a":true,"b":false,"c":null}`, map[string]string{"a": "true", "b": "false", "c": "null"}},
		{"nested", `{"a":{"b":[{"c":"d"}]},"e":[]}`, map[string]string{"a": `{"b":[{"c":"d"}]}`, "e": "[]"}},
		{"names differ in case", `{"ath":1,"ATH":2}`, map[string]string{"ath": "1", "ATH": "2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := members(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestObjectRefuses(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"m%d":1`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	if _, err := members(many(strictjson.MaxMembers)); err != nil {
		t.Fatalf("%d members: %v", strictjson.MaxMembers, err)
	}
	if _, err := members(nested(strictjson.MaxDepth)); err != nil {
		t.Fatalf("%d levels: %v", strictjson.MaxDepth, err)
	}
	for name, data := range map[string]string{
		"nothing":                       "",
		"an array":                      "[]",
		"a string":                      `"x"`,
		"cut":                           `{"a":1`,
		"trailing data":                 `{}{}`,
		"trailing NUL":                  "{}\x00",
		"duplicate":                     `{"a":1,"a":1}`,
		"duplicate by escape":           `{"jti":1,"\u006ati":2}`,
		"duplicate in a nested object":  `{"x":{"a":1,"a":1}}`,
		"duplicate in an array element": `{"x":[{"a":1,"a":1}]}`,
		"trailing comma":                `{"a":1,}`,
		"trailing comma in an array":    `{"a":[1,]}`,
		"name without quotes":           `{a:1}`,
		"single quotes":                 `{'a':1}`,
		"comment":                       `{/**/"a":1}`,
		"leading zero":                  `{"a":01}`,
		"plus sign":                     `{"a":+1}`,
		"bare point":                    `{"a":1.}`,
		"exponent without digits":       `{"a":1e}`,
		"NaN":                           `{"a":NaN}`,
		"capital literal":               `{"a":True}`,
		"control character":             "{\"a\":\"\x01\"}",
		"line end in a string":          "{\"a\":\"\n\"}",
		"unknown escape":                `{"a":"\x41"}`,
		"short escape":                  `{"a":"\u12"}`,
		"lone high surrogate":           `{"a":"\ud800"}`,
		"lone low surrogate":            `{"a":"\udc00"}`,
		"high surrogate twice":          `{"a":"\ud800\ud800"}`,
		"lone surrogate in a name":      `{"\ud800":1}`,
		"NUL":                           `{"a":"\u0000"}`,
		"NUL in a nested value":         `{"a":{"b":"\u0000"}}`,
		"invalid UTF-8":                 "{\"a\":\"\xff\"}",
		"UTF-16":                        "{\x00}\x00",
		"byte order mark":               "\xef\xbb\xbf{}",
		"string without end":            `{"a":"b`,
		"escape at the end":             `{"a":"\`,
		"missing colon":                 `{"a" 1}`,
		"missing value":                 `{"a":}`,
		"too many members":              many(strictjson.MaxMembers + 1),
		"too deep":                      nested(strictjson.MaxDepth + 1),
		"ten thousand levels":           nested(10_000),
		"arrays too deep":               `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := members(data); err == nil {
				t.Errorf("accepted as %v", got)
			}
		})
	}
}

func nested(levels int) string {
	return strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels-1)
}

func TestObjectStopsAtTheVisitorsError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	err := strictjson.Object([]byte(`{"a":1,"b":2}`), func(string, strictjson.Value) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
}

func TestValues(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{`"plain"`, "plain"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"\u0041\u00e9\u20ac"`, "Aé€"},
		{`"x\ud83d\ude00y"`, "x😀y"},
	} {
		if got, err := strictjson.Value(tt.raw).Str(); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v", tt.raw, got, err)
		}
	}
	for raw, want := range map[string]int64{"0": 0, "-0": 0, "-17": -17, "9007199254740991": 1<<53 - 1} {
		if got, err := strictjson.Value(raw).Int(); err != nil || got != want {
			t.Errorf("%s: %d, %v", raw, got, err)
		}
	}
	for _, raw := range []string{`"1"`, "1.5", "1e3", "9007199254740992", "-9007199254740992", "99999999999999999999", "null", "true"} {
		if got, err := strictjson.Value(raw).Int(); err == nil {
			t.Errorf("%s read as the integer %d", raw, got)
		}
	}
	for _, raw := range []string{"1", "null", "{}", `[]`} {
		if got, err := strictjson.Value(raw).Str(); err == nil {
			t.Errorf("%s read as the string %q", raw, got)
		}
		if _, err := strictjson.Value(raw).Bool(); err == nil {
			t.Errorf("%s read as a boolean", raw)
		}
	}
	if got, err := strictjson.Value(`["a","b"]`).Strings(); err != nil || !cmp.Equal(got, []string{"a", "b"}) {
		t.Errorf("Strings: %v, %v", got, err)
	}
	if _, err := strictjson.Value(`["a",1]`).Strings(); err == nil {
		t.Error("a number read as a string")
	}
}

// FuzzObject holds that what this package accepts, encoding/json accepts and reads the same way.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"\ud83d\ude00","b":[1,{"c":null}],"d":-1.5e3}`, `{"a":1,"a":2}`, `{"":""}`, `{"a":"\u0000"}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		strings := map[string]string{}
		err := strictjson.Object(data, func(name string, v strictjson.Value) error {
			if s, err := v.Str(); err == nil {
				strings[name] = s
			}
			return nil
		})
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.NewDecoder(bytes.NewReader(data)).Decode(&want); err != nil {
			t.Fatalf("accepted %q, encoding/json says %v", data, err)
		}
		for name, s := range strings {
			if want[name] != s {
				t.Errorf("member %q of %q: %q, encoding/json reads %q", name, data, s, want[name])
			}
		}
	})
}

func BenchmarkObject(b *testing.B) {
	data := []byte(`{"jti":"-BwC3ESc6acc2lTc","htm":"POST","htu":"https://server.example.com/token","iat":1562262616}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := strictjson.Object(data, func(string, strictjson.Value) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

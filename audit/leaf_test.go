package audit_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// digestOf makes a string of the form of a digest.
func digestOf(c string) string { return strings.Repeat(c, 43) }

// fullLeaf has every member.
func fullLeaf() audit.Leaf {
	return audit.Leaf{
		Type: audit.TokenIssued, Time: 1795354021123, Outcome: audit.OK, Reason: "why",
		Binding: audit.LeafBinding{Method: audit.ByJKT, Key: digestOf("k")},
		Token: audit.LeafToken{
			ID: digestOf("j"), Claims: digestOf("c"), Account: digestOf("a"), Client: "tpp-4711",
			Audience: "https://api.bank.example", Scope: "payments accounts", Expires: 1795354321, KeyID: "as-2026-11",
		},
		Evidence: audit.LeafEvidence{Proof: digestOf("p"), About: new(uint64(0)), Detail: digestOf("d")},
		Span:     audit.LeafSpan{Count: 3, From: 1795354021000, To: 1795354021100},
	}
}

// leafVectors are the bytes of leaves, which must never change: the log is made of them.
func leafVectors() map[string]audit.Leaf {
	minimal := audit.Leaf{Type: audit.LogHeartbeat, Outcome: audit.OK}
	hostile := minimal
	hostile.Token.Client = "\"\\/\b\f\n\r\t\x01\x1f\x7f<script>&=SUM(A1)é\u2028😀"
	refused := audit.Leaf{Type: audit.TokenRefused, Time: 1, Outcome: audit.Refused, Reason: "htu"}
	about := minimal
	about.Evidence.About = new(uint64(1<<53 - 1))
	return map[string]audit.Leaf{"full": fullLeaf(), "minimal": minimal, "hostile": hostile, "refused": refused, "about": about}
}

func TestLeafVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/leaves.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	leaves := leafVectors()
	if len(want) != len(leaves) {
		t.Errorf("%d vectors for %d leaves", len(want), len(leaves))
	}
	for name, leaf := range leaves {
		t.Run(name, func(t *testing.T) {
			got, err := leaf.Bytes()
			if err != nil || string(got) != want[name] {
				t.Errorf("bytes %s, %v\nwant  %s", got, err, want[name])
			}
			back, err := audit.ParseLeaf([]byte(want[name]))
			if diff := cmp.Diff(leaf, back); err != nil || diff != "" {
				t.Errorf("parsed: %v\n%s", err, diff)
			}
		})
	}
}

func TestParseLeafRefuses(t *testing.T) {
	const good = `{"v":1,"t":"token.issued","ts":17,"out":"ok","rc":"","cl":"a","exp":5,"ps":0,"n":1}`
	if _, err := audit.ParseLeaf([]byte(good)); err != nil {
		t.Fatalf("the untouched leaf: %v", err)
	}
	for name, change := range map[string][2]string{
		"another version":         {`"v":1`, `"v":2`},
		"no version":              {`"v":1,`, ``},
		"an unknown type":         {`token.issued`, `token.invented`},
		"no type":                 {`"t":"token.issued",`, ``},
		"an unknown outcome":      {`"out":"ok"`, `"out":"fine"`},
		"no outcome":              {`"out":"ok",`, ``},
		"no reason":               {`"rc":"",`, ``},
		"no time":                 {`"ts":17,`, ``},
		"white space":             {`"v":1,`, `"v":1, `},
		"white space in front":    {`{"v"`, ` {"v"`},
		"data after it":           {`"n":1}`, `"n":1}` + "\n"},
		"not closed":              {`"n":1}`, `"n":1`},
		"an unknown member":       {`"n":1}`, `"n":1,"x":1}`},
		"a member twice":          {`"cl":"a"`, `"cl":"a","cl":"b"`},
		"members in other order":  {`"cl":"a","exp":5`, `"exp":5,"cl":"a"`},
		"an empty member":         {`"cl":"a"`, `"cl":""`},
		"a zero":                  {`"exp":5`, `"exp":0`},
		"a negative number":       {`"ts":17`, `"ts":-17`},
		"a leading zero":          {`"ts":17`, `"ts":017`},
		"a fraction":              {`"ts":17`, `"ts":17.0`},
		"an exponent":             {`"ts":17`, `"ts":1e3`},
		"a number too large":      {`"ts":17`, `"ts":9007199254740992`},
		"a number in quotes":      {`"ts":17`, `"ts":"17"`},
		"a string without quotes": {`"cl":"a"`, `"cl":a`},
		"a needless escape":       {`"cl":"a"`, `"cl":"\u0061"`},
		"a slash escaped":         {`"cl":"a"`, `"cl":"\/"`},
		"a short escape":          {`"cl":"a"`, `"cl":"\n"`},
		"capitals in an escape":   {`"cl":"a"`, `"cl":"\u001F"`},
		"an escape cut":           {`"cl":"a"`, `"cl":"\u00`},
		"NUL escaped":             {`"cl":"a"`, `"cl":"\u0000"`},
		"NUL":                     {`"cl":"a"`, "\"cl\":\"\x00\""},
		"a bare line end":         {`"cl":"a"`, "\"cl\":\"\n\""},
		"a bare line end later":   {`"cl":"a"`, "\"cl\":\"\\\\\n\""},
		"not UTF-8":               {`"cl":"a"`, "\"cl\":\"\xff\""},
		"a surrogate as UTF-8":    {`"cl":"a"`, "\"cl\":\"\xed\xa0\x80\""},
		"a key and no method":     {`"cl":"a"`, `"kc":"` + digestOf("k") + `"`},
		"a method and no key":     {`"cl":"a"`, `"b":"jkt"`},
		"an unknown method":       {`"cl":"a"`, `"b":"pgp","kc":"` + digestOf("k") + `"`},
		"a short digest":          {`"cl":"a"`, `"cd":"abc"`},
		"a digest in base64":      {`"cl":"a"`, `"cd":"` + digestOf("+") + `"`},
		"a long one":              {`"cl":"a"`, `"cl":"` + strings.Repeat("a", audit.MaxLeaf) + `"`},
		"null":                    {good, `null`},
		"an array":                {good, `[` + good + `]`},
		"nothing":                 {good, ``},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, change[0], change[1], 1)
			if bad == good {
				t.Fatal("nothing was changed")
			}
			if got, err := audit.ParseLeaf([]byte(bad)); !errors.Is(err, audit.ErrMalformed) {
				t.Errorf("%s is read as %+v, %v", bad, got, err)
			}
		})
	}
}

// What Bytes refuses: it must write nothing that ParseLeaf would not read.
func TestLeafBytesRefuses(t *testing.T) {
	for name, change := range map[string]func(*audit.Leaf){
		"no type":            func(l *audit.Leaf) { l.Type = "" },
		"no outcome":         func(l *audit.Leaf) { l.Outcome = "" },
		"a negative time":    func(l *audit.Leaf) { l.Time = -1 },
		"a time too large":   func(l *audit.Leaf) { l.Time = 1 << 53 },
		"a negative count":   func(l *audit.Leaf) { l.Span.Count = -1 },
		"a large index":      func(l *audit.Leaf) { l.Evidence.About = new(uint64(1 << 53)) },
		"a key, no method":   func(l *audit.Leaf) { l.Binding.Method = "" },
		"a method, no key":   func(l *audit.Leaf) { l.Binding.Key = "" },
		"NUL":                func(l *audit.Leaf) { l.Token.Scope = "a\x00" },
		"NUL after UTF-8":    func(l *audit.Leaf) { l.Token.Scope = "é\x00" },
		"not UTF-8":          func(l *audit.Leaf) { l.Reason = "\xff" },
		"a proof, no digest": func(l *audit.Leaf) { l.Evidence.Proof = "proof" },
		"too much":           func(l *audit.Leaf) { l.Token.Scope = strings.Repeat("s", audit.MaxLeaf) },
	} {
		t.Run(name, func(t *testing.T) {
			leaf := fullLeaf()
			change(&leaf)
			if got, err := leaf.Bytes(); !errors.Is(err, audit.ErrMalformed) {
				t.Errorf("written as %s, %v", got, err)
			}
		})
	}
}

// FuzzParseLeaf holds that there is one way to write a leaf, and that other JSON readers read the same from it.
func FuzzParseLeaf(f *testing.F) {
	for _, leaf := range leafVectors() {
		data, err := leaf.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"v":1,"t":"log.closed","ts":0,"out":"ok","rc":"\u0000"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		leaf, err := audit.ParseLeaf(data)
		if err != nil {
			if !errors.Is(err, audit.ErrMalformed) || !reflect.DeepEqual(leaf, audit.Leaf{}) {
				t.Errorf("error %v with %+v", err, leaf)
			}
			return
		}
		again, err := leaf.Bytes()
		if err != nil || string(again) != string(data) {
			t.Errorf("%q is written as %q, %v", data, again, err)
		}
		err = strictjson.Object(data, func(name string, v strictjson.Value) error {
			want := map[string]string{"t": string(leaf.Type), "rc": leaf.Reason, "cl": leaf.Token.Client, "aud": leaf.Token.Audience, "sc": leaf.Token.Scope, "kid": leaf.Token.KeyID}
			if s, ok := want[name]; ok {
				if got, err := v.Str(); err != nil || got != s {
					t.Errorf("%s is %q, another reader sees %q, %v", name, s, got, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%q: another reader says %v", data, err)
		}
	})
}

func BenchmarkParseLeaf(b *testing.B) {
	data, err := fullLeaf().Bytes()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.ParseLeaf(data); err != nil {
			b.Fatal(err)
		}
	}
}

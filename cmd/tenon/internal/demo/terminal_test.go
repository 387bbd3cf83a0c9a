package demo_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/demo"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

var update = flag.Bool("update", false, "write the golden files")

func told(t terminal.Terminal) string {
	cast := demo.Cast{
		Issuer: "https://127.0.0.1:40001", MTLS: "https://127.0.0.1:40002", API: "https://127.0.0.1:40003", Dir: "/tmp/d", Kept: true,
	}
	good := demo.Result{
		Number: 1, Chapter: "Two honest clients", Title: "shop pays",
		Outcome: demo.Outcome{Status: 201, Sent: "POST /payments · DPoP: eyJ0…abcd", Why: "payment 1: 12.50 EUR paid for shop"},
	}
	refused := demo.Result{
		Number: 2, Chapter: "A thief", Title: "the token alone, as Bearer", Attack: true,
		Outcome: demo.Outcome{Status: 401, Code: tenon.InvalidToken, Sent: "POST /payments", Why: "the token is bound to a key"},
	}
	wrong := refused
	wrong.Number, wrong.Status, wrong.Code, wrong.Why = 3, 201, "", "payment 2: 12.50 EUR paid for shop"
	wrong.Fault = "the attack succeeded"
	audited := demo.Result{
		Number: 4, Chapter: "The auditor", Title: "the binding log", Want: demo.Wanted{Finding: "clean"},
		Outcome: demo.Outcome{Finding: "clean", Sent: "tenon audit verify /tmp/d/data/log", Why: "31 entries"},
	}
	altered := demo.Result{
		Number: 5, Chapter: "The auditor", Title: "one byte changed", Attack: true, Want: demo.Wanted{Finding: "LEAF_MISMATCH"},
		Outcome: demo.Outcome{Finding: "LEAF_MISMATCH", Sent: "entry 7", Why: "LEAF_MISMATCH entry 7, tile entries/000.p/31"},
	}
	var out bytes.Buffer
	demo.Tell(&out, t, cast, []demo.Result{good, refused, wrong, audited, altered})
	demo.Tell(&out, t, cast, []demo.Result{good, refused, audited, altered})
	return out.String()
}

func TestToldOnATerminal(t *testing.T) {
	for name, term := range map[string]terminal.Terminal{"unicode": {Unicode: true}, "ascii": {}, "colour": {Unicode: true, Colour: true}} {
		golden := filepath.Join("testdata", name+".txt")
		got := told(term)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNothingBeyondASCIIWhereTheTerminalHasNone(t *testing.T) {
	if got := told(terminal.Terminal{}); strings.ContainsFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }) {
		t.Errorf("not ASCII: %s", got)
	}
}

func TestPictureHasStraightEdges(t *testing.T) {
	picture := demo.Draw(demo.Cast{Issuer: "https://127.0.0.1:40001", MTLS: "https://127.0.0.1:1", API: "https://127.0.0.1:40003"})
	edges := map[int]bool{}
	for line := range strings.Lines(picture) {
		columns := []rune(strings.TrimRight(line, "\n"))
		if len(columns) > 0 && slices.Contains([]rune("│┐┘"), columns[len(columns)-1]) && len(columns) > 50 {
			edges[len(columns)] = true
		}
	}
	if len(edges) != 1 {
		t.Errorf("the boxes end in columns %v:\n%s", edges, picture)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"one two three", []string{"one two", "three"}},
		{"exactly7 ab", []string{"exactly7", "ab"}},
		{"……… ……… ………", []string{"……… ………", "………"}},
		{"incomprehensible", []string{"incomprehensible"}},
	} {
		if diff := cmp.Diff(c.want, demo.Wrap(c.text, 8)); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"/tmp/d-1": "/tmp/d-1", "/a b": "'/a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := demo.Quote(in); got != want {
			t.Errorf("%s is quoted %s, want %s", in, got, want)
		}
	}
}

func TestShortNeverShowsASecret(t *testing.T) {
	for _, secret := range []string{"", "short", "fifteen-letters", strings.Repeat("x", 400)} {
		if got := demo.Short(secret); len([]rune(got)) > 9 || secret != "" && got == secret {
			t.Errorf("%q is shown as %q", secret, got)
		}
	}
}

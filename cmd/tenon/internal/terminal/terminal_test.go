package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

func env(pairs ...string) func(string) string {
	set := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return set[name] }
}

func TestLocaleDecidesOnCharacters(t *testing.T) {
	for name, c := range map[string]struct {
		env  func(string) string
		want bool
	}{
		"nothing set":            {env(), false},
		"LANG":                   {env("LANG", "de_DE.UTF-8"), true},
		"C.utf8":                 {env("LANG", "C.utf8"), true},
		"POSIX":                  {env("LANG", "POSIX"), false},
		"LC_ALL before LANG":     {env("LC_ALL", "C", "LANG", "de_DE.UTF-8"), false},
		"LC_CTYPE before LANG":   {env("LC_CTYPE", "en_US.UTF-8", "LANG", "C"), true},
		"LC_ALL before LC_CTYPE": {env("LC_ALL", "en_US.UTF-8", "LC_CTYPE", "C"), true},
	} {
		if got := terminal.Of(&bytes.Buffer{}, c.env).Unicode; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestNoColourIntoAPipe(t *testing.T) {
	term := terminal.Of(&bytes.Buffer{}, env("TERM", "xterm"))
	for _, paint := range []func(string) string{term.Good, term.Bad, term.Notable, term.Strong, term.Faint} {
		if got := paint("x"); got != "x" {
			t.Errorf("painted %q into a pipe", got)
		}
	}
	if got := (terminal.Terminal{Colour: true}).Good("x"); !strings.HasPrefix(got, "\x1b[") || !strings.HasSuffix(got, "\x1b[0m") {
		t.Errorf("a terminal with colour shows %q", got)
	}
}

func TestTextIsASCIIWhereNothingElseIsKnown(t *testing.T) {
	const all = "┌─┬┐ │ ├┤ └┴┘ ▶▼ ✓✗ “quoted…” a·b — 2× ≤ ≥"
	if got := (terminal.Terminal{}).Text(all); strings.ContainsFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }) {
		t.Errorf("%q is not ASCII", got)
	}
	if got := (terminal.Terminal{Unicode: true}).Text(all); got != all {
		t.Errorf("%q was changed into %q", all, got)
	}
}

func TestBarIsProportional(t *testing.T) {
	unicode, ascii := terminal.Terminal{Unicode: true}, terminal.Terminal{}
	for _, c := range []struct {
		part, whole float64
		want, plain string
	}{
		{1, 1, "██████████", "##########"},
		{0.5, 1, "█████", "#####"},
		{5, 1, "██████████", "##########"},
		{0.0001, 1, "▏", "#"},
		{0.55, 1, "█████▌", "######"},
		{0, 1, "", ""},
		{1, 0, "", ""},
		{-1, 1, "", ""},
	} {
		if got := unicode.Bar(c.part, c.whole, 10); got != c.want {
			t.Errorf("%v of %v is %q, want %q", c.part, c.whole, got, c.want)
		}
		if got := ascii.Bar(c.part, c.whole, 10); got != c.plain {
			t.Errorf("%v of %v in ASCII is %q, want %q", c.part, c.whole, got, c.plain)
		}
	}
}

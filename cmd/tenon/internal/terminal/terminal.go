package terminal

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A Terminal says what can be shown. The zero value shows plain ASCII, which is right everywhere.
type Terminal struct {
	Colour  bool
	Unicode bool
}

// Of looks at where w leads and at the environment. There is colour on a terminal only, and none when NO_COLOR is set to
// anything or the terminal calls itself dumb. There is more than ASCII when the locale says UTF-8, also into a pipe.
func Of(w io.Writer, getenv func(string) string) Terminal {
	file, isFile := w.(*os.File)
	return Terminal{
		Colour:  isFile && term.IsTerminal(int(file.Fd())) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
		Unicode: speaksUTF8(getenv),
	}
}

// speaksUTF8 reads the locale the way the C library does: the first of these that is set decides.
func speaksUTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToUpper(getenv(name)); locale != "" {
			return strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8")
		}
	}
	return false
}

// Good marks what went as it must.
func (t Terminal) Good(s string) string { return t.paint("32", s) }

// Bad marks what must not be.
func (t Terminal) Bad(s string) string { return t.paint("1;31", s) }

// Notable marks what the eye should find.
func (t Terminal) Notable(s string) string { return t.paint("33", s) }

// Strong marks headings.
func (t Terminal) Strong(s string) string { return t.paint("1", s) }

// Faint marks what may be skipped.
func (t Terminal) Faint(s string) string { return t.paint("2", s) }

func (t Terminal) paint(code, s string) string {
	if !t.Colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// plain holds an ASCII form for every other character that the commands write, as many columns wide where columns matter.
var plain = strings.NewReplacer(
	"…", "..", "·", "-", "—", "-", "“", `"`, "”", `"`, "×", "x", "≤", "<=", "≥", ">=",
	"✓", "+", "✗", "!", "▶", ">", "▼", "v", "─", "-", "│", "|",
	"┌", "+", "┐", "+", "└", "+", "┘", "+", "├", "+", "┤", "+", "┬", "+", "┴", "+",
)

// Text gives s in characters that can be shown.
func (t Terminal) Text(s string) string {
	if t.Unicode {
		return s
	}
	return plain.Replace(s)
}

// blocks are eighths of a character cell, from one to seven.
var blocks = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// Bar draws a horizontal bar for part of whole, at most width columns long. Anything above nothing is visible.
func (t Terminal) Bar(part, whole float64, width int) string {
	if !(part > 0) || !(whole > 0) {
		return ""
	}
	eighths := max(1, int(min(part/whole, 1)*float64(width)*8+0.5))
	if !t.Unicode {
		return strings.Repeat("#", max(1, (eighths+4)/8))
	}
	return strings.Repeat("█", eighths/8) + blocks[eighths%8]
}

package auditview

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// A Page is where something is shown.
type Page struct {
	W io.Writer
	T terminal.Terminal
}

// manual is where the limits are explained.
const manual = "docs/auditors.md"

// labelWidth is the column in which what is said begins.
const labelWidth = 12

// print writes what the terminal can show.
func (p Page) print(format string, args ...any) {
	io.WriteString(p.W, p.T.Text(fmt.Sprintf(format, args...)))
}

// line writes a label and what belongs to it.
func (p Page) line(label, format string, args ...any) {
	pad := strings.Repeat(" ", max(1, labelWidth-len(label)))
	p.print("%s%s%s\n", p.T.Strong(label), pad, fmt.Sprintf(format, args...))
}

// lineWidth is where words are wrapped.
const lineWidth = 110

// clean says what held, and only that.
func (p Page) clean(held []string) {
	label, line := "clean:", ""
	for i, what := range held {
		if i < len(held)-1 {
			what += ","
		}
		if line != "" && labelWidth+len(line)+1+len(what) > lineWidth {
			p.line(label, "%s", p.T.Good(line))
			label, line = "", ""
		}
		line = strings.TrimSpace(line + " " + what)
	}
	p.line(label, "%s", p.T.Good(line))
}

// list writes a label and items below it. Nothing is written for no items.
func (p Page) list(label string, items []string) {
	if len(items) == 0 {
		return
	}
	p.print("%s\n", p.T.Strong(label))
	for _, item := range items {
		p.print("  - %s\n", audit.Inert(item))
	}
}

// notChecked writes what nobody should read out of a result, as plainly as the result.
func (p Page) notChecked(what []string) {
	p.list("not checked (see "+manual+")", what)
}

// Number writes a number with commas between thousands.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count writes a number and its noun, whose plural has an s.
func Count(n int64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return Number(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "s"):
		return Number(n) + " " + noun + "es"
	}
	return Number(n) + " " + noun + "s"
}

// Age writes how long ago something was, in the unit that tells most.
func Age(d time.Duration) string {
	if d < 0 {
		return span(-d) + " ahead of this machine's clock"
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// shortHash is enough of a root to compare by eye.
func shortHash(h tlog.Hash) string { return h.String()[:12] + "…" }

// clip makes text from a log harmless and at most so many columns wide.
func clip(s string, width int) string {
	s = audit.Inert(s)
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// padded fills a text up to a width.
func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

package demo

import (
	"fmt"
	"io"
	"strings"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// A stageView tells the play to a person, three lines a step: what was tried and what came of it, what was sent, and why.
type stageView struct {
	w       io.Writer
	t       terminal.Terminal
	chapter string
}

var _ teller = (*stageView)(nil)

// titleWidth is where the status stands; textWidth is where words are wrapped.
const (
	titleWidth = 60
	textWidth  = 92
)

func (v *stageView) begin(c Cast) {
	kept := "in a folder that is removed at the end"
	if c.Kept {
		kept = "in " + c.Dir
	}
	v.print("%s an issuer, a payments API, two clients and a thief on this machine. Data %s.\n", v.t.Strong("Tenon demo:"), kept)
	v.print("%s", draw(c))
}

func (v *stageView) step(r Result) {
	if r.Chapter != v.chapter {
		v.chapter = r.Chapter
		v.print("\n%s\n", v.t.Strong(r.Chapter))
	}
	title := v.t.Text(r.Title)
	pad := strings.Repeat(" ", max(1, titleWidth-len([]rune(title))))
	v.print("%s %2d  %s%s%s\n", v.mark(r), r.Number, title, pad, v.verdict(r))
	for _, line := range wrap(r.Sent, textWidth) {
		v.print("      %s\n", v.t.Faint(line))
	}
	why := r.Why
	if r.Code != "" && why != "" {
		why = "“" + why + "”" // the server's own words
	}
	for _, line := range wrap(why, textWidth) {
		v.print("      %s\n", line)
	}
	if r.Fault != "" {
		v.print("      %s\n", v.t.Bad("WRONG: "+r.Fault))
	}
}

// mark is good for a step that ended as it must: for an attack, that it was refused.
func (v *stageView) mark(r Result) string {
	if r.Fault != "" {
		return v.t.Bad("✗")
	}
	return v.t.Good("✓")
}

func (v *stageView) verdict(r Result) string {
	switch {
	case r.Finding == clean:
		return v.t.Good(clean)
	case r.Finding != "":
		return v.t.Notable("found  " + r.Finding)
	case r.Code == "":
		return v.t.Good(fmt.Sprint(r.Status))
	}
	return v.t.Notable(fmt.Sprintf("%d  %s", r.Status, r.Code))
}

func (v *stageView) end(s Summary) {
	if len(s.Wrong) == 0 {
		v.print("\n%s %d attacks refused, each by the check that should; %d honest calls answered;\nthe log of it verified, and the one byte changed in it found.\n",
			v.t.Good("All as it must be:"), s.Attacks, s.Steps-s.Attacks-s.Audits)
		return
	}
	v.print("\n%s\n", v.t.Bad(fmt.Sprintf("%d of %d steps went wrong:", len(s.Wrong), s.Steps)))
	for _, r := range s.Wrong {
		v.print("  step %d, %s: %s\n", r.Number, r.Title, r.Fault)
	}
}

// print writes what the terminal can show.
func (v *stageView) print(format string, args ...any) {
	io.WriteString(v.w, v.t.Text(fmt.Sprintf(format, args...)))
}

// wrap breaks text at spaces into lines of at most width columns, where words allow.
func wrap(text string, width int) []string {
	var lines []string
	line, columns := "", 0
	for word := range strings.FieldsSeq(text) {
		length := len([]rune(word))
		if line != "" && columns+1+length > width {
			lines, line, columns = append(lines, line), "", 0
		}
		if line != "" {
			line, columns = line+" ", columns+1
		}
		line, columns = line+word, columns+length
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

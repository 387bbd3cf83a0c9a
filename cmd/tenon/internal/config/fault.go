package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Fault is one mistake in the file.
type Fault struct {
	Line, Column int    // from 1; 0 when the file could not be read at all
	Setting      string // its path, as "limits.body" or "clients[2].bearer"
	Text         string // what is wrong, and what to write instead
}

// Faults is every mistake of one file: the error that [Load] gives.
type Faults struct {
	Path string
	List []Fault
	text []byte
}

// Lines tells each fault in one line, for a log.
func (f *Faults) Lines() []string {
	var lines []string
	for _, fault := range f.List {
		lines = append(lines, fmt.Sprintf("%s:%d:%d %s", f.Path, fault.Line, fault.Column, fault.Text))
	}
	return lines
}

// contextLines is how many lines are shown before the faulty one.
const contextLines = 2

// Error tells all faults in the order of the file, each with the lines around it.
func (f *Faults) Error() string {
	var b strings.Builder
	lines := strings.Split(string(f.text), "\n")
	for i, fault := range f.List {
		fmt.Fprintf(&b, "%s:%d:%d  %s\n", f.Path, fault.Line, fault.Column, fault.Text)
		if i+1 == len(f.List) || f.List[i+1].Line != fault.Line { // faults of one line share its excerpt
			excerpt(&b, lines, fault.Line)
		}
	}
	noun := "faults"
	if len(f.List) == 1 {
		noun = "fault"
	}
	fmt.Fprintf(&b, "%d %s", len(f.List), noun)
	return b.String()
}

func excerpt(b *strings.Builder, lines []string, at int) {
	for n := max(1, at-contextLines); n <= min(at, len(lines)); n++ {
		mark := " "
		if n == at {
			mark = ">"
		}
		line := strings.TrimRight(fmt.Sprintf("    %s %2d | %s", mark, n, printable(lines[n-1])), " ")
		b.WriteString(line + "\n")
	}
}

// printable bounds a line and keeps what could move a terminal's cursor out of it.
func printable(line string) string {
	const most = 120
	line = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return line
}

// asError gives nil when there is no fault.
func (f *Faults) asError() error {
	if len(f.List) == 0 {
		return nil
	}
	slices.SortStableFunc(f.List, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}

// nearest gives the word of known that is most like word, or "" when none is.
func nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, candidate := range known {
		if d := distance(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the single letters to insert, drop, replace or swap with a neighbour that make b of a.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			change := row[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			next[j] = min(row[j]+1, next[j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

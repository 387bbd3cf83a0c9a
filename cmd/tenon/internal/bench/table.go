package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// Write tells a report to a person: the machine, a table with bars, and which budgets are met.
func (r *Report) Write(w io.Writer, t terminal.Terminal) error {
	v := &view{t: t}
	v.machine(r.Machine)
	v.table(r.Figures)
	v.facts(r.Facts)
	v.budgets(r)
	_, err := io.WriteString(w, t.Text(v.String()))
	return err
}

// A view collects the text.
type view struct {
	strings.Builder
	t terminal.Terminal
}

func (v *view) line(format string, args ...any) { fmt.Fprintf(v, format+"\n", args...) }

func (v *view) machine(m Machine) {
	cpu := m.CPU
	if cpu == "" {
		cpu = "CPU of unknown model"
	}
	v.line("%s  %s, %s", v.t.Strong("Tenon on this machine"), m.Date.Format("2006-01-02 15:04 MST"), m.Go)
	v.line("%s, %s, %d CPUs, GOMAXPROCS %d", m.System, cpu, m.CPUs, m.GOMAXPROCS)
	v.line("files on %s (%s)", m.Filesystem, m.Dir)
	if m.InMemory {
		v.line("%s", v.t.Notable("This file system is memory: an fsync costs nothing here, and the durable figures say nothing about a disk. Use --dir."))
	}
	if m.GOMAXPROCS < 2 {
		v.line("%s", v.t.Notable("With one scheduler thread every fsync stalls everybody: set GOMAXPROCS to 2 or more, also in a container with one core."))
	}
}

// nameWidth and barWidth are columns of the table.
const (
	nameWidth = 32
	barWidth  = 24
)

// table writes the figures by section, with a bar that compares throughputs within the section.
func (v *view) table(figures []Figure) {
	for i, f := range figures {
		if i == 0 || f.Section != figures[i-1].Section {
			v.line("\n%s", v.t.Strong(f.Section))
			v.line("%s", v.t.Faint(fmt.Sprintf("  %-*s %10s %9s %9s %9s  %7s", nameWidth, "", "a second", "p50", "p99", "CPU each", "ratio")))
		}
		ratio := "-"
		if f.Ratio != nil && f.Ratio.Value > 0 {
			ratio = fmt.Sprintf("%.2f ×", f.Ratio.Value)
		}
		v.line("  %-*s %10s %9s %9s %9s  %7s  %s", nameWidth, f.Name, thousands(f.PerSecond), took(f.P50), took(f.P99), took(f.CPU),
			ratio, v.t.Bar(f.PerSecond, fastest(figures, f.Section), barWidth))
	}
	v.line("")
	for i, f := range figures {
		if f.Ratio != nil && (i == 0 || figures[i-1].Ratio == nil || figures[i-1].Ratio.Of != f.Ratio.Of) {
			v.line("%s", v.t.Faint(fmt.Sprintf("ratio in %q: CPU of one operation to that of %s", f.Section, f.Ratio.Of)))
		}
	}
}

func (v *view) facts(facts []Fact) {
	v.line("")
	for _, f := range facts {
		v.line("  %-*s %10.1f %s", nameWidth, f.Name, f.Value, f.Unit)
	}
}

// budgets says what is promised and whether it holds here.
func (v *view) budgets(r *Report) {
	v.line("\n%s", v.t.Strong("Budgets"))
	for _, f := range r.Figures {
		for _, b := range f.Budgets {
			section, _, _ := strings.Cut(f.Section, ",")
			v.budget(section+": "+f.Name, b)
		}
	}
	for _, f := range r.Facts {
		v.budget(f.Name, f.Budget)
	}
}

func (v *view) budget(name string, b Budget) {
	mark := v.t.Good("✓ met   ")
	if !b.Met {
		mark = v.t.Bad("✗ missed")
	}
	v.line("  %s  %-66s %s, here %s", mark, name, b.Text, number(b.Value))
}

func fastest(figures []Figure, section string) (most float64) {
	for _, f := range figures {
		if f.Section == section {
			most = max(most, f.PerSecond)
		}
	}
	return most
}

// took writes a duration in three digits.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "-"
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.2f us", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f us", float64(d)/1e3)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.0f ms", float64(d)/1e6)
}

// thousands writes a whole number in groups of three.
func thousands(f float64) string {
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// number writes three digits or so.
func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

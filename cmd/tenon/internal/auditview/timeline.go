package auditview

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-auth/tenon/audit"
)

// Timeline draws the life of a key: one line an event, in the order of the log, and how often its tokens were used.
func (p Page) Timeline(l *audit.Timeline) {
	p.Events(l.Events)
	p.uses(l.Uses)
	if len(l.Events) > 0 {
		p.print("\n")
	}
	p.Search(&l.Search)
}

// Events draws events in columns. A day is written once.
func (p Page) Events(all []audit.Event) {
	var typeWidth, textWidth, indexWidth int
	for i := range all {
		e := &all[i]
		typeWidth = max(typeWidth, len(e.Type))
		textWidth = max(textWidth, utf8.RuneCountInString(Describe(e)))
		indexWidth = max(indexWidth, len(Number(e.Index))+1)
	}
	day := ""
	for i := range all {
		e := &all[i]
		date := e.At.UTC().Format(time.DateOnly)
		shown := date
		if date == day {
			shown = "          "
		}
		day = date
		line := fmt.Sprintf("%s %s  %s  %s  #%s", shown, e.At.UTC().Format(time.TimeOnly), padded(audit.Inert(string(e.Type)), typeWidth),
			padded(Describe(e), textWidth), Number(e.Index))
		if word := outcome(e); word != "" {
			line += strings.Repeat(" ", indexWidth-len(Number(e.Index))) + "  " + p.T.Bad(word)
		}
		p.print("%s\n", p.paint(e, line))
	}
}

// paint lets the eye find what somebody should look at.
func (p Page) paint(e *audit.Event, line string) string {
	switch e.Type {
	case audit.ProofReplayed, audit.KeyMismatch:
		return p.T.Bad(line)
	case audit.TokenRevoked, audit.GrantRevoked, audit.KeyRebound:
		return p.T.Notable(line)
	case audit.UseSummary, audit.LogHeartbeat:
		return p.T.Faint(line)
	}
	return line
}

// sparkWidth is how many columns the drawing of uses has at most.
const sparkWidth = 60

// uses draws how often tokens were used, minute by minute, or in longer steps when the time is long.
func (p Page) uses(all []audit.Uses) {
	if len(all) == 0 {
		return
	}
	first, last := all[0].Minute, all[len(all)-1].Minute
	minutes := int64(last.Sub(first)/time.Minute) + 1
	each := (minutes + sparkWidth - 1) / sparkWidth
	columns := make([]int64, (minutes+each-1)/each)
	for _, u := range all {
		columns[int64(u.Minute.Sub(first)/time.Minute)/each] += u.Count
	}
	unit := "a minute"
	if each > 1 {
		unit = "in " + Number(each) + " minutes"
	}
	p.print("%s uses %s, %s to %s UTC\n", p.T.Good(p.T.Sparkline(columns)), unit, clock(first, last), clock(last.Add(time.Minute), first))
}

// clock writes a time of day, with the day when the other one is of another day.
func clock(at, other time.Time) string {
	at, other = at.UTC(), other.UTC()
	if at.Format(time.DateOnly) == other.Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("2006-01-02 15:04")
}

// Step tells of a new checkpoint, and of the one before that it extends.
func (p Page) Step(c audit.Checkpoint, extended int64) {
	text := fmt.Sprintf("size %s, root %s", Number(c.Size), shortHash(c.Root))
	if extended > 0 {
		text += fmt.Sprintf(", extends size %s", Number(extended))
	}
	p.print("%s\n", p.T.Faint("── "+text))
}

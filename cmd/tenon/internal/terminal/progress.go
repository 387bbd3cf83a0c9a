package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// A Progress is a bar that is drawn again and again on one line while something long is done, and wiped at the end. The zero value
// draws nothing.
type Progress struct {
	W    io.Writer // where it is drawn; nil nowhere
	T    Terminal
	What string           // what is counted
	Now  func() time.Time // nil means time.Now

	last time.Time
	on   bool
}

// ProgressOn gives a bar on w when it is a terminal. Into files and pipes nothing is drawn.
func ProgressOn(w io.Writer, t Terminal, what string) *Progress {
	if file, ok := w.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return &Progress{}
	}
	return &Progress{W: w, T: t, What: what}
}

// redraw is how often the bar is drawn at most.
const redraw = 100 * time.Millisecond

// Show says how much is done. It may be called as often as one likes.
func (p *Progress) Show(done, total int64) {
	if p.W == nil || total <= 0 {
		return
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	if at := now(); at.Sub(p.last) >= redraw {
		p.last, p.on = at, true
		const width = 20
		bar := p.T.Bar(float64(done), float64(total), width)
		pad := strings.Repeat(" ", max(0, width-len([]rune(bar))))
		fmt.Fprintf(p.W, "\r%-11s %d of %d  %s%s %3d %%", p.What, done, total, bar, pad, done*100/total)
	}
}

// Wipe takes the bar away, so that what follows begins on an empty line.
func (p *Progress) Wipe() {
	if p.on {
		fmt.Fprint(p.W, "\r\x1b[K")
		p.on = false
	}
}

package demo

import (
	"io"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// What the tests look at beside Run.
var (
	Judge = judge
	Short = short
	Wrap  = wrap
	Quote = quote
	Draw  = draw
)

// Tell tells results on a terminal as Run does.
func Tell(w io.Writer, t terminal.Terminal, cast Cast, results []Result) {
	view := &stageView{w: w, t: t}
	view.begin(cast)
	var sum Summary
	for _, r := range results {
		view.step(r)
		sum.add(r)
	}
	view.end(sum)
}

package demo

import (
	"encoding/json"
	"io"
)

// A teller tells the play while it is played. What it cannot write is lost: a closed pipe does not change the verdict.
type teller interface {
	begin(Cast)
	step(Result)
	end(Summary)
}

// Cast is who is on stage, and where.
type Cast struct {
	Issuer string // its identifier, an https URL
	MTLS   string // the issuer's origin for clients with a certificate
	API    string // origin of the payments API
	Shop   string // where a person can shop in a browser
	Dir    string // where everything is kept
	Kept   bool   // the directory stays when the demo ends
}

// Summary is how the play ended.
type Summary struct {
	Steps   int
	Attacks int // on the servers
	Audits  int
	Wrong   []Result // the steps that did not end as they must
}

func (s *Summary) add(r Result) {
	s.Steps++
	switch {
	case r.Want.audit():
		s.Audits++
	case r.Attack:
		s.Attacks++
	}
	if r.Fault != "" {
		s.Wrong = append(s.Wrong, r)
	}
}

// objects tells the play to a program: one JSON object a step, nothing else.
type objects struct{ w io.Writer }

var _ teller = objects{}

func (o objects) begin(Cast) {}

func (o objects) step(r Result) {
	line, err := json.Marshal(r)
	if err != nil {
		return // a Result is strings and numbers
	}
	o.w.Write(append(line, '\n'))
}

func (o objects) end(Summary) {}

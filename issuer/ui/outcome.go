package ui

import "time"

// Error tells that it goes no further. The element with id "error" holds the code, plain words and the reference.
type Error struct {
	Frame
	Code      string    // such as invalid_request; the page has words for the registered codes
	Detail    string    // one sentence for whoever builds the client; may be empty
	Reference string    // finds the line in the log
	Time      time.Time // zero: not told
	Client    Client    // zero: not known
	Back      string    // path of a page where the person can go on; may be empty
}

func (Error) name() string { return "error" }

// Done tells that something is finished and the window may be closed.
type Done struct {
	Frame
	What   Outcome
	Client Client // zero: none
	Back   string // path of a page where the person can go on; may be empty
}

func (Done) name() string { return "done" }

// An Outcome is what is finished.
type Outcome string

// The outcomes that the page has words for. An unknown one is told as Finished.
const (
	Finished  Outcome = "finished"
	SignedOut Outcome = "signed-out"
	Approved  Outcome = "approved" // allowed here, and something goes on elsewhere
	Refused   Outcome = "refused"
)

package demo

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tenon-auth/tenon"
)

// A chapter is a part of the story with a heading of its own.
type chapter struct {
	title string
	steps []step
}

// A step is one thing that is tried. An error of do is a fault of the demo itself: the step could not be tried.
type step struct {
	title string
	want  Wanted
	do    func(context.Context) (Outcome, error)
}

// Wanted is what must come of a step. With a Code the step is an attack, and has to be refused.
type Wanted struct {
	Status int        `json:"status"`
	Code   tenon.Code `json:"error,omitempty"`
	Check  string     `json:"check,omitempty"` // the check that must refuse, so that no other hides its absence
	// Finding is what an auditor must say of a log: clean, or what is wrong with it. Such a step is no call.
	Finding string `json:"finding,omitempty"`
}

// attack reports whether the step must be refused, or found out.
func (w Wanted) attack() bool { return w.Code != "" || w.audit() && w.Finding != clean }

// audit reports whether the step is an auditor's.
func (w Wanted) audit() bool { return w.Finding != "" }

// An Outcome is what came of a step.
type Outcome struct {
	Status int        `json:"status"`
	Code   tenon.Code `json:"error,omitempty"`
	Check  string     `json:"check,omitempty"`
	Sent   string     `json:"sent"` // in short, secrets shortened beyond use
	Why    string     `json:"why"`  // the server's words about a refusal, or what was given or found

	Finding string `json:"finding,omitempty"` // the auditor's, of a step that is no call
}

// A Result is a step that was played.
type Result struct {
	Number  int    `json:"step"`
	Chapter string `json:"chapter"`
	Title   string `json:"title"`
	Attack  bool   `json:"attack"`
	Outcome
	Want  Wanted `json:"want"`
	Fault string `json:"fault,omitempty"` // what is wrong with the outcome; empty when it is as it must be
}

// judge says what is wrong with an outcome. It is the only place that decides whether the demo succeeds.
func judge(want Wanted, got Outcome) string {
	if want.audit() {
		return judgeAudit(want, got)
	}
	accepted := got.Status >= 200 && got.Status < 300
	switch {
	case want.attack() && accepted:
		return fmt.Sprintf("the attack succeeded: it must be refused with %d %s and was answered %d %s",
			want.Status, want.Code, got.Status, http.StatusText(got.Status))
	case !want.attack() && !accepted:
		return fmt.Sprintf("an honest call was refused: %s", got.verdict())
	case got.Status != want.Status || got.Code != want.Code:
		return fmt.Sprintf("the answer must be %s and was %s", Outcome{Status: want.Status, Code: want.Code}.verdict(), got.verdict())
	case got.Check != want.Check:
		return fmt.Sprintf("the check %q must refuse this, and %q did", want.Check, got.Check)
	}
	return ""
}

// judgeAudit says what is wrong with what an auditor found.
func judgeAudit(want Wanted, got Outcome) string {
	switch {
	case got.Finding == want.Finding:
		return ""
	case want.attack():
		return fmt.Sprintf("the tampering was not named: the auditor must find %s and said %s", want.Finding, got.Finding)
	}
	return "the log is not in order: " + got.Finding
}

// verdict is status and code in short.
func (o Outcome) verdict() string {
	if o.Code == "" {
		return fmt.Sprintf("%d %s", o.Status, http.StatusText(o.Status))
	}
	return fmt.Sprintf("%d %s", o.Status, o.Code)
}

// play tries one step and judges it.
func (s step) play(ctx context.Context) (Result, error) {
	got, err := s.do(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", s.title, err)
	}
	return Result{Title: s.title, Attack: s.want.attack(), Outcome: got, Want: s.want, Fault: judge(s.want, got)}, nil
}

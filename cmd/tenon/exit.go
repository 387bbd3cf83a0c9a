package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tenon-auth/tenon/audit"
)

// Exit codes, the same for every command.
const (
	exitDone    = 0
	exitRefused = 1 // refused, or found wrong
	exitUsage   = 2 // the command line or the configuration is wrong
	exitFailed  = 3 // cannot be completed
	exitStale   = 4 // for auditors: the checkpoint is too old, or too few witnesses signed it
)

// An exitError carries the exit code that its command ends with. Text is false when the command has already said
// everything.
type exitError struct {
	code  int
	cause error
	said  bool
}

func (e *exitError) Error() string { return e.cause.Error() }
func (e *exitError) Unwrap() error { return e.cause }

// usageError says that the command line or the configuration must be changed.
func usageError(err error) error { return &exitError{code: exitUsage, cause: err} }

// refusedError says that a server refused, or that something was found wrong.
func refusedError(err error) error { return &exitError{code: exitRefused, cause: err} }

// verdict ends a command that has told what it found with the exit code of that. It is nil when all was well.
func verdict(code int, findings []audit.Finding) error {
	if code == exitDone {
		return nil
	}
	return &exitError{code: code, cause: &findings[0], said: true}
}

// alreadySaid keeps an error's exit code and prints nothing more.
func alreadySaid(err error) error {
	return &exitError{code: exitCode(err), cause: err, said: true}
}

// isSaid reports whether nothing more is to be printed about an error.
func isSaid(err error) bool {
	var e *exitError
	return errors.As(err, &e) && e.said
}

// report prints an error for a person and gives the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if !isSaid(err) {
		fmt.Fprintln(w, "tenon: "+err.Error())
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var e *exitError
	var f *audit.Finding
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &f):
		return f.Exit()
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		return exitUsage
	}
	return exitFailed
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes, the same for every command.
const (
	exitDone    = 0
	exitRefused = 1 // refused, or found wrong
	exitUsage   = 2 // the command line or the configuration is wrong
	exitFailed  = 3 // cannot be completed
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

// alreadySaid keeps an error's exit code and prints nothing more.
func alreadySaid(err error) error {
	return &exitError{code: exitCode(err), cause: err, said: true}
}

// report prints an error for a person and gives the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	var e *exitError
	if !errors.As(err, &e) || !e.said {
		fmt.Fprintln(w, "tenon: "+err.Error())
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var e *exitError
	switch {
	case errors.As(err, &e):
		return e.code
	case strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		return exitUsage
	}
	return exitFailed
}

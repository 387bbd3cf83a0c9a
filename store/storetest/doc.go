// Package storetest holds the tests that every engine of package store passes. An engine's own test calls [Run] with a
// function that opens it, and [Killed] for what only a dead process can show.
//
// Reading order: suite.go, twin.go (random work against a twin in a map), cases.go and leaves.go (one promise a test), races.go, killed.go
// and victim.go (a child process that is killed in the middle of its work).
package storetest

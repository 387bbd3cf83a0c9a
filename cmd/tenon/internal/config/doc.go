// Package config reads the one YAML file that `tenon serve` runs on. It reads strictly: a setting it does not know, a value
// out of its bounds or two settings that contradict each other stop the start, each with its line, its column and what to
// write instead, all of them at once.
//
// The structs of settings.go are at once the format and the manual: their tags hold names, defaults and bounds, their
// comments are what `tenon config show` and `tenon init` print.
//
// Reading order: settings.go (what can be set), fault.go (how a mistake is told), document.go and scalar.go (YAML into the
// structs), contradiction.go (settings against each other), clients.go (declared clients), clause.go (settings against the
// specifications), manual.go and show.go (the structs back into YAML), change.go (what a running server can take over).
package config

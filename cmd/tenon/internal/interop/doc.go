// Package interop holds Tenon against other people's software: the whole binary serves, and clients that know nothing of Tenon
// use it as its metadata says. It has tests only. What they need is installed by `make test`.
//
// Reading order: house_test.go (a running server with people and clients), peers_test.go (the libraries), browser_test.go (what a
// person sees), testdata/peers (the scripts).
package interop

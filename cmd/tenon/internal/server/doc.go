// Package server is `tenon serve`: it wires the store, the keys and the issuer to listeners, takes over changed files while it
// runs, and ends without cutting anybody off.
//
// [OpenData] opens what a data directory holds, for the server and for commands that find no server running. [Start] opens the
// listeners on top of it, and [Server.Run] serves until its context ends.
//
// Reading order: data.go (what is remembered), generation.go (what a reload replaces), listeners.go, server.go (the order of
// starting and stopping), reload.go.
package server

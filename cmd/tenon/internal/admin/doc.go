// Package admin is the way from a command to the issuer that it administers. `tenon serve` answers it on a unix socket in its
// data directory that only the directory's owner can reach; when no server runs, the command opens the store and asks the
// same handler without a socket. A command cannot tell which of the two it talks to.
//
// It speaks JSON over HTTP. Errors travel as a word that names what went wrong, so that errors.Is finds the same sentinel on
// both sides.
//
// Reading order: desk.go (the server's half), fault.go (errors on the wire), client.go (the command's half), socket.go and
// direct.go (the two ways between them), declared.go (clients that the configuration file owns).
package admin

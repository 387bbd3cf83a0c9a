// Package strictjson reads JSON objects that come from strangers: the header and claims of a JWT, a cnf claim.
//
// It exists because encoding/json is too kind for that work: it takes the last of two members of one name, matches names
// without regard to case, and replaces invalid UTF-8. Two readers that are kind in different ways can be made to read two
// different things from the same signed bytes. What this package accepts, every JSON reader reads the same way.
//
// Refused: duplicate member names, invalid UTF-8, lone surrogates, NUL, control characters, trailing data, more than
// [MaxDepth] levels and more than [MaxMembers] members in an object. Reading order: object.go, value.go, scan.go.
package strictjson

// Package peopletest holds what tests of logins need: an authenticator made of software that answers real Web
// Authentication ceremonies, the codes of an authenticator app, and passwords that are cheap to hash. For tests only: its keys
// lie open in memory.
//
// Reading order: authenticator.go, answer.go, cbor.go, cost.go, code.go.
package peopletest

// Package terminal knows what a place to write for people can show: colour, and characters beyond ASCII. Everything it makes is
// readable without either.
package terminal

// Package certs keeps the X.509 files of a service: a development CA with its server and client leaves, self-signed leaves,
// PEM files that survive a crash, and a reloader that swaps a renewed certificate in without a restart.
//
// The CA is for development, demonstrations and closed test beds: its key is a file, it keeps no record of what it signed and
// revokes nothing. Production certificates come from elsewhere as PEM files; [NewReloader] and [LoadPool] read them.
//
// Keys are ECDSA on P-256. A certificate is valid from five minutes before it is made, so that a peer whose clock is behind
// takes it too (see skew). Key files are 0600, certificates 0644.
//
// Reading order: ca.go, leaf.go, selfsigned.go, template.go, pemfile.go, keyfile.go, pool.go, reloader.go.
package certs

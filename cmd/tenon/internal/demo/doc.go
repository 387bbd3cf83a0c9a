// Package demo is a play in one terminal: an issuer, a payments API, two honest clients and a thief, all on this machine. Every
// step is a real request over TLS, and says beforehand what must come of it. A step that ends otherwise fails the demo, so it is
// also the shortest proof that the whole works, and [Guard] takes a part of it away to prove that the demo would notice.
//
// The issuer is what `tenon serve` runs, on a configuration that the demo writes. The API is this program again, as a process of
// its own, so that it can be killed without warning and started anew.
//
// Reading order: step.go (what a step is and how it is judged), story.go (the play), honest.go and thief.go (the actors' lines),
// stolen.go (what a thief sees on the way), auditor.go
// and insider.go (the last act), exchange.go (one request and its answer), run.go and stage.go (the order of
// everything), scenery.go and configuration.go (keys, certificates, files), issuing.go (the issuer), process.go and apiprocess.go (the API as
// a child), api.go, apilog.go and witness.go (the API itself), telling.go, terminal.go and picture.go (how it is told), invitation.go (what
// to try by hand), shopfront.go, shoppages.go and shopreceipt.go (a web shop for a person in a browser).
package demo

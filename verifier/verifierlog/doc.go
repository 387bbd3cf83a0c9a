// Package verifierlog writes what a verifier decides into a binding log of the resource server's own: who used a token first and
// with which proof, how often it was used after that, and who came with it in vain. With that and the issuer's log an auditor
// sees both sides of a token, also when they are two firms.
//
//	log, err := verifierlog.New(verifierlog.Config{Book: book}) // audit.OpenBook, with an origin of this log's own
//	go log.Run(ctx)                                            // its error means that nothing is written any more
//	v, err := verifier.New(verifier.Config{ ..., Recorder: log })
//
// The entries are:
//
//	token.used         the first use of a token since this process began; the accepted proof is kept
//	use.summary        later uses, one entry a token and minute, about the first
//	token.use_refused  a request that was refused; about the first use when there was one
//	proof.replayed     a proof that came a second time, which is kept
//	binding.mismatch   a token with somebody else's key or certificate; the foreign proof is in the detail record
//	refusal.summary    refusals beyond the first few of one reason in a minute
//
// Entries meet those of the issuer by the digest of the token's claims (cd), which both take the same way. The detail record
// of token.used has the members that audit.ReadUses asks for, so it is a line of the list that an auditor reconciles.
//
// # What it does not do
//
// It is a record and no gate: a request is answered whether or not its verdict can be written. Verdicts wait in a queue of
// bounded length; when it is full, further ones are counted, and the count becomes an entry of its own with the reason
// queue_full, so the numbers still add up. What waits when the process is killed is lost; what was answered stays answered.
//
// Reading order: log.go, entry.go, seen.go, missed.go.
package verifierlog

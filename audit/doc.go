// Package audit is the binding log: who was bound to which key, when, on whose authority and whether it was used by anyone else,
// written down so that an auditor can check it without trusting whoever wrote it.
//
// The log is a Merkle tree in the formats of C2SP (tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-witness,
// tlog-proof) with one writer and many independent checkers. A [Book] turns facts into leaves inside the store's own commits, so
// that nothing happens without a record. A [Publisher] derives everything else from the leaves in the store: tiles, checkpoints,
// receipts. It can be killed at any instant and goes on where it stopped; what it has published never changes.
//
// # On disk
//
//	checkpoint          the newest signed tree head, with its cosignatures when it has any
//	tile/<L>/<N>        hashes, 256 a tile (C2SP tlog-tiles); partial ones have .p/<W> behind until the full one is there
//	tile/entries/<N>    the leaves themselves; for authenticated auditors only
//	openings/<N>        one line of JSON an entry that has something to open: salts, details, kept proofs. Private; may be deleted
//	archive/<size>      every checkpoint that witnesses cosigned, and the last ones of keys that were replaced
//	key                 the log's own signing key
//	lock, tmp           the publisher's own
//
// # What the log proves, and what it does not
//
// It proves what was logged, not that everything was. It proves bytes, not truth: identity, subject and address are the issuer's
// word; a kept DPoP proof is the exception, for it is the client's own signature. Time is good to the interval of the witnesses.
// Without independent witnesses the log is a signed diary. Erased entries keep their place, not their meaning.
//
// # Reading order
//
// What an entry is: leaf.go, leafparse.go, commitment.go, opening.go. The tree as bytes: tile.go, entries.go, checkpoint.go,
// receipt.go, frontier.go. Writing entries: book.go, clock.go, salt.go, summary.go. Publishing: signer.go, announce.go, growth.go,
// tilestore.go, publisher.go, publish.go, sidefile.go, prove.go, handler.go, entryhandler.go, erasure.go.
//
// Witnesses: cosignature.go, addcheckpoint.go, witness.go, courier.go, archive.go, guard.go, and our own one in witnessserver.go.
//
// Checking a log: policy.go, head.go, source.go, reader.go, finding.go, verify.go and the files that begin with its name, report.go;
// two logs: consistency.go, evidence.go; one token: token.go, proofcheck.go, demand.go, verifyreceipt.go. Looking things up:
// scan.go, find.go, timeline.go, reconcile.go. Taking them away: export.go, bundle.go.
package audit

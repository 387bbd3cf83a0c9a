// Package store says what Tenon remembers and how it is written. There is one way to write: a [Change] gathers records to
// insert, replace and delete and leaves to append to the log, and an engine commits all of it or nothing. Beside a leaf lies
// what is needed to understand it and must not be in the log; both stay until the leaf is pruned.
//
// # What an engine promises
//
//   - Atomic: a Change is applied as a whole or not at all. When one of its preconditions does not hold, [Store] answers
//     *[Conflict] with the key that failed, and nothing has happened. Of two Changes that insert the same key at the same
//     instant exactly one succeeds.
//   - Durable: when Commit returns no error, the Change is on disk and survives the loss of the process and of power. After a
//     failed write the engine refuses all work until it is opened again: it does not know what the disk holds.
//   - Ordered: Changes take effect one after the other. Whoever reads after a Commit has returned sees it.
//   - Expiring: a record is gone at the instant its Expires arrives, whether or not its space has been freed. What has
//     expired may be inserted again; but an insert that would itself be expired, or that an earlier sweep may already have
//     forgotten, is a Conflict. So a thing spent once cannot be spent again at the edge of its life, nor after the clock
//     has been set back.
//   - Versioned: every record carries the number of the Change that wrote it. Numbers grow and are never given twice, also
//     not after a delete: a replacement based on an old reading fails.
//   - Dense: leaf indices count from 0 without a gap in the order of commits. An index is never used again, also not after its
//     leaf was pruned or the store was opened anew. A Change that fails takes no index. What is in the store has no gap
//     either: leaves leave it in their order.
//
// An error that wraps [ErrUncertain] says that a Change may or may not have been committed: the caller went away or the disk
// failed while it was being written. Any other error from Commit says that it was not.
//
// Reading order: key.go, change.go, store.go, collection.go. Package storetest holds the suite that every engine passes;
// package bolt is the engine inside the binary.
package store

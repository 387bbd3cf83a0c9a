// Package bolt keeps what Tenon remembers in bbolt files: the engine for package store, and the replay memory that survives a
// crash (package dpop). Each is a file of its own with mode 0600 and one owner at a time; a note beside it, named like the
// file with .owner behind, says who that is.
//
// # Commits
//
// bbolt has one writer, and an fsync costs more than everything else. So callers share one: the first who waits leads and
// commits what is waiting for everybody, those who come meanwhile form the next batch. A crowd makes batches large, a lonely
// caller waits for nobody. After a write that failed, the file is out of service until it is opened again.
//
// # The store's file
//
//	meta      format "tenon store 3"; version: the last Change; leaf: the next index; oldest: the first that was not pruned;
//	          forgotten: how far sweeps went, in ms
//	records   one bucket a kind; id -> version (8 bytes), expiry in ms since 1970 or 0 (8 bytes), body
//	expiry    one bucket a minute, named by its number (8 bytes); version (8 bytes), kind, a zero byte, id -> nothing
//	leaves    one bucket a batch, named by the index of its first leaf (8 bytes); "batch" -> its leaves, one after the other:
//	          version (8 bytes), length of the body (4 bytes), length of what is beside it (4 bytes), the two
//
// Every record that expires is listed in exactly one minute. As versions only grow, a new listing goes to the end of its minute,
// whatever the id is: a Change with random ids touches one page for each of them, not two. A sweep takes the oldest minute that is
// wholly past, drops its records, and then the minute as a whole. Numbers are big-endian, so that names sort by value.
//
// A batch has the leaves of one group commit. It is a bucket so that it has pages of its own, which no later commit writes again,
// and it is dropped when its last leaf is pruned.
//
// # The replay file
//
//	meta      format "tenon replays 1"; forgotten: the mark, in seconds; state, epoch, place, fence: see fence.go
//	proofs N  one bucket for ten seconds, N their number (4 bytes); 1, 2, 3 … -> a batch: entries of 20 bytes and a CRC-32C
//
// An entry is half of a proof's key and the last second at which it could be accepted. Batches are appended in the order of
// their commits, so a write touches the last page only, whatever the keys are. A batch lies in the slice of its latest entry, a
// slice is dropped as a whole when its last second is past, and the transaction that drops it writes the mark: what is good
// only until then is never new again. The file has no list of free pages; a start reads all of it anyway.
//
// A second note, named like the file with .epoch behind, tells the file from an older copy of itself. What nobody can tell is a
// snapshot of the whole disk that is put back; after that, start with the replay file moved away, which demands a fence.
//
// Reading order: file.go and owner.go (one file, one owner, out of service after a failure), group.go (sharing a commit);
// then for the store bolt.go, commit.go, shelf.go, record.go, leaves.go, sweep.go, check.go; for the replay memory replays.go, entry.go,
// proofs.go, fence.go, backlog.go.
package bolt

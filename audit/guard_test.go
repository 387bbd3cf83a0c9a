package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/tenon-auth/tenon/audit"
)

func TestGuardAsksWitnesses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  func(town *town) // what happened to the log of 5 entries, which w1 and w2 cosigned, and w3 when it had 3
		answers int
		finding string
		silent  bool
	}{
		{name: "nothing"},
		{name: "the log went on while they were away", before: func(town *town) { town.log.grow(4, "entry") }},
		{name: "one witness is ahead", before: func(town *town) {
			town.witnesses[2].post(town.log.fork(5).grow(1, "entry").add(3))
		}, finding: audit.LocalBehindWitness},
		{name: "yesterday's copy", before: func(town *town) { *town.log = *town.log.fork(4) }, finding: audit.LocalBehindWitness},
		{name: "nothing is left of it", before: func(town *town) { *town.log = *town.log.fork(0) }, finding: audit.LocalBehindWitness},
		{name: "another log of the same size", before: func(town *town) { *town.log = *town.log.fork(3).grow(2, "another") }, finding: audit.SplitView},
		{name: "two witnesses are away", before: func(town *town) {
			delete(town.hosts, "w1.example")
			delete(town.hosts, "w2.example")
		}},
		{name: "two are away and two must answer", before: func(town *town) {
			delete(town.hosts, "w1.example")
			delete(town.hosts, "w2.example")
		}, answers: 2, silent: true},
		{name: "all witnesses are away", before: func(town *town) { clear(town.hosts) }, silent: true},
		{name: "the witnesses know another key", before: func(town *town) { town.log.key = newHistory(town.t).key }, silent: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				town := newTown(t, 3)
				town.witnesses[2].post(town.log.grow(3, "entry").add(0))
				town.log.grow(2, "entry")
				town.witnesses[0].post(town.log.add(0))
				town.witnesses[1].post(town.log.add(0))
				client := town.client(2)
				if tt.before != nil {
					tt.before(town)
				}
				newest := town.log.head()
				if newest.Size == 0 {
					newest = audit.Checkpoint{} // as a Publisher says it
				}
				guard := audit.Guard{Witnesses: client, Signer: town.log.key, Answers: tt.answers}
				err := guard.Check(t.Context(), newest)
				if findingOf(err) != tt.finding || errors.Is(err, audit.ErrUnwitnessed) != tt.silent || (err != nil) != (tt.silent || tt.finding != "") {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestGuardOfANewLog(t *testing.T) {
	town := newTown(t, 2)
	guard := audit.Guard{Witnesses: town.client(2), Signer: town.log.key, Answers: 2}
	if err := guard.Check(t.Context(), audit.Checkpoint{}); err != nil {
		t.Fatal(err)
	}
	if c := town.cosign(town.client(2), town.log.grow(4, "entry")); !c.Quorum.Met {
		t.Errorf("afterwards the log cannot begin: %v", c.Faults)
	}
	guard.Signer = nil
	if err := guard.Check(t.Context(), audit.Checkpoint{}); err == nil {
		t.Error("without a key it asks nobody and is content")
	}
	if err := (&audit.Guard{}).Check(t.Context(), audit.Checkpoint{}); err != nil {
		t.Errorf("nobody to ask: %v", err)
	}
}

// The archive of the log's own directory bears witness too.
func TestGuardLooksAtTheArchive(t *testing.T) {
	log := newHistory(t).grow(5, "entry")
	archive := openArchive(t, t.TempDir())
	guard := audit.Guard{Archive: archive}
	if err := guard.Check(t.Context(), audit.Checkpoint{}); err != nil {
		t.Errorf("an empty archive: %v", err)
	}
	if err := archive.Put(log.signed()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, finding string
		newest        audit.Checkpoint
	}{
		{"the same", "", log.head()},
		{"a longer log", "", log.fork(5).grow(1, "entry").head()},
		{"a shorter log", audit.LocalBehindWitness, log.fork(4).head()},
		{"no log", audit.LocalBehindWitness, audit.Checkpoint{}},
		{"another log of the same size", audit.SplitView, log.fork(4).grow(1, "another").head()},
	} {
		if err := guard.Check(t.Context(), tt.newest); findingOf(err) != tt.finding || (err != nil) != (tt.finding != "") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Yesterday's copy of the whole directory, database and log, is in order by itself. Only a witness knows better: the publisher
// does not open, and has written nothing.
func TestPublisherIsGuarded(t *testing.T) {
	town := newTown(t, 1)
	d := newDesk(t)
	d.write(t, 10)
	d.publish(t)
	d.close()
	yesterday := t.TempDir()
	if err := os.CopyFS(yesterday, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"key", "db"} {
		if err := os.Chmod(filepath.Join(yesterday, private), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signer, err := audit.LoadKey(filepath.Join(d.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	town.log.key = signer
	w := town.witnesses[0]
	w.config.Logs[0] = signer.Verifier()
	w.open(t)
	client := town.client(1)
	guarded := func(_ *audit.BookConfig, c *audit.PublisherConfig) {
		c.Guard = (&audit.Guard{Witnesses: client, Signer: c.Signer}).Check
	}
	d = openDesk(t, d.dir, guarded)
	d.write(t, 3)
	d.publish(t)
	if c, err := client.Cosign(context.Background(), d.publisher.Signed(), d.publisher.Prove); err != nil || !c.Quorum.Met {
		t.Fatal(c, err)
	}
	d.close()
	old, before := readFile(t, yesterday, "log/checkpoint"), files(t, filepath.Join(yesterday, "log"))
	if _, err := tryDesk(t.Context(), yesterday, guarded); findingOf(err) != audit.LocalBehindWitness {
		t.Errorf("yesterday's copy: %v", err)
	}
	unchanged(t, before, files(t, filepath.Join(yesterday, "log")))
	if now := readFile(t, yesterday, "log/checkpoint"); string(now) != string(old) {
		t.Errorf("its checkpoint has become %q", now)
	}
	openDesk(t, d.dir, guarded)
}

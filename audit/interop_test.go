package audit_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// Torchwood, which knows nothing of Tenon, reads the log from its files and checks a receipt.
func TestTorchwoodReadsTheLog(t *testing.T) {
	d := newDesk(t)
	d.write(t, 600)
	d.publish(t)
	verifier := keyOf(t, d.dir)
	policy := torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(testOrigin), torchwood.SingleVerifierPolicy(verifier))
	c, _, err := torchwood.VerifyCheckpoint(readFile(t, d.log(), "checkpoint"), policy)
	if err != nil {
		t.Fatal(err)
	}
	fetcher, err := torchwood.NewTileFS(os.DirFS(d.log()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		t.Fatal(err)
	}
	entries := verify(t, d.log(), verifier)
	n := 0
	for i, entry := range client.AllEntries(t.Context(), c.Tree, 0) {
		if string(entry) != string(entries[i]) {
			t.Fatalf("entry %d differs", i)
		}
		n++
	}
	if client.Err() != nil || n != len(entries) {
		t.Errorf("%d entries of %d, %v", n, len(entries), client.Err())
	}
	for _, i := range []uint64{0, 255, 256, 601} {
		receipt, err := d.publisher.Receipt(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entries[i]), receipt); err != nil {
			t.Errorf("receipt of %d: %v", i, err)
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entries[i][1:]), receipt); err == nil {
			t.Errorf("the receipt of %d is good for another entry", i)
		}
	}
}

// checkWithTessera lets Tessera's fsck read a log. It can hang when it finds something, so it has an end; that is a finding too.
func checkWithTessera(t *testing.T, dir string, key note.Verifier) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	hash := func(bundle []byte) ([][]byte, error) {
		var hashes [][]byte
		for len(bundle) > 0 {
			entry, rest, err := audit.NextEntry(bundle)
			if err != nil {
				return nil, err
			}
			h := tlog.RecordHash(entry)
			hashes, bundle = append(hashes, h[:]), rest
		}
		return hashes, nil
	}
	done := make(chan error, 1)
	go func() {
		done <- fsck.New(key.Name(), key, client.FileFetcher{Root: dir}, hash, fsck.Opts{N: 2}).Check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestTesseraChecksTheLog(t *testing.T) {
	if err := checkWithTessera(t, goldenLog, goldenSigner(t).Verifier()); err != nil {
		t.Errorf("the golden log: %v", err)
	}
	d := newDesk(t)
	d.write(t, 1000)
	d.publish(t)
	d.write(t, 100)
	d.publish(t)
	if err := checkWithTessera(t, d.log(), keyOf(t, d.dir)); err != nil {
		t.Error(err)
	}
	if err := os.Remove(d.log() + "/tile/0/002"); err != nil {
		t.Fatal(err)
	}
	if err := checkWithTessera(t, d.log(), keyOf(t, d.dir)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a tile: %v", err)
	}
}

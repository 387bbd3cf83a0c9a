package audit_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// A receipt can be had as soon as the entry is committed, and proves from the newest cosigned checkpoint when there is one.
func TestReceiptLevels(t *testing.T) {
	d := newDesk(t)
	at := d.write(t, 10)
	read := func(i uint64) audit.Receipt { return d.receipt(t, i) }
	if r := read(at + 9); string(r.Checkpoint) != string(d.publisher.Signed()) {
		t.Error("not at the newest checkpoint")
	}
	if _, err := d.publisher.Receipt(t.Context(), at+10); !errors.Is(err, audit.ErrNoEntry) {
		t.Errorf("an entry that is not there: %v", err)
	}
	log, err := audit.LoadKey(filepath.Join(d.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	witness := somebody(t)
	head := d.publisher.Newest()
	cosigned := sign(t, head.Format(), log, witness)
	if err := d.publisher.Cosigned(cosigned); err != nil {
		t.Fatal(err)
	}
	if got := d.publisher.Signed(); string(got) != string(cosigned) {
		t.Error("the newest checkpoint is shown without its cosignatures")
	}
	if got := readFile(t, d.log(), "checkpoint"); string(got) != string(cosigned) {
		t.Error("the newest checkpoint on disk is without its cosignatures")
	}
	next := d.write(t, 300)
	if r := read(next); string(r.Checkpoint) != string(d.publisher.Signed()) {
		t.Error("a new entry is not at the newest checkpoint")
	}
	if r := read(at); string(r.Checkpoint) != string(cosigned) {
		t.Error("an old entry is not at the cosigned checkpoint")
	}
	if got := readFile(t, d.log(), "checkpoint"); string(got) != string(d.publisher.Signed()) {
		t.Error("the checkpoint on disk is an old one")
	}
	if err := d.publisher.Cosigned(cosigned); err != nil || string(readFile(t, d.log(), "checkpoint")) != string(d.publisher.Signed()) {
		t.Errorf("an old cosigned checkpoint took the place of the newest, %v", err)
	}
	other := head
	other.Root = tlog.RecordHash(nil)
	other.Size = d.publisher.Newest().Size
	for name, note := range map[string][]byte{
		"another root":   sign(t, other.Format(), log, witness),
		"the future":     sign(t, audit.Checkpoint{Origin: testOrigin, Size: 1 << 40, Root: other.Root}.Format(), log, witness),
		"no log":         sign(t, head.Format(), witness),
		"another origin": sign(t, audit.Checkpoint{Origin: "other", Size: head.Size, Root: head.Root}.Format(), log, witness),
	} {
		if err := d.publisher.Cosigned(note); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// receipt gets a receipt and parses it.
func (d *desk) receipt(t *testing.T, i uint64) audit.Receipt {
	t.Helper()
	data, err := d.publisher.Receipt(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.ParseReceipt(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// somebody is a signer whose name nobody knows.
func somebody(t *testing.T) note.Signer {
	t.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A consistency proof leads from any size to any checkpoint.
func TestProve(t *testing.T) {
	d := newDesk(t)
	var heads []audit.Checkpoint
	for range 5 {
		d.write(t, 130)
		d.publish(t)
		heads = append(heads, d.publisher.Newest())
	}
	for i, old := range heads {
		for _, head := range heads[i:] {
			proof, err := d.publisher.Prove(t.Context(), old.Size, head)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(proof, head.Size, head.Root, old.Size, old.Root); err != nil {
				t.Errorf("%d in %d: %v", old.Size, head.Size, err)
			}
		}
	}
	if _, err := d.publisher.Prove(t.Context(), heads[1].Size, heads[0]); err == nil {
		t.Error("proved that a larger tree is in a smaller one")
	}
}

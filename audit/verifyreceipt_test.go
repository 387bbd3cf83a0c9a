package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

func TestVerifyReceipt(t *testing.T) {
	f := newForge(t)
	f.fill(299)
	f.publish()
	entry, policy := f.entries[7], f.policy("two")
	make := func(skey string, witnesses ...int) []byte {
		f.write("checkpoint", f.sign(f.skey, witnesses...))
		r, err := audit.NewReader(t.Context(), f.source(), f.policy("none"))
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := r.Receipt(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		if skey == f.skey {
			return receipt
		}
		head, _, _ := bytes.Cut(receipt, []byte("\n\n"))
		return append(append(head, "\n\n"...), f.sign(skey, witnesses...)...)
	}
	signed, witnessed := make(f.skey, 0), make(f.skey, 0, 2)
	proven, err := audit.VerifyReceipt(policy, entry, witnessed, audit.L2)
	if err != nil || proven.Index != 7 || proven.Level != audit.L2 || proven.Head.Checkpoint.Size != 300 || !proven.At.Equal(f.now) || proven.Leaf.Type != audit.LogHeartbeat {
		t.Fatalf("%+v, %v", proven, err)
	}
	if proven, err = audit.VerifyReceipt(policy, entry, signed, audit.L1); err != nil || proven.Level != audit.L1 || !proven.At.IsZero() {
		t.Fatalf("%+v, %v", proven, err)
	}
	if proven, err = audit.VerifyReceipt(f.policy("none"), entry, witnessed, audit.L1); err != nil || proven.Level != audit.L1 {
		t.Fatalf("a policy without witnesses reaches level 1 only: %+v, %v", proven, err)
	}
	strange, _, err := audit.GenerateKey(f.origin)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte { return bytes.Replace(witnessed, []byte(old), []byte(new), 1) }
	lines := strings.Split(string(witnessed), "\n")
	for _, tt := range []struct {
		name    string
		entry   []byte
		receipt []byte
		level   audit.Level
		want    string
	}{
		{"too few witnesses", entry, signed, audit.L2, audit.QuorumNotMet},
		{"another entry", f.entries[8], witnessed, audit.L1, audit.LeafMismatch},
		{"another index", entry, replace("index 7", "index 8"), audit.L1, audit.LeafMismatch},
		{"an index beyond the log", entry, replace("index 7", "index 300"), audit.L1, audit.MissingIndex},
		{"another hash", entry, replace(lines[3], lines[4]), audit.L1, audit.LeafMismatch},
		{"a hash less", entry, replace(lines[3]+"\n", ""), audit.L1, audit.LeafMismatch},
		{"a hash more", entry, replace(lines[3], lines[3]+"\n"+lines[3]), audit.L1, audit.LeafMismatch},
		{"a key that nobody knows", entry, make(strange, 0, 2), audit.L1, audit.UntrustedKey},
		{"another root", entry, replace("\n300\n", "\n299\n"), audit.L1, audit.UntrustedKey},
		{"another log", entry, replace(f.origin+"\n300", "other.example\n300"), audit.L1, audit.OriginMismatch},
		{"not an entry", []byte("{}"), witnessed, audit.L1, audit.Malformed},
		{"not a receipt", entry, []byte("hello"), audit.L1, audit.Malformed},
		{"no checkpoint", entry, witnessed[:bytes.Index(witnessed, []byte("\n\n"))+2], audit.L1, audit.Malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := audit.VerifyReceipt(policy, tt.entry, tt.receipt, tt.level)
			if f, ok := errors.AsType[*audit.Finding](err); !ok || f.Name != tt.want {
				t.Errorf("want %s, got %v", tt.want, err)
			}
		})
	}
	t.Run("no level demanded", func(t *testing.T) {
		if _, err := audit.VerifyReceipt(policy, entry, witnessed, 0); err == nil {
			t.Error("the zero value is no level")
		}
	})
}

func TestReaderReadsOnlyWhatIsProved(t *testing.T) {
	f := newForge(t)
	f.fill(300)
	f.publish()
	r, err := audit.NewReader(t.Context(), f.source(), f.policy("none"))
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{0, 255, 256, 300} {
		if entry, err := r.Entry(t.Context(), index); err != nil || !bytes.Equal(entry, f.entries[index]) {
			t.Errorf("entry %d: %v", index, err)
		}
	}
	refuse := func(index int64, want string) {
		t.Helper()
		_, err := r.Entry(t.Context(), index)
		if got, ok := errors.AsType[*audit.Finding](err); !ok || got.Name != want {
			t.Errorf("entry %d: want %s, got %v", index, want, err)
		}
	}
	refuse(301, audit.MissingIndex)
	refuse(-1, audit.MissingIndex)
	if _, err := r.Receipt(t.Context(), 301); err == nil {
		t.Error("a receipt for what is not there")
	}
	bundle := f.read("tile/entries/001.p/45")
	bundle[offsetOf(f, 260)+9] ^= 1
	f.write("tile/entries/001.p/45", bundle)
	refuse(260, audit.LeafMismatch)
	f.write("tile/entries/001.p/45", bundle[:100])
	refuse(300, audit.TileTorn)
	f.remove("tile/entries/001.p/45")
	refuse(300, audit.TileTorn)
	f.remove("tile/0/000")
	if _, err := r.Receipt(t.Context(), 3); err == nil {
		t.Error("a receipt without tiles")
	}
	if _, _, err := r.Consistency(t.Context(), 0); err == nil {
		t.Error("a proof from nothing")
	}
}

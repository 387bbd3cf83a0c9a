package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// everything is all bytes that an operator keeps about the log but the entries themselves: side files and the store's records.
func (d *desk) everything(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for n := int64(0); n*audit.TileWidth < d.publisher.Newest().Size; n++ {
		data, err := os.ReadFile(filepath.Join(d.log(), audit.OpeningsPath(n)))
		if err == nil {
			b.Write(data)
		}
	}
	for _, kind := range []store.Kind{"openings", "salts"} {
		records, err := d.store.Scan(t.Context(), store.Key{Kind: kind}, "", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			b.WriteString(r.Key.ID)
			b.Write(r.Body)
		}
	}
	return b.String()
}

func TestErase(t *testing.T) {
	victim, other := digestOf("V"), digestOf("o")
	for name, tt := range map[string]struct {
		what audit.Erasure
		mark string // what must be gone
	}{
		"a key":      {audit.Erasure{Thumbprint: victim}, "eyJ.proof.VVVV"},
		"an account": {audit.Erasure{Account: "victim"}, "eyJ.proof.VVVV"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir, nil)
			key := keyOf(t, dir)
			write := func(jkt string) uint64 {
				e := issued(jkt)
				if jkt == victim {
					e.Token.Account = "victim"
				}
				index, err := d.book.Append(t.Context(), e)
				if err != nil {
					t.Fatal(err)
				}
				return index
			}
			first := write(victim)
			d.write(t, 300)
			refused := issued(victim) // before that key is known in a new log, and after
			refused.Type, refused.Reason, refused.Token.Account = audit.TokenRefused, "htu", "victim"
			if _, err := d.book.Append(t.Context(), refused); err != nil {
				t.Fatal(err)
			}
			kept := write(other)
			last := write(victim)
			d.publish(t)
			entries := verify(t, d.log(), key)
			secret := d.opening(t, first).KeySalt
			if tt.what.Account != "" {
				secret = d.opening(t, first).AccountSalt
			}
			if text := d.everything(t); !strings.Contains(text, tt.mark) || !strings.Contains(text, secret) {
				t.Fatal("there is nothing to erase")
			}
			n, err := d.publisher.Erase(t.Context(), tt.what)
			if err != nil || n != 3 {
				t.Fatalf("erased %d, %v, want 3", n, err)
			}
			for _, when := range []string{"at once", "after a restart", "when the bundle is full"} {
				text := d.everything(t)
				if strings.Contains(text, tt.mark) || strings.Contains(text, secret) {
					t.Errorf("%s there is still something to be found", when)
				}
				if !strings.Contains(text, "eyJ.proof.oooo") || d.opening(t, kept).Proof == "" {
					t.Errorf("%s something else is gone", when)
				}
				for i, entry := range verify(t, d.log(), key)[:len(entries)] {
					if string(entry) != string(entries[i]) {
						t.Errorf("%s entry %d has changed", when, i)
					}
				}
				switch when {
				case "at once":
					if leaf := d.lastLeaf(t); leaf.Type != audit.ErasureDone || leaf.Span.Count != 3 {
						t.Errorf("the record of it is %+v", leaf)
					}
					d.close()
					d = openDesk(t, dir, nil)
				case "after a restart":
					d.write(t, 300)
				}
				d.publish(t)
			}
			again, err := d.book.Append(t.Context(), issued(victim))
			if err != nil {
				t.Fatal(err)
			}
			d.publish(t)
			old, err := audit.ParseLeaf(entries[last])
			if err != nil {
				t.Fatal(err)
			}
			if now := d.lastLeaf(t); now.Binding.Key == old.Binding.Key && tt.what.Thumbprint != "" {
				t.Errorf("entry %d joins the key to what was erased", again)
			}
		})
	}
}

// An opening that was made with the old salt and is committed only after the erasure does not stay.
func TestEraseReachesWhatIsOnItsWay(t *testing.T) {
	d := newDesk(t)
	victim := digestOf("V")
	var late store.Change
	for range 2 { // the first makes the salt
		late = store.Change{}
		if err := d.book.Add(t.Context(), &late, issued(victim)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: victim}); err != nil || n != 0 {
		t.Fatalf("erased %d, %v", n, err)
	}
	receipt, err := d.store.Commit(t.Context(), &late)
	if err != nil {
		t.Fatal(err)
	}
	d.publish(t)
	if o := d.opening(t, receipt.First); o.KeySalt != "" || o.Proof != "" {
		t.Errorf("the opening is %+v", o)
	}
	d.write(t, 300)
	d.publish(t)
	if strings.Contains(d.everything(t), "eyJ.proof.VVVV") {
		t.Error("the proof is still there")
	}
}

// A stranger's key that only ever was refused is found by the salts of its openings.
func TestEraseWithoutASalt(t *testing.T) {
	d := newDesk(t)
	e := issued(digestOf("V"))
	e.Type, e.Reason = audit.TokenRefused, "htu"
	if _, err := d.book.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	n, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("V")})
	if err != nil || n != 1 || strings.Contains(d.everything(t), "eyJ.proof.VVVV") {
		t.Errorf("erased %d, %v", n, err)
	}
}

// After a failure the erasure is done again from the start, and counts the same entries.
func TestEraseIsRepeatable(t *testing.T) {
	var broken *brokenStore
	d := openDesk(t, t.TempDir(), func(b *audit.BookConfig, _ *audit.PublisherConfig) {
		broken = &brokenStore{Store: b.Store}
		b.Store = broken
	})
	d.write(t, 300)
	d.publish(t)
	broken.broken = true
	if _, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("A")}); !errors.Is(err, errBroken) {
		t.Fatalf("erased without a record of it: %v", err)
	}
	broken.broken = false
	if n, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("A")}); err != nil || n != 75 {
		t.Errorf("erased %d, %v, want 75", n, err)
	}
}

func TestEraseRefuses(t *testing.T) {
	d := newDesk(t)
	for _, what := range []audit.Erasure{{}, {Thumbprint: "a", Account: "b"}} {
		if _, err := d.publisher.Erase(t.Context(), what); err == nil {
			t.Errorf("%+v: erased", what)
		}
	}
	if _, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("V")}); !errors.Is(err, audit.ErrNoEntry) {
		t.Errorf("a key nobody knows: %v", err)
	}
}

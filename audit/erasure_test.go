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
	for _, kind := range []store.Kind{store.Leaves, "salts"} {
		records, err := d.store.Scan(t.Context(), store.Key{Kind: kind}, "", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if b.WriteString(r.Key.ID); kind != store.Leaves {
				b.Write(r.Body)
			}
			b.Write(r.Aside)
		}
	}
	return b.String()
}

const victimMark = "eyJ.proof.VVVV" // the kept proof of the victim's key

func TestErase(t *testing.T) {
	for name, what := range map[string]audit.Erasure{
		"a key":      {Thumbprint: digestOf("V")},
		"an account": {Account: "victim"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir, nil)
			first, kept, last := d.writeVictim(t)
			entries := verify(t, d.log(), keyOf(t, dir))
			secrets := []string{victimMark, d.opening(t, first).KeySalt}
			if what.Account != "" {
				secrets[1] = d.opening(t, first).AccountSalt
			}
			look := func(when string) {
				t.Helper()
				text := d.everything(t)
				for _, secret := range secrets {
					if strings.Contains(text, secret) {
						t.Errorf("%s: %q is still there", when, secret)
					}
				}
				if d.opening(t, kept).Proof == "" {
					t.Errorf("%s: something else is gone", when)
				}
				for i, entry := range verify(t, d.log(), keyOf(t, dir))[:len(entries)] {
					if string(entry) != string(entries[i]) {
						t.Errorf("%s: entry %d has changed", when, i)
					}
				}
			}
			if text := d.everything(t); !strings.Contains(text, secrets[0]) || !strings.Contains(text, secrets[1]) {
				t.Fatal("there is nothing to erase")
			}
			if n, err := d.publisher.Erase(t.Context(), what); err != nil || n != 3 {
				t.Fatalf("erased %d, %v, want 3", n, err)
			}
			look("at once")
			if leaf := d.lastLeaf(t); leaf.Type != audit.ErasureDone || leaf.Span.Count != 3 {
				t.Errorf("the record of it is %+v", leaf)
			}
			d.close()
			d = openDesk(t, dir, nil)
			d.publish(t)
			look("after a restart")
			d.write(t, 300)
			d.publish(t)
			look("when the bundle is full")
			d.wantStranger(t, entries[last], what)
		})
	}
}

// writeVictim publishes three entries about a key and its account, one of them refused, among others.
func (d *desk) writeVictim(t *testing.T) (first, kept, last uint64) {
	t.Helper()
	write := func(jkt, reason string) uint64 {
		e := issued(jkt)
		if e.Reason = reason; jkt == digestOf("V") {
			e.Token.Account = "victim"
		}
		index, err := d.book.Append(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return index
	}
	first = write(digestOf("V"), "")
	d.write(t, 300)
	write(digestOf("V"), "htu")
	kept, last = write(digestOf("o"), ""), write(digestOf("V"), "")
	d.publish(t)
	return first, kept, last
}

// wantStranger makes sure that who was erased is somebody new from then on.
func (d *desk) wantStranger(t *testing.T, before []byte, what audit.Erasure) {
	t.Helper()
	old, err := audit.ParseLeaf(before)
	if err != nil {
		t.Fatal(err)
	}
	e := issued(digestOf("V"))
	e.Token.Account = "victim"
	if _, err := d.book.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	now := d.lastLeaf(t)
	if what.Account != "" && now.Token.Account == old.Token.Account || what.Thumbprint != "" && now.Binding.Key == old.Binding.Key {
		t.Error("what comes later joins what was erased")
	}
}

// An opening that was made with the old salt and is committed only after the erasure does not stay, also when the process has
// been started anew in between.
func TestEraseReachesWhatIsOnItsWay(t *testing.T) {
	for name, restart := range map[string]bool{"at once": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir, nil)
			var late store.Change
			for range 2 { // the first makes the salt
				late = store.Change{}
				if err := d.book.Add(t.Context(), &late, issued(digestOf("V"))); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("V")}); err != nil || n != 0 {
				t.Fatalf("erased %d, %v", n, err)
			}
			if restart {
				d.close()
				d = openDesk(t, dir, nil)
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
			if strings.Contains(d.everything(t), victimMark) {
				t.Error("the proof is still there")
			}
		})
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
	if _, err := d.book.Append(t.Context(), issued(digestOf("A"))); err != nil {
		t.Fatal(err)
	}
	before := d.lastLeaf(t)
	if n, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("A")}); err != nil || n != 76 {
		t.Errorf("erased %d, %v, want 76", n, err)
	}
	if _, err := d.book.Append(t.Context(), issued(digestOf("A"))); err != nil || d.lastLeaf(t).Binding.Key == before.Binding.Key {
		t.Errorf("the key goes on under the salt that was erased, %v", err)
	}
}

func TestEraseRefuses(t *testing.T) {
	d := newDesk(t)
	for _, what := range []audit.Erasure{{}, {Thumbprint: "a", Account: "b"}} {
		if _, err := d.publisher.Erase(t.Context(), what); err == nil || errors.Is(err, audit.ErrNoEntry) {
			t.Errorf("%+v: %v", what, err)
		}
	}
	if _, err := d.publisher.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("V")}); !errors.Is(err, audit.ErrNoEntry) {
		t.Errorf("a key nobody knows: %v", err)
	}
}

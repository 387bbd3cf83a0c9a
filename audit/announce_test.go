package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	old := keyOf(t, dir)
	d.write(t, 3)
	skey, vkey, err := audit.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	next, err := audit.ParseKey(skey)
	if err != nil {
		t.Fatal(err)
	}
	useNext := func(_ *audit.BookConfig, p *audit.PublisherConfig) { p.Signer = next }
	d.close()
	for _, published := range []bool{false, true} {
		if d, err := tryDesk(t.Context(), dir, useNext); err == nil {
			d.close()
			t.Fatalf("a key that nobody announced signs; published %t", published)
		}
		d = openDesk(t, dir, nil)
		d.publish(t)
		d.close()
	}
	d = openDesk(t, dir, nil)
	if err := d.publisher.Announce(t.Context(), vkey); err != nil {
		t.Fatal(err)
	}
	last := verify(t, d.log(), old)
	if leaf, err := audit.ParseLeaf(last[len(last)-1]); err != nil || leaf.Type != audit.LogKey || leaf.Token.KeyID != vkey {
		t.Errorf("the announcement is %+v, %v", leaf, err)
	}
	if err := d.publisher.Announce(t.Context(), vkey); err == nil {
		t.Error("announced twice")
	}
	if err := d.publisher.Announce(t.Context(), "other.example+00000000+AAAA"); err == nil {
		t.Error("something that is no key was announced")
	}
	d.close()
	d = openDesk(t, dir, nil) // the old one may go on for a while
	d.publish(t)
	d.close()
	d = openDesk(t, dir, useNext)
	d.publish(t)
	verify(t, d.log(), next.Verifier())
	d.close()
	if d, err := tryDesk(t.Context(), dir, nil); err == nil {
		d.close()
		t.Error("the old key signs after the new one has")
	}
}

// Whoever trusts the first key of a log follows it to the newest one, without a witness and whenever its writers were killed.
func TestVerifyAfterKeyRotation(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	first := keyOf(t, dir)
	policy, err := audit.ParsePolicy([]byte("log " + vkeyOf(t, dir) + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	for turn := range 3 {
		skey, vkey, err := audit.GenerateKey(testOrigin)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.publisher.Announce(t.Context(), vkey); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(d.log(), audit.ArchivePath(d.publisher.Newest().Size))); err != nil {
			t.Errorf("the checkpoint that announces a key is not in the archive: %v", err)
		}
		if turn == 1 { // as if the process had been killed just before
			if err := os.RemoveAll(filepath.Join(d.log(), "archive", filepath.Base(audit.ArchivePath(d.publisher.Newest().Size)))); err != nil {
				t.Fatal(err)
			}
		}
		d.close()
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(skey+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d = openDesk(t, dir, nil)
		for range 150 {
			if _, err := d.book.Append(t.Context(), audit.Entry{Type: audit.PolicyChanged}); err != nil {
				t.Fatal(err)
			}
		}
		d.publish(t)
	}
	if keyOf(t, dir).KeyHash() == first.KeyHash() {
		t.Fatal("the key is the old one")
	}
	source, err := audit.OpenDir(d.log())
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	r, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: source, Policy: policy})
	if err != nil || !r.Clean() {
		t.Errorf("%v, %v", r.Findings, err)
	}
}

// A new key does not sign the very checkpoint that announces it: nobody who knows the old one could follow.
func TestAKeyIsPublishedBeforeItSigns(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	d.write(t, 3)
	d.publish(t)
	old := readFile(t, dir, "key")
	skey, vkey, err := audit.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := &cancelling{Store: d.store, cancel: cancel}
	d.close()
	d = openDesk(t, dir, func(b *audit.BookConfig, _ *audit.PublisherConfig) {
		cancelled.Store = b.Store
		b.Store = cancelled
	})
	d.publish(t)
	cancelled.armed = true
	if err := d.publisher.Announce(ctx, vkey); !errors.Is(err, context.Canceled) {
		t.Fatalf("announced: %v", err)
	}
	d.close()
	for _, step := range []struct {
		key string
		ok  bool
	}{{skey + "\n", false}, {string(old), true}, {skey + "\n", true}} {
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(step.key), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := tryDesk(t.Context(), dir, nil)
		if (err == nil) != step.ok {
			t.Fatalf("opened: %v, want %t", err, step.ok)
		}
		if err == nil {
			d.publish(t)
			d.close()
		}
	}
}

// cancelling is a store whose caller goes away after a Commit.
type cancelling struct {
	store.Store
	cancel func()
	armed  bool
}

func (s *cancelling) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	receipt, err := s.Store.Commit(ctx, c)
	if s.armed {
		s.cancel()
	}
	return receipt, err
}

// vkeyOf is the key in a desk's directory as policies name it.
func vkeyOf(t testing.TB, dir string) string {
	t.Helper()
	signer, err := audit.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return signer.String()
}

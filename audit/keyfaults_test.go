package audit_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

func TestStale(t *testing.T) {
	f := newForge(t)
	f.fill(10)
	f.publish(0, 1)
	old := f.now
	aged := func(by time.Duration) func(*audit.VerifyConfig) {
		return func(c *audit.VerifyConfig) {
			c.MaxAge = 10 * time.Minute
			c.Now = func() time.Time { return old.Add(by) }
		}
	}
	clean(t, f.verify(aged(9*time.Minute)))
	demand(t, f.verify(aged(30*24*time.Hour)), wanted{audit.Stale, -1, "checkpoint", 4})
	t.Run("without witnesses, by the newest entry", func(t *testing.T) {
		r := f.verify(func(c *audit.VerifyConfig) { aged(11 * time.Minute)(c); f.unwitnessed(c) })
		demand(t, r, wanted{audit.Stale, -1, "checkpoint", 4})
	})
	t.Run("an integrity finding weighs more", func(t *testing.T) {
		bundle := f.read("tile/entries/000.p/11")
		bundle[40] ^= 1
		f.write("tile/entries/000.p/11", bundle)
		r := f.verify(aged(time.Hour))
		if r.Exit() != 1 || len(r.Findings) != 2 {
			t.Errorf("exit %d, %s", r.Exit(), list(r.Findings))
		}
	})
}

func TestOriginMismatch(t *testing.T) {
	t.Run("another origin, same key", func(t *testing.T) {
		f := newForge(t)
		f.fill(3)
		signed := f.publish(0, 1)
		text := strings.Replace(string(signed[:bytes.Index(signed, []byte("\n\n"))+1]), f.origin, "as.bank.example/2026/other", 1)
		bad := f.signText(text, f.skey, 0, 1)
		f.write("checkpoint", bad)
		got := demand(t, f.verify(nil), wanted{audit.OriginMismatch, -1, "checkpoint", 1})
		if !bytes.Equal(evidence(t, got, "checkpoint"), bad) {
			t.Error("the checkpoint was not saved")
		}
	})
	t.Run("an entry that opens another log", func(t *testing.T) {
		f := newForge(t)
		f.leaf(audit.Leaf{Type: audit.LogOpened, Token: audit.LeafToken{Audience: "as.bank.example/2026/other"}})
		f.publish(0, 1)
		demand(t, f.verify(nil), wanted{audit.OriginMismatch, 1, "tile/entries/000.p/2", 1})
	})
}

func TestUntrustedKey(t *testing.T) {
	rotate := func(t *testing.T, announce bool) (f *forge, skey string) {
		f = newForge(t)
		f.fill(3)
		f.publish(0, 1)
		skey, vkey, err := audit.GenerateKey(f.origin)
		if err != nil {
			t.Fatal(err)
		}
		if announce {
			f.leaf(audit.Leaf{Type: audit.LogKey, Token: audit.LeafToken{KeyID: vkey}})
		}
		return f, skey
	}
	t.Run("swapped", func(t *testing.T) {
		f, skey := rotate(t, false)
		f.fill(2)
		signed := f.sign(skey, 0, 1)
		f.write("checkpoint", signed)
		got := demand(t, f.verify(nil), wanted{audit.UntrustedKey, -1, "checkpoint", 1})
		if !bytes.Equal(evidence(t, got, "checkpoint"), signed) {
			t.Error("the checkpoint was not saved")
		}
	})
	t.Run("announced, and the announcement signed with the old key", func(t *testing.T) {
		f, skey := rotate(t, true)
		f.publish(0, 1)
		f.fill(2)
		f.write("checkpoint", f.sign(skey, 0, 1))
		r := f.verify(nil)
		clean(t, r)
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "announced") {
			t.Errorf("notes %q", r.Notes)
		}
	})
	t.Run("twice, each announced under the one before", func(t *testing.T) {
		f, second := rotate(t, true)
		f.publish(0, 1)
		third, vkey, err := audit.GenerateKey(f.origin)
		if err != nil {
			t.Fatal(err)
		}
		f.leaf(audit.Leaf{Type: audit.LogKey, Token: audit.LeafToken{KeyID: vkey}})
		f.write(audit.ArchivePath(f.size()), f.sign(second, 0, 1))
		f.fill(2)
		f.write("checkpoint", f.sign(third, 0, 1))
		clean(t, f.verify(nil))
	})
	t.Run("announced only under the new key", func(t *testing.T) {
		f, skey := rotate(t, true)
		f.write(audit.ArchivePath(f.size()), f.sign(skey, 0, 1))
		f.fill(2)
		f.write("checkpoint", f.sign(skey, 0, 1))
		demand(t, f.verify(nil), wanted{audit.UntrustedKey, -1, "checkpoint", 1})
	})
	t.Run("announced for another log", func(t *testing.T) {
		f, _ := rotate(t, false)
		_, vkey, err := audit.GenerateKey("another.example/log")
		if err != nil {
			t.Fatal(err)
		}
		index := f.leaf(audit.Leaf{Type: audit.LogKey, Token: audit.LeafToken{KeyID: vkey}})
		f.publish(0, 1)
		demand(t, f.verify(nil), wanted{audit.Malformed, index, "", 1})
	})
}

func TestQuorumNotMet(t *testing.T) {
	f := newForge(t)
	f.fill(3)
	t.Run("one of three", func(t *testing.T) {
		f.publish(1)
		got := demand(t, f.verify(nil), wanted{audit.QuorumNotMet, -1, "checkpoint", 4})
		if !strings.Contains(got.Detail, "1 of 3 witnesses (bank-b); needed 2") {
			t.Error(got.Detail)
		}
	})
	t.Run("a forged cosignature", func(t *testing.T) {
		signed := f.publish(0, 1)
		f.remove("archive")
		f.write("checkpoint", forgeSignature(t, f, signed, 1))
		got := demand(t, f.verify(nil), wanted{audit.QuorumNotMet, -1, "checkpoint", 4})
		if !strings.Contains(got.Detail, "the signature of bank-b is wrong") {
			t.Error(got.Detail)
		}
	})
	t.Run("a forged cosignature, while the archive has good ones", func(t *testing.T) {
		signed := f.publish(0, 1)
		f.write("checkpoint", forgeSignature(t, f, signed, 1))
		demand(t, f.verify(nil), wanted{audit.QuorumNotMet, -1, "checkpoint", 4})
	})
	t.Run("one witness twice", func(t *testing.T) {
		f.remove("archive")
		first := f.sign(f.skey, 0)
		f.now = f.now.Add(time.Second)
		f.write("checkpoint", merge(t, first, f.sign(f.skey, 0)))
		demand(t, f.verify(nil), wanted{audit.QuorumNotMet, -1, "checkpoint", 4})
	})
	t.Run("the newest entries are not cosigned yet", func(t *testing.T) {
		f.publish(0, 1)
		at := f.size()
		f.fill(20)
		f.publish()
		r := f.verify(nil)
		clean(t, r)
		if r.Witnesses.Size != at || !r.Witnesses.Met || !slices.ContainsFunc(r.Notes, func(s string) bool { return strings.Contains(s, "newest 20 entries") }) {
			t.Errorf("witnesses %+v, notes %q", r.Witnesses, r.Notes)
		}
	})
	t.Run("the newest entries have waited too long", func(t *testing.T) {
		f.fill(60)
		f.publish()
		demand(t, f.verify(nil), wanted{audit.QuorumNotMet, -1, "checkpoint", 4})
	})
}

func forgeSignature(t *testing.T, f *forge, signed []byte, witness int) []byte {
	t.Helper()
	lines := bytes.SplitAfter(signed, []byte("\n"))
	for i, line := range lines {
		if bytes.HasPrefix(line, []byte("— "+f.witnesses[witness].Name()+" ")) {
			at := len(line) - 10
			lines[i] = bytes.Clone(line)
			lines[i][at] = map[bool]byte{true: 'B', false: 'A'}[line[at] == 'A']
			return bytes.Join(lines, nil)
		}
	}
	t.Fatal("no such signature")
	return nil
}

func TestCheckpointsOfNobodyAreLeftOut(t *testing.T) {
	f := newForge(t)
	f.fill(3)
	f.publish(0, 1)
	skey, _, err := audit.GenerateKey(f.origin)
	if err != nil {
		t.Fatal(err)
	}
	f.write(audit.ArchivePath(2), f.signText(audit.Checkpoint{Origin: f.origin, Size: 2}.Format(), skey))
	r := f.verify(nil)
	clean(t, r)
	if r.Counts.Archived != 1 || len(r.Notes) != 1 {
		t.Errorf("archived %d, notes %q", r.Counts.Archived, r.Notes)
	}
}

package audit_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

// Each fault of these tests is made for real, with the log's key where it needs one, and must be named: what, where, with which
// exit code, and with evidence.

func TestRollback(t *testing.T) {
	f := newForge(t)
	f.fill(10)
	seen := f.publish(0, 1)
	cut := func() { f.entries = f.entries[:7] }
	f.rewrite(cut)
	short := f.publish() // signed again with the log's key; no witness would
	t.Run("against the archive", func(t *testing.T) {
		r := f.verify(f.unwitnessed)
		got := demand(t, r, wanted{audit.Rollback, 7, audit.ArchivePath(11), 1})
		if !bytes.Equal(evidence(t, got, "earlier-checkpoint"), seen) || !bytes.Equal(evidence(t, got, "-checkpoint"), seen) {
			t.Error("the earlier checkpoint is not what was saved")
		}
		saved := slices.IndexFunc(got.Evidence, func(p string) bool { return strings.HasSuffix(p, "-checkpoint") && !strings.Contains(p, "earlier") })
		if saved < 0 || !bytes.Equal(readFile(t, "/", got.Evidence[saved]), short) {
			t.Error("the present checkpoint was not saved")
		}
		if !strings.Contains(got.Detail, "bank-b at 2026-11-22T10:00:11Z") {
			t.Errorf("it does not say who saw it: %s", got.Detail)
		}
	})
	t.Run("against what the auditor kept", func(t *testing.T) {
		f.remove("archive")
		r := f.verify(func(c *audit.VerifyConfig) { f.unwitnessed(c); c.Known = [][]byte{seen} })
		demand(t, r, wanted{audit.Rollback, 7, "", 1})
	})
}

func TestFork(t *testing.T) {
	f := newForge(t)
	f.fill(9)
	first := f.publish(0, 1)
	f.fill(10)
	seen := f.publish(0, 1)
	f.fill(300)
	f.rewrite(func() {
		f.entries[14] = bytes.Replace(f.entries[14], []byte(`"ok"`), []byte(`"ok"`), 1)
		f.entries[14] = f.entries[15]
	})
	signed := f.sign(f.skey)
	f.write("checkpoint", signed)
	against := func(t *testing.T, r *audit.Report, path string) {
		got := demand(t, r, wanted{audit.Fork, 10, path, 1})
		if !bytes.Equal(evidence(t, got, "earlier-checkpoint"), seen) {
			t.Error("the earlier checkpoint was not saved")
		}
		var proof audit.ForkProof
		if err := json.Unmarshal(evidence(t, got, "proof"), &proof); err != nil {
			t.Fatal(err)
		}
		older, newer := openHead(t, f, seen), openHead(t, f, signed)
		if err := proof.Verify(older, newer); err != nil {
			t.Errorf("the saved proof does not convict: %v", err)
		}
		if err := proof.Verify(openHead(t, f, first), newer); err == nil {
			t.Error("the proof convicts with a checkpoint that it is not about")
		}
	}
	t.Run("against the archive", func(t *testing.T) { against(t, f.verify(f.unwitnessed), audit.ArchivePath(20)) })
	t.Run("against what the auditor kept", func(t *testing.T) {
		f.remove("archive")
		against(t, f.verify(func(c *audit.VerifyConfig) { f.unwitnessed(c); c.Known = [][]byte{seen, first} }), "")
	})
	t.Run("pairwise", func(t *testing.T) {
		c := audit.ConsistencyConfig{Policy: f.policy("none"), A: signed, B: seen, Source: f.source(), Evidence: t.TempDir()}
		got, err := audit.Consistency(t.Context(), c)
		if err != nil || got == nil || got.Name != audit.Fork || got.Exit() != 1 {
			t.Fatalf("got %v, %v", got, err)
		}
		var proof audit.ForkProof
		if err := json.Unmarshal(evidence(t, got, "proof"), &proof); err != nil || proof.Verify(openHead(t, f, seen), openHead(t, f, signed)) != nil {
			t.Errorf("the saved proof does not convict: %v", err)
		}
		c.A, c.B = first, signed
		if got, err := audit.Consistency(t.Context(), c); got != nil || err != nil {
			t.Errorf("an honest pair: %v, %v", got, err)
		}
		c.Source = nil
		if got, err := audit.Consistency(t.Context(), c); got != nil || err == nil {
			t.Errorf("without tiles: %v, %v", got, err)
		}
	})
}

func TestForkProofConvictsNobodyHonest(t *testing.T) {
	f := newForge(t)
	f.fill(5)
	a := openHead(t, f, f.publish())
	f.fill(5)
	b := openHead(t, f, f.publish())
	r, err := audit.NewReader(t.Context(), f.source(), f.policy("none"))
	if err != nil {
		t.Fatal(err)
	}
	proof, root, err := r.Consistency(t.Context(), a.Size)
	if err != nil || root != a.Root {
		t.Fatal(err)
	}
	if err := (&audit.ForkProof{OlderSize: a.Size, NewerSize: b.Size, Root: a.Root, Proof: proof}).Verify(a, b); err == nil {
		t.Error("convicted by the proof that it is honest")
	}
	if err := (&audit.ForkProof{OlderSize: a.Size, NewerSize: b.Size, Root: b.Root}).Verify(a, b); err == nil {
		t.Error("convicted without a proof")
	}
}

func openHead(t *testing.T, f *forge, signed []byte) audit.Checkpoint {
	t.Helper()
	h, err := f.policy("none").Open(signed)
	if err != nil {
		t.Fatal(err)
	}
	return h.Checkpoint
}

func TestSplitView(t *testing.T) {
	f := newForge(t)
	f.fill(9)
	one := f.publish(0, 1)
	f.rewrite(func() { f.entries[4] = f.entries[5] })
	two := f.sign(f.skey)
	f.write("checkpoint", two)
	t.Run("against the archive", func(t *testing.T) {
		got := demand(t, f.verify(f.unwitnessed), wanted{audit.SplitView, -1, audit.ArchivePath(10), 1})
		if !bytes.Equal(evidence(t, got, "other-checkpoint"), one) {
			t.Error("the other checkpoint was not saved")
		}
	})
	t.Run("either pair, offline", func(t *testing.T) {
		for _, pair := range [][2][]byte{{one, two}, {two, one}} {
			got, err := audit.Consistency(t.Context(), audit.ConsistencyConfig{Policy: f.policy("none"), A: pair[0], B: pair[1], Evidence: t.TempDir()})
			if err != nil || got == nil || got.Name != audit.SplitView || len(got.Evidence) != 2 {
				t.Errorf("got %v, %v", got, err)
			}
		}
		same, err := audit.Consistency(t.Context(), audit.ConsistencyConfig{Policy: f.policy("none"), A: one, B: one})
		if same != nil || err != nil {
			t.Errorf("one checkpoint twice: %v, %v", same, err)
		}
	})
	t.Run("a pair of which one is not the log's", func(t *testing.T) {
		other := newForge(t)
		other.strange()
		got, err := audit.Consistency(t.Context(), audit.ConsistencyConfig{Policy: f.policy("none"), A: one, B: other.publish(), Evidence: t.TempDir()})
		if err != nil || got == nil || got.Name != audit.UntrustedKey || len(got.Evidence) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestTimeOutOfBounds(t *testing.T) {
	start := func(t *testing.T) *forge {
		f := newForge(t)
		f.fill(10)
		f.publish(0, 1)
		return f
	}
	lastWeek := forgeStart.Add(-7 * 24 * time.Hour).UnixMilli()
	t.Run("dated last week, after the last cosigned checkpoint", func(t *testing.T) {
		f := start(t)
		f.leaf(audit.Leaf{Type: audit.TokenRevoked, Time: lastWeek})
		f.publish()
		r := f.verify(func(c *audit.VerifyConfig) { c.Now = func() time.Time { return f.now } })
		got := demandOne(t, r.Findings, r.Exit(), wanted{audit.TimeOutOfBounds, 11, "tile/entries/000.p/12", 1})
		if !strings.Contains(got.Detail, "2026-11-22T10:00:11Z (size 11) to now") {
			t.Errorf("it does not show the window: %s", got.Detail)
		}
		evidence(t, got, "entry-11")
	})
	t.Run("behind a clock.step that makes room for it", func(t *testing.T) {
		f := start(t)
		f.leaf(audit.Leaf{Type: audit.ClockStep, Time: lastWeek, Span: audit.LeafSpan{From: f.now.UnixMilli(), To: lastWeek}})
		f.leaf(audit.Leaf{Type: audit.TokenRevoked, Time: lastWeek + 1000})
		f.leaf(audit.Leaf{Type: audit.ClockStep, Span: audit.LeafSpan{From: lastWeek + 2000, To: f.now.UnixMilli()}})
		f.fill(5)
		f.publish(0, 1)
		r := f.verify(nil)
		if len(r.Findings) != 2 {
			t.Fatal(list(r.Findings))
		}
		got := demandOne(t, r.Findings[1:], 1, wanted{audit.TimeOutOfBounds, 12, "", 1})
		if !strings.Contains(got.Detail, "2026-11-22T10:00:11Z (size 11) to 2026-11-22T10:00:19Z (size 19)") {
			t.Errorf("it does not show the window: %s", got.Detail)
		}
	})
	t.Run("dated ahead", func(t *testing.T) {
		f := start(t)
		f.leaf(audit.Leaf{Type: audit.TokenIssued, Time: f.now.UnixMilli() + 30_000})
		f.publish(0, 1)
		demand(t, f.verify(nil), wanted{audit.TimeOutOfBounds, 11, "", 1})
	})
	t.Run("one witness with a wrong clock moves no window", func(t *testing.T) {
		f := start(t)
		f.fill(5)
		f.writeTiles()
		at := f.now
		f.now = at.Add(-24 * time.Hour)
		slow := f.sign(f.skey, 2)
		f.now = at
		f.write(audit.ArchivePath(f.size()), merge(t, f.sign(f.skey, 0, 1), slow))
		f.leaf(audit.Leaf{Type: audit.TokenRevoked, Time: at.Add(-20 * time.Minute).UnixMilli()})
		f.publish(0, 1)
		r := f.verify(nil)
		demandOne(t, r.Findings, r.Exit(), wanted{audit.TimeOutOfBounds, 16, "", 1})
	})
	t.Run("within the tolerance of a batch and of a witness", func(t *testing.T) {
		f := start(t)
		f.leaf(audit.Leaf{Type: audit.TokenIssued, Time: f.now.UnixMilli() - 1500})
		f.publish(0, 1)
		clean(t, f.verify(nil))
	})
}

func merge(t *testing.T, a, b []byte) []byte {
	t.Helper()
	_, sigs, _ := bytes.Cut(b, []byte("\n\n"))
	lines := bytes.SplitAfter(sigs, []byte("\n"))
	return append(bytes.Clone(a), bytes.Join(lines[1:], nil)...) // without the log's own
}

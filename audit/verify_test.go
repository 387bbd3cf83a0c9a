package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

func TestVerifyReportsWhatItLookedAt(t *testing.T) {
	f := newForge(t)
	f.issue(jktOf("a"), "jti-1", nil)
	f.leaf(audit.Leaf{Type: audit.UseSummary, Span: audit.LeafSpan{Count: 40, From: 1, To: 2}})
	f.publish(0, 1)
	f.fill(300)
	f.publish(0, 1)
	var progress []int64
	r := f.verify(func(c *audit.VerifyConfig) {
		c.Openings, c.Proofs = true, forgeRules
		c.Progress = func(done, total int64) { progress = append(progress, done, total) }
	})
	clean(t, r)
	if diff := cmp.Diff([]int64{256, 303, 303, 303}, progress); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	if r.Origin != f.origin || r.Size != 303 {
		t.Errorf("origin %q, size %d", r.Origin, r.Size)
	}
	want := audit.Counts{
		Leaves: 303, Parsed: 303, Tiles: 5, Archived: 2, InWindow: 303, Opened: 1, Proofs: 1, Summarized: 40,
		ByType: map[string]int64{"log.opened": 1, "token.issued": 1, "use.summary": 1, "log.heartbeat": 300},
	}
	for _, entry := range f.entries {
		want.Bytes += int64(len(entry))
	}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts: %s", diff)
	}
	if diff := cmp.Diff(audit.Quorum{Met: true, Satisfied: []string{"audit-firm", "bank-b"}, Needed: 2, Known: 3}, r.Witnesses.Quorum); diff != "" {
		t.Errorf("quorum: %s", diff)
	}
	if !r.Times.First.Equal(forgeStart) || !r.Times.Last.Equal(f.now.Add(-time.Second)) || *r.Times.Age != 0 {
		t.Errorf("times: %v, %v, age %v", r.Times.First, r.Times.Last, r.Times.Age)
	}
	if len(r.NotChecked) < 2 {
		t.Errorf("a report says what was not checked, this one: %q", r.NotChecked)
	}
}

// What is not looked at must be said.
func TestVerifySaysWhatItDidNotCheck(t *testing.T) {
	f := newForge(t)
	f.issue(jktOf("a"), "jti-1", nil)
	f.publish(0, 1)
	for _, tt := range []struct {
		name   string
		change func(*audit.VerifyConfig)
		say    string
	}{
		{"always", nil, "everything that happened"},
		{"always", nil, "identities"},
		{"no openings", nil, "openings"},
		{"nothing to verify proofs with", func(c *audit.VerifyConfig) { c.Openings = true }, "kept proofs"},
		{"no token endpoint", func(c *audit.VerifyConfig) { c.Openings, c.Proofs = true, audit.ProofRules{Check: checkFakeProof} }, "addresses"},
		{"no greatest age", nil, "newest checkpoint"},
		{"no witnesses", f.unwitnessed, "the same log"},
		{"a source that cannot list", func(c *audit.VerifyConfig) { c.Source = readOnly{c.Source} }, "archive"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.verify(tt.change)
			clean(t, r)
			if !slices.ContainsFunc(r.NotChecked, func(s string) bool { return strings.Contains(s, tt.say) }) {
				t.Errorf("nothing about %q in %q", tt.say, r.NotChecked)
			}
		})
	}
}

// readOnly is a Source and no Lister.
type readOnly struct{ audit.Source }

func TestVerifyAcceptsLogsOfAllShapes(t *testing.T) {
	f := newForge(t)
	for _, size := range []int{1, 2, 3, 255, 256, 257, 511, 512, 513, 1000} {
		f.fill(size - int(f.size()))
		f.publish(0, 1)
		t.Run(fmt.Sprint(size), func(t *testing.T) { clean(t, f.verify(nil)) })
	}
}

// Two levels of tiles above the leaves, with partial tiles gone where full ones are.
func TestVerifyAcceptsALogOfThreeLevels(t *testing.T) {
	f := newForge(t)
	f.fill(1<<16 + 300)
	f.publish(0, 1)
	clean(t, f.verify(nil))
}

func TestVerifyAcceptsAnEmptyLog(t *testing.T) {
	f := newForge(t)
	f.entries = nil
	f.publish(0, 1)
	r := f.verify(nil)
	clean(t, r)
	if r.Size != 0 || r.Times.Last != nil {
		t.Errorf("size %d, last %v", r.Size, r.Times.Last)
	}
}

// C2SP tlog-tiles: a partial tile may be gone once it is full, and whoever has an older checkpoint reads the full one.
func TestVerifyReadsTheFullTileWhenThePartialOneIsGone(t *testing.T) {
	f := newForge(t)
	f.fill(99)
	old := f.publish(0, 1)
	f.fill(300)
	f.publish(0, 1)
	f.write("checkpoint", old)
	f.remove("tile/0/000.p")
	f.remove("tile/entries/000.p")
	f.remove("archive")
	clean(t, f.verify(nil))
}

func TestVerifyCannotComplete(t *testing.T) {
	f := newForge(t)
	f.fill(5)
	f.publish(0, 1)
	refuse := errors.New("the disk is on fire")
	for _, path := range []string{"checkpoint", "tile/0/000.p/6", "tile/entries/000.p/6", audit.ArchivePath(6)} {
		t.Run(path, func(t *testing.T) {
			_, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: failing{f.source(), path, refuse}, Policy: f.policy("two")})
			if !errors.Is(err, refuse) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := audit.Verify(ctx, audit.VerifyConfig{Source: f.source(), Policy: f.policy("two")}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no checkpoint", func(t *testing.T) {
		_, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: failing{f.source(), "checkpoint", fs.ErrNotExist}, Policy: f.policy("two")})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nothing given", func(t *testing.T) {
		if _, err := audit.Verify(t.Context(), audit.VerifyConfig{MaxAge: -1}); err == nil || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("want three faults, got %v", err)
		}
	})
}

// failing gives an error for one file.
type failing struct {
	*audit.DirSource
	path string
	err  error
}

func (f failing) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if path == f.path {
		return nil, f.err
	}
	return f.DirSource.ReadFile(ctx, path)
}

// A growingLog is a log that grows, and has witnesses sign, at every read of its checkpoint or look into its archive.
type growingLog struct {
	*audit.DirSource
	f *forge
}

func (g growingLog) grow() {
	g.f.fill(40)
	g.f.publish(0, 1)
}

func (g growingLog) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if path == "checkpoint" {
		defer g.grow()
	}
	return g.DirSource.ReadFile(ctx, path)
}

func (g growingLog) List(ctx context.Context, dir string) ([]string, error) {
	defer g.grow()
	return g.DirSource.List(ctx, dir)
}

// A log that grows while it is verified does not look as if it had been cut.
func TestVerifyALogThatGrows(t *testing.T) {
	f := newForge(t)
	f.fill(100)
	f.publish(0, 1)
	r := f.verify(func(c *audit.VerifyConfig) { c.Source = growingLog{f.source(), f} })
	if !r.Clean() || r.Counts.Archived != 1 {
		t.Errorf("%d archived, %v", r.Counts.Archived, r.Findings)
	}
}

// A log of any size is verified in little memory.
func TestVerifyNeedsLittleMemory(t *testing.T) {
	f := newForge(t)
	f.fill(40_000)
	f.publish(0, 1)
	f.entries, f.hashes = nil, nil
	var most uint64
	base := heap()
	f.verify(func(c *audit.VerifyConfig) {
		c.Progress = func(done, _ int64) {
			if done%(256*16) == 0 {
				most = max(most, heap())
			}
		}
	})
	if grown := int64(most) - int64(base); grown > 8<<20 {
		t.Errorf("verification holds %d KiB of a log with 40 thousand entries", grown>>10)
	}
}

// heap is what is alive.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

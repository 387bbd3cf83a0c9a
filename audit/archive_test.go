package audit_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

func openArchive(t testing.TB, dir string) *audit.Archive {
	t.Helper()
	a, err := audit.OpenArchive(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArchiveFindsWhatIsAround(t *testing.T) {
	dir, log := t.TempDir(), newHistory(t).grow(30, "entry")
	a := openArchive(t, dir)
	if newest, err := a.Newest(); newest != nil || err != nil {
		t.Errorf("the newest of none: %q %v", newest, err)
	}
	for _, size := range []int64{10, 3, 25, 10} {
		if err := a.Put(log.fork(size).signed()); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*audit.Archive{a, openArchive(t, dir)} {
		for _, tt := range []struct{ index, without, with int64 }{
			{0, 0, 3}, {2, 0, 3}, {3, 3, 10}, {9, 3, 10}, {10, 10, 25}, {24, 10, 25}, {25, 25, 0}, {1 << 50, 25, 0},
		} {
			without, with, err := a.Around(tt.index)
			if err != nil || sizeOf(t, without) != tt.without || sizeOf(t, with) != tt.with {
				t.Errorf("around entry %d: %q %q %v", tt.index, without, with, err)
			}
		}
		if newest, err := a.Newest(); err != nil || sizeOf(t, newest) != 25 {
			t.Errorf("the newest: %q %v", newest, err)
		}
		if one, err := a.Read(10); err != nil || sizeOf(t, one) != 10 {
			t.Errorf("size 10: %q %v", one, err)
		}
		if _, err := a.Read(11); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("size 11: %v", err)
		}
	}
	if got := string(readFile(t, dir, "archive/00000000000000000025")); got != string(log.fork(25).signed()) {
		t.Errorf("on disk: %q", got)
	}
}

// sizeOf is the size that a checkpoint says, or 0 for none.
func sizeOf(t testing.TB, signed []byte) int64 {
	t.Helper()
	if signed == nil {
		return 0
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	c, err := audit.ParseCheckpoint(text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return c.Size
}

// What is in the archive stays as it is.
func TestArchiveNeverChanges(t *testing.T) {
	dir, log := t.TempDir(), newHistory(t).grow(5, "entry")
	a := openArchive(t, dir)
	first := log.sign(log.head().Format(), log.key, witnessKey(t, "w1"))
	if err := a.Put(first); err != nil {
		t.Fatal(err)
	}
	if err := a.Put(log.sign(log.head().Format(), log.key, witnessKey(t, "w2"))); err != nil {
		t.Errorf("the same checkpoint with another cosignature: %v", err)
	}
	if err := a.Put(log.fork(2).grow(3, "another").signed()); findingOf(err) != audit.SplitView {
		t.Errorf("another root: %v", err)
	}
	if err := a.Put([]byte("nothing")); err == nil {
		t.Error("what is no checkpoint was put there")
	}
	if got := readFile(t, dir, audit.ArchivePath(5)); string(got) != string(first) {
		t.Errorf("it has become %q", got)
	}
}

func TestOpenArchive(t *testing.T) {
	dir, log := t.TempDir(), newHistory(t).grow(5, "entry")
	if err := openArchive(t, dir).Put(log.signed()); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(dir, "archive", fmt.Sprintf(".%020d.123", 6)) // a killed process was writing it
	if err := os.WriteFile(torn, []byte("log.ex"), 0o600); err != nil {
		t.Fatal(err)
	}
	openArchive(t, dir)
	if _, err := os.Stat(torn); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was not finished is still there: %v", err)
	}
	for _, name := range []string{"5", "0000000000000000000x", "-0000000000000000005"} {
		path := filepath.Join(dir, "archive", name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.OpenArchive(dir); err == nil {
			t.Errorf("%s was taken for a checkpoint", name)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint that the log alone had signed is kept with its cosignatures when it has some.
func TestArchivePrefersTheCosigned(t *testing.T) {
	f := newForge(t)
	f.fill(5)
	alone, cosigned, again := f.publish(), f.publish(0), f.publish(1)
	dir := t.TempDir()
	a := openArchive(t, dir)
	for i, put := range [][]byte{alone, cosigned, again} {
		if err := a.Put(put); err != nil {
			t.Fatal(err)
		}
		want := [][]byte{alone, cosigned, cosigned}[i]
		if kept, err := a.Read(f.size()); err != nil || string(kept) != string(want) {
			t.Errorf("after %d: %q, %v", i, kept, err)
		}
	}
	if without, with, err := a.Around(4); err != nil || without != nil || sizeOf(t, with) != f.size() {
		t.Errorf("around entry 4: %q %q %v", without, with, err)
	}
}

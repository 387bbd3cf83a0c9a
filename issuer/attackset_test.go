package issuer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// An attackSet is the entries of some files of testdata/attacks, and what they must cover.
type attackSet[A any] struct {
	files  string   // a pattern
	least  int      // entries
	checks []string // each must refuse at least one entry
	named  func(A) (id, check string)
	stage  func(A) func(t *testing.T) // makes ready what plays an entry
}

// run plays every entry, in a test of its own.
func (s attackSet[A]) run(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(s.files)
	must(t, err)
	seen, checks := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		for _, a := range readEntries[A](t, file) {
			id, check := s.named(a)
			if seen[id] {
				t.Fatalf("%s: the id %s comes twice", file, id)
			}
			seen[id], checks[check] = true, true
			t.Run(id, s.stage(a))
		}
	}
	if len(seen) < s.least {
		t.Errorf("%d entries only", len(seen))
	}
	for _, check := range s.checks {
		if !checks[check] {
			t.Errorf("no entry is refused by %q", check)
		}
	}
}

// readEntries reads a file of entries. A member that no entry has is a mistake in the file.
func readEntries[A any](t *testing.T, file string) (all []A) {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return all
}

// perServer makes what plays entries once for each kind of server, in the test that all entries belong to.
func perServer[F any](t *testing.T, make func(t *testing.T, kind string) F) func(kind string) F {
	made := map[string]F{}
	return func(kind string) F {
		if _, there := made[kind]; !there {
			made[kind] = make(t, kind)
		}
		return made[kind]
	}
}

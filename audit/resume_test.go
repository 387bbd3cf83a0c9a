package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

func TestOpenPublisherRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  error
	}{
		"yesterday's store": {want: audit.ErrBehind, spoil: func(t *testing.T, dir string) {
			restore(t, dir, func(d *desk) { d.write(t, 5); d.publish(t) })
		}},
		"yesterday's store, which went on": {want: audit.ErrBehind, spoil: func(t *testing.T, dir string) {
			restore(t, dir, func(d *desk) { d.write(t, 1); d.publish(t) }) // opening it adds an entry, at that same index
		}},
		"yesterday's store, long ago": {want: audit.ErrBehind, spoil: func(t *testing.T, dir string) {
			restore(t, dir, func(d *desk) { d.write(t, 600); d.publish(t) })
		}},
		"a tile with a flipped bit": {spoil: func(t *testing.T, dir string) { flip(t, dir, "tile/0/001.p/46") }},
		"an entry with a flipped bit at the end": {want: audit.ErrBehind, spoil: func(t *testing.T, dir string) {
			flip(t, dir, "tile/entries/001.p/46")
		}},
		"a tile missing": {want: os.ErrNotExist, spoil: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "log/tile/1/000.p/1")); err != nil {
				t.Fatal(err)
			}
		}},
		"a tile cut": {want: audit.ErrMalformed, spoil: func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "log/tile/1/000.p/1"), 31); err != nil {
				t.Fatal(err)
			}
		}},
		"a checkpoint of somebody else": {spoil: func(t *testing.T, dir string) { flip(t, dir, "checkpoint") }},
		"another key": {spoil: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "key")); err != nil {
				t.Fatal(err)
			}
		}},
		"no checkpoint, and leaves gone": {want: audit.ErrBehind, spoil: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "log/checkpoint")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir, nil)
			d.write(t, 300)
			d.publish(t)
			d.close()
			tt.spoil(t, dir)
			before := files(t, filepath.Join(dir, "log"))
			d, err := tryDesk(t.Context(), dir, nil)
			if err == nil { // what cannot be seen at the start is seen at the first step
				err = d.publisher.Publish(t.Context())
				d.close()
			}
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("went on: %v, want %v", err, tt.want)
			}
			if diff := cmp.Diff(before, files(t, filepath.Join(dir, "log"))); diff != "" {
				t.Errorf("and wrote something:\n%s", diff)
			}
		})
	}
}

// restore puts the store back to what it was before something was done.
func restore(t *testing.T, dir string, do func(*desk)) {
	t.Helper()
	old, err := os.ReadFile(filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	d := openDesk(t, dir, nil)
	do(d)
	d.close()
	if err := os.WriteFile(filepath.Join(dir, "db"), old, 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, dir, path string) {
	t.Helper()
	data := readFile(t, filepath.Join(dir, "log"), path)
	data[len(data)-6] ^= 4
	if err := os.WriteFile(filepath.Join(dir, "log", path), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store/bolt"
)

func TestOpenRefuses(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"a file that others can read": func(path string) error { return os.WriteFile(path, nil, 0o640) },
		"a folder":                    func(path string) error { return os.Mkdir(path, 0o700) },
		"a symbolic link":             func(path string) error { return os.Symlink(path+".elsewhere", path) },
		"a missing folder":            func(path string) error { return os.Remove(filepath.Dir(path)) },
		"what is no bbolt file":       func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("no "), 9999), 0o600) },
		"the file of another program": func(path string) error {
			return create(path, func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err })
		},
		"an older layout": func(path string) error { return create(path, format("tenon store 1")) },
		"a newer layout":  func(path string) error { return create(path, format("tenon store 4")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "inner", "db")
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), prepare(path)); err != nil {
				t.Fatal(err)
			}
			if s, err := bolt.Open(bolt.Config{Path: path}); err == nil {
				t.Errorf("opened it, %v", s.Close())
			}
		})
	}
	if _, err := bolt.Open(bolt.Config{}); err == nil {
		t.Error("opened a store without a path")
	}
}

// format says in a file which layout it has.
func format(name string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		return errors.Join(err, b.Put([]byte("format"), []byte(name)))
	}
}

func create(path string, fill func(*bbolt.Tx) error) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(fill), db.Close())
}

func TestADamagedFileIsAnErrorAndNoPanic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s := open(t, bolt.Config{Path: path})
	if _, err := s.Commit(t.Context(), insert("a")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for name, damage := range map[string]func(data []byte) []byte{
		"both heads":            func(data []byte) []byte { clear(data[:2*page]); return data },
		"everything but a head": func(data []byte) []byte { clear(data[2*page:]); return data },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db") // its own: after a panic the lock stays as long as the process
			if err := os.WriteFile(path, damage(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			if s, err := bolt.Open(bolt.Config{Path: path}); !errors.Is(err, bolt.ErrDamaged) {
				t.Errorf("%v, %v; want ErrDamaged", s, err)
			}
		})
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	open(t, bolt.Config{Path: path})
	for _, name := range []string{path, path + ".owner"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestLockedNamesTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	first := open(t, bolt.Config{Path: path})
	_, err := bolt.Open(bolt.Config{Path: path, Wait: time.Millisecond})
	var locked *bolt.Locked
	if !errors.As(err, &locked) || !strings.HasPrefix(locked.Owner, fmt.Sprintf("process %d (bolt.test", os.Getpid())) {
		t.Fatalf("%v, want the number and name of this process", err)
	}
	if err := os.Remove(path + ".owner"); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(bolt.Config{Path: path, Wait: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("without the note: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, bolt.Config{Path: path})
}

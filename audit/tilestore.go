package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/tenon-auth/tenon/internal/durable"
)

// ErrPublished means that a file of the log is there already and says something else than what is to be published. What others
// may have seen must not change, so the publisher stops and somebody has to look.
var ErrPublished = errors.New("audit: what was published would change")

// A disk is what can fail in the middle of a write. Tests put one in its place that does.
type disk interface {
	// Create writes a file that is not there yet. Neither its content nor its name need be durable afterwards.
	Create(path string, data []byte, perm fs.FileMode) (written, error)
	// Rename gives a file another name, in the place of what had it before.
	Rename(from, to string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
}

// written is a file with all its content. Sync makes the content durable.
type written interface {
	Sync() error
	Close() error
}

// A fileSystem is the disk that the operating system offers.
type fileSystem struct{}

var _ disk = fileSystem{}

func (fileSystem) Create(path string, data []byte, perm fs.FileMode) (written, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(data); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (fileSystem) Rename(from, to string) error { return os.Rename(from, to) }

func (fileSystem) SyncDir(dir string) error { return durable.SyncDir(dir) }

// A tileStore writes the files of a log. A file has its name only when its content is durable: it is written in the directory tmp
// first, which nobody reads. Its name is durable after the next sync. Many files are made durable together, because the first
// fsync of a file system's journal pays for those that follow it.
type tileStore struct {
	dir   string
	disk  disk
	count int             // of files in tmp ever written, to name the next
	fresh []freshFile     // written and without their names, in the order in which they get them
	dirty map[string]bool // directories with names that may not be durable
	made  map[string]bool // directories that are known to exist
}

// A freshFile is still in tmp.
type freshFile struct {
	written
	tmp, full string
}

// mostFresh bounds how many files are open at a time.
const mostFresh = 64

// tmpDir is where files are written before they have their name.
const tmpDir = "tmp"

// openTileStore takes a directory and throws away what a killed process was writing.
func openTileStore(dir string, d disk) (*tileStore, error) {
	tmp := filepath.Join(dir, tmpDir)
	if err := os.RemoveAll(tmp); err != nil {
		return nil, err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return nil, err
	}
	s := &tileStore{dir: dir, disk: d, dirty: map[string]bool{filepath.Dir(dir): true}, made: map[string]bool{dir: true}}
	return s, s.sync() // the directory may be new
}

// put publishes a file that anybody may read. If it is there, it must say the same.
func (s *tileStore) put(path string, data []byte) error {
	full := filepath.Join(s.dir, filepath.FromSlash(path))
	old, err := os.ReadFile(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.write(full, data, 0o644)
	case err != nil:
		return err
	case !bytes.Equal(old, data):
		return fmt.Errorf("%w: %s", ErrPublished, full)
	}
	s.dirty[filepath.Dir(full)] = true // whoever wrote it may have been killed before its name was durable
	return nil
}

// keep writes a file unless there is one already. It is durable at once.
func (s *tileStore) keep(path string, data []byte) error {
	full := filepath.Join(s.dir, filepath.FromSlash(path))
	if _, err := os.Lstat(full); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.write(full, data, 0o644); err != nil {
		return err
	}
	return s.sync()
}

// replace writes a file in the place of what was there.
func (s *tileStore) replace(path string, data []byte, perm fs.FileMode) error {
	return s.write(filepath.Join(s.dir, filepath.FromSlash(path)), data, perm)
}

func (s *tileStore) write(full string, data []byte, perm fs.FileMode) error {
	if err := s.mkdir(filepath.Dir(full)); err != nil {
		return err
	}
	s.count++
	tmp := filepath.Join(s.dir, tmpDir, strconv.Itoa(s.count))
	f, err := s.disk.Create(tmp, data, perm)
	if err != nil {
		return fmt.Errorf("audit: cannot write %s: %w", full, err)
	}
	s.fresh = append(s.fresh, freshFile{f, tmp, full})
	if len(s.fresh) < mostFresh {
		return nil
	}
	return s.name()
}

// name makes the content of the files in tmp durable and gives them their names.
func (s *tileStore) name() error {
	fresh := s.fresh
	s.fresh = nil
	var err error
	for _, f := range fresh {
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			err = fmt.Errorf("audit: cannot write %s: %w", f.full, err)
		}
	}
	if err != nil {
		return err
	}
	for _, f := range fresh {
		if err := s.disk.Rename(f.tmp, f.full); err != nil {
			return fmt.Errorf("audit: cannot write %s: %w", f.full, err)
		}
		s.dirty[filepath.Dir(f.full)] = true
	}
	return nil
}

// mkdir makes a directory below the log's and those above it.
func (s *tileStore) mkdir(dir string) error {
	if s.made[dir] {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := s.mkdir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.made[dir], s.dirty[parent] = true, true
	return nil
}

// sync makes all files written before durable, and their names.
func (s *tileStore) sync() error {
	if err := s.name(); err != nil {
		return err
	}
	for _, dir := range slices.Sorted(maps.Keys(s.dirty)) {
		if err := s.disk.SyncDir(dir); err != nil {
			return fmt.Errorf("audit: cannot make the names in %s durable: %w", dir, err)
		}
		delete(s.dirty, dir)
	}
	return nil
}

// drop removes a directory of partial tiles that nobody needs any more. That it is gone need not be durable.
func (s *tileStore) drop(path string) error {
	full := filepath.Join(s.dir, filepath.FromSlash(path))
	delete(s.made, full)
	delete(s.dirty, full)
	return os.RemoveAll(full)
}

// read returns a file of the log.
func (s *tileStore) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(path)))
}

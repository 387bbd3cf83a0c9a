package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A Source is a log as files, by the paths of C2SP tlog-tiles: "checkpoint", "tile/0/000" and so on. ReadFile gives an error that
// wraps fs.ErrNotExist when there is no such file. It is called from several goroutines at once.
type Source interface {
	ReadFile(ctx context.Context, path string) ([]byte, error)
}

// A Lister is a Source that can tell what there is. List gives the names of the files in a folder, sorted; a folder that does not
// exist is empty.
type Lister interface {
	List(ctx context.Context, dir string) ([]string, error)
}

var (
	_ Source = (*DirSource)(nil)
	_ Lister = (*DirSource)(nil)
)

// maxFile bounds what is read of one file: a bundle of 256 entries of the greatest length that its format knows, and a little more.
const maxFile = 17 << 20

// A DirSource is a log in a directory. Links that lead out of it are not followed.
type DirSource struct{ root *os.Root }

// OpenDir opens a directory that holds a log. Close it after use.
func OpenDir(path string) (*DirSource, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &DirSource{root: root}, nil
}

// Close gives the directory back.
func (d *DirSource) Close() error { return d.root.Close() }

// ReadFile reads one file.
func (d *DirSource) ReadFile(_ context.Context, path string) ([]byte, error) {
	f, err := d.root.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return readBounded(f, path, info.Size())
}

// List gives the names in a folder.
func (d *DirSource) List(_ context.Context, dir string) ([]string, error) {
	f, err := d.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, hidden)
	slices.Sort(names)
	return names, nil
}

// hidden reports names that belong to a file which is being written.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// readBounded reads all of r. size is what r is said to have; it saves growing the buffer and is not believed. With
// an error of r comes what was read before.
func readBounded(r io.Reader, path string, size int64) ([]byte, error) {
	if size > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", path, size, maxFile)
	}
	data := make([]byte, 0, max(size, 0)+1) // one more, so that the end is seen without growing
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return data, fmt.Errorf("%s: %w", path, err)
		}
		if len(data) > maxFile {
			return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
		}
		if len(data) == cap(data) {
			data = slices.Grow(data, 64<<10)
		}
	}
}

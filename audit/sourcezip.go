package audit

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

var (
	_ Source = (*ZipSource)(nil)
	_ Lister = (*ZipSource)(nil)
)

// maxZipFiles bounds the files of a zip: a log of 250 million entries has fewer.
const maxZipFiles = 1 << 21

// A ZipSource is a log in a zip, as an evidence bundle has it. Nothing is unpacked on disk.
type ZipSource struct {
	files  map[string]*zip.File
	names  []string // sorted
	closer io.Closer
}

// OpenZip opens a zip that holds a log. Close it after use.
func OpenZip(path string) (*ZipSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	z, err := NewZipSource(f, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	z.closer = f
	return z, nil
}

// NewZipSource reads a zip of the given size. Two files of one name, names that lead elsewhere and links are refused: two readers
// would see two logs.
func NewZipSource(r io.ReaderAt, size int64) (*ZipSource, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(archive.File) > maxZipFiles {
		return nil, fmt.Errorf("the zip has %d files, at most %d are read", len(archive.File), maxZipFiles)
	}
	z := &ZipSource{files: make(map[string]*zip.File, len(archive.File))}
	for _, f := range archive.File {
		if f.Mode().IsDir() && strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !fs.ValidPath(f.Name) || strings.Contains(f.Name, `\`) || !f.Mode().IsRegular() {
			return nil, fmt.Errorf("the zip has a file named %q, which is no plain path", f.Name)
		}
		if z.files[f.Name] != nil {
			return nil, fmt.Errorf("the zip has two files named %q", f.Name)
		}
		z.files[f.Name] = f
		z.names = append(z.names, f.Name)
	}
	slices.Sort(z.names)
	return z, nil
}

// Close closes the file that OpenZip opened.
func (z *ZipSource) Close() error {
	if z.closer == nil {
		return nil
	}
	return z.closer.Close()
}

// ReadFile reads one file. Of a damaged one it gives what is there: whoever reads a log holds everything against signatures, and
// can say better than a checksum what is wrong.
func (z *ZipSource) ReadFile(_ context.Context, name string) ([]byte, error) {
	f := z.files[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	if f.UncompressedSize64 > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", name, f.UncompressedSize64, maxFile)
	}
	data, err := readBounded(r, name, int64(min(f.UncompressedSize64, 1<<20))) // a small zip may claim large files
	if errors.Is(err, zip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || isCorrupt(err) {
		return data, nil
	}
	return data, err
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok
}

// List gives the names of the files in a folder, without those in folders below it.
func (z *ZipSource) List(_ context.Context, dir string) ([]string, error) {
	first, _ := slices.BinarySearch(z.names, dir+"/")
	var names []string
	for _, name := range z.names[first:] {
		if !strings.HasPrefix(name, dir+"/") {
			break
		}
		if path.Dir(name) == dir && !hidden(path.Base(name)) {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

package certs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/internal/durable"
)

// maxFile bounds what is read: a bundle of all public CAs has about 250 KiB.
const maxFile = 1 << 20

// readKeyFile reads a private key's file. Symbolic links are followed, because Kubernetes mounts secrets as links that it
// swaps; what they lead to must be as private as any key. One more file is taken: root's, when we are not root, that our group
// may read and not write. That is how Kubernetes gives a secret to a process of another user, which could not own the file.
func readKeyFile(path string) ([]byte, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	f, err := openRegular(target)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if owner, known := ownerOf(info); known && lentByRoot(info.Mode(), owner, os.Geteuid()) {
		return readLimited(f)
	}
	return durable.ReadPrivateFile(target, maxFile)
}

// lentByRoot reports whether a file is root's, lent for reading to the group of a process that is not root's.
func lentByRoot(mode fs.FileMode, owner, self int) bool {
	return owner == 0 && self != 0 && mode.Perm()&0o037 == 0
}

// readFile reads a file that holds no secret.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f)
}

// openRegular looks before it opens: to open a pipe would wait for whoever writes to it.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

func readLimited(f *os.File) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", f.Name(), maxFile)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

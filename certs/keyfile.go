package certs

import (
	"fmt"
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
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(real)
	if err != nil {
		return nil, err
	}
	if owner, known := ownerOf(info); known && lentByRoot(info.Mode(), owner, os.Geteuid()) {
		return readFile(real)
	}
	return durable.ReadPrivateFile(real, maxFile)
}

// lentByRoot reports whether a file is root's, lent to the group of a process that is not root's.
func lentByRoot(mode fs.FileMode, owner, self int) bool {
	return mode.IsRegular() && owner == 0 && self != 0 && mode.Perm()&0o037 == 0 && mode.Perm()&0o040 != 0
}

// readFile reads a file that holds no secret.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}

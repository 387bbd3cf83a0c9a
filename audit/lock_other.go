//go:build !unix

package audit

import "os"

// lockFile opens the file only: here, the lock of the store below keeps a second writer out.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

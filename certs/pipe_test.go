//go:build unix

package certs_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tenon-auth/tenon/certs"
)

// A pipe is refused before it is opened: opening would wait for a writer, and a reload would hang.
func TestPipesAreNotOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	content := pemOf(newCA(t).Certificate())
	written := make(chan error)
	go func() { written <- os.WriteFile(path, content, 0o600) }() // waits for a reader
	if _, err := certs.LoadPool(path); err == nil {
		t.Error("certificates were read from a pipe")
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // lets the writer go
	if err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	reader.Close()
}

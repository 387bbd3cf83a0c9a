package durable_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/internal/durable"
)

func TestWriteFileReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key.pem")
	for _, content := range []string{"first, and longer", "second"} {
		if err := durable.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadPrivateFile(path, 100); err != nil || string(got) != content {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder: a temporary one was left behind", len(entries))
	}
}

func TestWriteFileLeavesTheOldOneWhenItFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil { // a folder in the way: rename fails
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("x"), 0o600); err == nil {
		t.Fatal("a file replaced a folder")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the folder: the temporary one was left behind", len(entries))
	}
	if err := durable.WriteFile(filepath.Join(dir, "absent", "key"), nil, 0o600); err == nil {
		t.Error("wrote into a folder that does not exist")
	}
}

func TestReadPrivateFileRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good", 0o600)
	if _, err := durable.ReadPrivateFile(good, 10); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path, says string
		limit            int64
	}{
		{"readable by the group", write("group", 0o640), "chmod 600", 10},
		{"readable by the world", write("world", 0o604), "chmod 600", 10},
		{"writable by the group", write("writable", 0o620), "chmod 600", 10},
		{"a symbolic link", link, "symbolic link", 10},
		{"a folder", dir, "not a regular file", 10},
		{"larger than the limit", good, "larger than 9 bytes", 9},
		{"absent", filepath.Join(dir, "absent"), "no such file", 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if data, err := durable.ReadPrivateFile(tt.path, tt.limit); err == nil || data != nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}

package audit_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

func TestParseKeyRefuses(t *testing.T) {
	skey, vkey, err := audit.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	foreign, _, err := note.GenerateKey(rand.Reader, "журнал.example") // a name that notes allow and logs do not
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "the public half": vkey, "a name beyond ASCII": foreign, "cut": skey[:len(skey)-4], "another name": strings.Replace(skey, "as.", "rs.", 1),
	} {
		k, err := audit.ParseKey(bad)
		if err == nil {
			t.Errorf("%s: read as %v", name, k)
		} else if secret := skey[len(skey)-20:]; strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error quotes the key", name)
		}
	}
	if _, _, err := audit.GenerateKey("a b"); err == nil {
		t.Error("a key for a name with a space")
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := audit.LoadOrCreateKey(path, testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	again, err := audit.LoadOrCreateKey(path, testOrigin)
	if err != nil || again.String() != made.String() {
		t.Errorf("the second time it is %v, %v", again, err)
	}
	if _, err := audit.LoadOrCreateKey(path, "other.example"); err == nil {
		t.Error("the key of another log was taken")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.LoadKey(path); err == nil {
		t.Error("a key that others can read was taken")
	}
	if _, err := audit.LoadOrCreateKey(path, testOrigin); err == nil {
		t.Error("a key that others can read was taken, or replaced")
	}
}

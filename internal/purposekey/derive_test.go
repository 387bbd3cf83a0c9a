package purposekey_test

import (
	"bytes"
	"testing"

	"github.com/tenon-auth/tenon/internal/purposekey"
)

func TestDerive(t *testing.T) {
	new, old := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 40)
	keys, err := purposekey.Derive([][]byte{new, old}, "forms")
	if err != nil || len(keys) != 2 || len(keys[0]) != 32 || bytes.Equal(keys[0], keys[1]) {
		t.Fatalf("%x %v", keys, err)
	}
	other, err := purposekey.Derive([][]byte{new, old}, "cookies")
	if err != nil || bytes.Equal(other[0], keys[0]) {
		t.Errorf("two purposes have one key: %v", err)
	}
	again, err := purposekey.Derive([][]byte{new}, "forms")
	if err != nil || !bytes.Equal(again[0], keys[0]) {
		t.Errorf("the same secret and purpose have another key: %v", err)
	}
	for name, secrets := range map[string][][]byte{"no secret": nil, "a short one": {new, old[:31]}} {
		if keys, err := purposekey.Derive(secrets, "forms"); err == nil || keys != nil {
			t.Errorf("%s: %x", name, keys)
		}
	}
}

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenon-auth/tenon/internal/durable"
)

// fileVault is a vault as a program would have it. before is asked first and may refuse.
type fileVault struct {
	path   string
	before func(data []byte) error
}

func newFileVault(t *testing.T) *fileVault {
	return &fileVault{path: filepath.Join(t.TempDir(), "session.json")}
}

func (v *fileVault) Load(context.Context) ([]byte, error) {
	data, err := durable.ReadPrivateFile(v.path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (v *fileVault) Save(_ context.Context, data []byte) error {
	if v.before != nil {
		if err := v.before(data); err != nil {
			return err
		}
	}
	if len(data) == 0 {
		return os.Remove(v.path)
	}
	return durable.WriteFile(v.path, data, 0o600)
}

// refreshTokens are those that a vault has.
func (v *fileVault) refreshTokens(t *testing.T) []string {
	t.Helper()
	data, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Refresh []string `json:"refresh_tokens"`
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &s); err != nil {
			t.Fatal(err)
		}
	}
	return s.Refresh
}

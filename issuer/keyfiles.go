package issuer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/durable"
)

// KeyFiles keeps private keys as PKCS #8 PEM files that only their owner may read, in a directory that is made when needed.
func KeyFiles(dir string) Signers { return keyFiles{dir} }

type keyFiles struct{ dir string }

var _ Signers = keyFiles{}

// Create writes a new key. The file and its name are on the disk when it returns.
func (f keyFiles) Create(_ context.Context, alg dpop.Algorithm) (string, error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return "", err
	}
	if err := durable.SyncDir(filepath.Dir(filepath.Clean(f.dir))); err != nil {
		return "", err
	}
	key, err := dpop.GenerateKey(alg)
	if err != nil {
		return "", err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	if err := key.Save(f.path(id.String())); err != nil {
		return "", err
	}
	return id.String(), nil
}

// Open reads a key.
func (f keyFiles) Open(_ context.Context, id string) (crypto.Signer, error) {
	if _, err := uuid.Parse(id); err != nil { // also keeps a path out
		return nil, fmt.Errorf("%q is not the id of a key file", id)
	}
	key, err := dpop.LoadKey(f.path(id))
	if err != nil {
		return nil, err
	}
	return key.Signer(), nil
}

// Remove deletes the file.
func (f keyFiles) Remove(_ context.Context, id string) error {
	if _, err := uuid.Parse(id); err != nil {
		return fmt.Errorf("%q is not the id of a key file", id)
	}
	if err := os.Remove(f.path(id)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return durable.SyncDir(f.dir)
}

func (f keyFiles) path(id string) string { return filepath.Join(f.dir, id+".pem") }

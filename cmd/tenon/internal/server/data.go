package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store/bolt"
)

// Data is an open data directory. One process has it at a time.
type Data struct {
	Store   *bolt.Store
	Book    *audit.Book
	Keyring *issuer.Keyring
	Nonces  *issuer.NonceKeyring
	People  *people.Directory // nil: nobody can log in
	Now     func() time.Time
	sealed  bool
}

// StorePath gives the store's file in a data directory.
func StorePath(dir string) string { return filepath.Join(dir, "tenon.db") }

// OpenData opens the directory that the configuration names, and makes it when it is not there. A *bolt.Locked says which
// process has it. observe is told of the store's batches and may be nil.
func OpenData(ctx context.Context, cfg *config.Config, observe func(bolt.Batch)) (*Data, error) {
	dir := string(cfg.Data)
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	s, err := bolt.Open(bolt.Config{Path: StorePath(dir), Observe: observe})
	if err != nil {
		return nil, err
	}
	d := &Data{Store: s, Now: time.Now}
	d.Book, err = audit.OpenBook(ctx, audit.BookConfig{Store: s, Origin: cfg.LogOrigin(), ClearThumbprints: cfg.BindingLog.ClearThumbprints})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	d.Keyring, err = issuer.OpenKeyring(ctx, issuer.KeyringConfig{
		Store:         s,
		Log:           d.Book,
		Signers:       issuer.KeyFiles(filepath.Join(dir, "keys")),
		Algorithm:     dpop.Algorithm(cfg.Signing.Algorithm),
		RotateEvery:   cfg.Signing.RotateEvery,
		PublishBefore: cfg.Signing.PublishBefore,
	})
	if err == nil {
		d.Nonces, err = issuer.NonceKeys(ctx, s, nil)
	}
	if err == nil {
		err = d.openPeople(cfg, cfg.Issuer)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return d, nil
}

// Close gives the directory up.
func (d *Data) Close() error {
	return errors.Join(d.Seal(), d.Store.Close())
}

// Seal writes that from here on silence in the log is no gap. It does so once.
func (d *Data) Seal() error {
	if d.sealed {
		return nil
	}
	d.sealed = true
	return d.Book.Close(context.Background())
}

// Admin gives what an operator may do with the data under a configuration.
func (d *Data) Admin(cfg *config.Config) *issuer.Admin {
	return &issuer.Admin{
		Store: d.Store, Log: d.Book, Keyring: d.Keyring, Profile: cfg.ProfileID(),
		Tokens: issuer.TokenPolicy{Lifetime: cfg.AccessTokenLifetime, StatusTTL: cfg.StatusList.TTL},
	}
}

// Desk answers commands about the data when no server runs.
func (d *Data) Desk(cfg *config.Config, version string) *admin.Desk {
	return &admin.Desk{
		Issuer:   d.Admin(cfg),
		People:   d.People,
		Declared: declaredIn(cfg),
		Store:    d.Store,
		Status: func() admin.Status {
			return admin.Status{Issuer: cfg.Issuer, PID: os.Getpid(), Version: version}
		},
	}
}

func declaredIn(cfg *config.Config) func(string) bool {
	ids := map[string]bool{}
	for _, c := range cfg.Clients {
		ids[c.ID] = true
	}
	return func(id string) bool { return ids[id] }
}

// privateDir makes the directory, or makes sure that nobody else can look into it: the socket and the store rely on that.
func privateDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(dir, 0o700)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("data: %s is not a directory", dir)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("data: %s may be entered by others (mode %04o): chmod 700 %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

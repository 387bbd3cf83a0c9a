package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/audit"
)

// tampersWithLog has somebody with the disk change one byte of a copy of the log: whose token it was. The auditor must name the
// entry and the file.
func (s *stage) tampersWithLog(ctx context.Context) (Outcome, error) {
	own, err := s.issuerLog()
	if err != nil {
		return Outcome{}, err
	}
	claims, err := claimsOf(s.loot.token)
	if err != nil {
		return Outcome{}, err
	}
	altered := &auditedLog{dir: s.path(tamperedDir), policyFile: own.policyFile, policy: own.policy}
	if err := copyLog(own.dir, altered.dir); err != nil {
		return Outcome{}, err
	}
	index := int64(claims.Log.Index)
	file, err := altered.rename(index)
	if err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Finding: clean, Sent: fmt.Sprintf("entry %d: %s made %s · %s", index, honestName, alteredName, altered.command())}
	report, err := altered.verify(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if f := worst(report); f != nil {
		outcome.Finding, outcome.Why = f.Name, f.Error()
		if f.Index != index || f.Path != file {
			outcome.Finding += " in the wrong place"
		}
	}
	return outcome, nil
}

// What the byte is changed in: the client of an entry.
const (
	honestName  = `"cl":"shop"`
	alteredName = `"cl":"ship"`
)

// rename changes the entry, and tells in which file of the log.
func (l *auditedLog) rename(index int64) (file string, err error) {
	file, bundle, entries, err := l.bundle(index)
	if err != nil {
		return "", err
	}
	entry := entries[index%audit.TileWidth]
	at := bytes.Index(entry, []byte(honestName))
	if at < 0 {
		return "", fmt.Errorf("entry %d of the log is not about shop: %s", index, entry)
	}
	copy(entry[at:], alteredName)
	return file, os.WriteFile(filepath.Join(l.dir, filepath.FromSlash(file)), bundle, 0o600)
}

func readLogFile(dir, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
}

// copyLog copies what an auditor is given of a log: checkpoint, tiles and openings, no key. The checkpoint is first, so that what
// it covers is there when the log grows meanwhile.
func copyLog(from, to string) error {
	if err := os.RemoveAll(to); err != nil { // of an earlier demo
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	if err := copyFile(from, to, "checkpoint"); err != nil {
		return err
	}
	return errors.Join(copyTree(from, to, "tile"), copyTree(from, to, "openings"))
}

func copyTree(from, to, dir string) error {
	return fs.WalkDir(os.DirFS(from), dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // a partial tile that has become a full one
			return nil
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, filepath.FromSlash(path)), 0o700)
		}
		return copyFile(from, to, path)
	})
}

func copyFile(from, to, path string) error {
	data, err := readLogFile(from, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, filepath.FromSlash(path)), data, 0o600)
}

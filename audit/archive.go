package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/internal/durable"
)

// An Archive keeps every checkpoint that witnesses cosigned, in the directory of the log under archive/<size>. The times in the
// cosignatures are what the times of entries are held against. A file is written once and never changes. A Publisher adds those
// under which its key changes, which may have the log's signature alone; cosigned, they take the place of themselves.
type Archive struct {
	log string // the directory of the log

	mu    sync.Mutex
	sizes []int64 // sorted; eight bytes a checkpoint
}

// OpenArchive reads which checkpoints there are in the directory of a log. What a killed process was writing is removed. A file
// that is no checkpoint is an error: nobody else writes there.
func OpenArchive(dir string) (*Archive, error) {
	folder := filepath.Join(dir, archiveDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("audit: archive: %w", err)
	}
	if err := durable.SyncDir(dir); err != nil {
		return nil, fmt.Errorf("audit: archive: %w", err)
	}
	f, err := os.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("audit: archive: %w", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("audit: archive: %w", err)
	}
	a := &Archive{log: dir}
	for _, name := range names {
		if hidden(name) {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				return nil, fmt.Errorf("audit: archive: %w", err)
			}
			continue
		}
		size, err := strconv.ParseInt(name, 10, 64)
		if err != nil || size < 0 || ArchivePath(size) != archiveDir+"/"+name {
			return nil, fmt.Errorf("audit: archive: the name of %s is not the size of a checkpoint", filepath.Join(folder, name))
		}
		a.sizes = append(a.sizes, size)
	}
	slices.Sort(a.sizes)
	return a, nil
}

// Put keeps a cosigned checkpoint; it is on the disk when Put returns. The caller has verified the signatures. When there is a
// cosigned one of that size already it stays as it is, for it was seen earlier. If its root is another one, that is a *Finding: SPLIT_VIEW.
func (a *Archive) Put(signed []byte) error {
	c, _, err := openUnverified(signed)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	path := a.path(c.Size)
	old, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := sameCheckpoint(c, old); err != nil || !onlySigned(old) {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("audit: archive: %w", err)
	}
	if err := durable.WriteFile(path, signed, 0o644); err != nil {
		return fmt.Errorf("audit: archive: %w", err)
	}
	if i, there := slices.BinarySearch(a.sizes, c.Size); !there {
		a.sizes = slices.Insert(a.sizes, i, c.Size)
	}
	return nil
}

// onlySigned reports whether a kept checkpoint has one signature, which is the log's.
func onlySigned(kept []byte) bool {
	_, n, err := openUnverified(kept)
	return err == nil && len(n.UnverifiedSigs) == 1
}

// sameCheckpoint compares what is to be kept with what is kept.
func sameCheckpoint(c Checkpoint, kept []byte) error {
	old, _, err := openUnverified(kept)
	if err != nil {
		return fmt.Errorf("audit: archive: size %d: %w", c.Size, err)
	}
	if old != c {
		return found(SplitView, -1, "a cosigned checkpoint of %q of size %d has the root %s, the one in the archive is of %q with the root %s", c.Origin, c.Size, c.Root, old.Origin, old.Root).at(ArchivePath(c.Size))
	}
	return nil
}

func (a *Archive) path(size int64) string {
	return filepath.Join(a.log, filepath.FromSlash(ArchivePath(size)))
}

// Read returns the cosigned checkpoint of exactly this size. The error wraps fs.ErrNotExist when there is none.
func (a *Archive) Read(size int64) ([]byte, error) { return os.ReadFile(a.path(size)) }

// Newest returns the largest cosigned checkpoint, or nil when there is none.
func (a *Archive) Newest() ([]byte, error) {
	before, _, err := a.Around(largest)
	return before, err
}

// Around returns the last cosigned checkpoint without the entry of an index and the first one with it. By the times in them the
// entry was logged between the two. Either is nil when there is none.
func (a *Archive) Around(index int64) (without, with []byte, err error) {
	a.mu.Lock()
	i, _ := slices.BinarySearch(a.sizes, index+1) // the first of a size greater than index
	var below, above int64 = -1, -1
	if i > 0 {
		below = a.sizes[i-1]
	}
	if i < len(a.sizes) {
		above = a.sizes[i]
	}
	a.mu.Unlock()
	if below >= 0 {
		if without, err = a.Read(below); err != nil {
			return nil, nil, fmt.Errorf("audit: archive: %w", err)
		}
	}
	if above >= 0 {
		if with, err = a.Read(above); err != nil {
			return nil, nil, fmt.Errorf("audit: archive: %w", err)
		}
	}
	return without, with, nil
}

// check holds the newest checkpoint of the log against the archive.
func (a *Archive) check(newest Checkpoint) error {
	signed, err := a.Newest()
	if err != nil || signed == nil {
		return err
	}
	kept, _, err := openUnverified(signed)
	if err != nil {
		return fmt.Errorf("audit: archive: %w", err)
	}
	switch {
	case kept.Size > newest.Size:
		return found(LocalBehindWitness, -1, "the log has %d entries, and a checkpoint of %d is in its archive of cosigned ones", newest.Size, kept.Size).at(ArchivePath(kept.Size))
	case kept.Size == newest.Size:
		return sameCheckpoint(newest, signed)
	}
	return nil
}

// cosigned returns the kept note for a checkpoint when it satisfies a policy, or nil.
func (a *Archive) cosigned(c Checkpoint, p *Policy) ([]byte, error) {
	signed, err := a.Read(c.Size)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: archive: %w", err)
	}
	if err := sameCheckpoint(c, signed); err != nil {
		return nil, err
	}
	_, n, err := OpenSigned(signed, p)
	if invalid := (*note.InvalidSignatureError)(nil); errors.As(err, &invalid) {
		return nil, fmt.Errorf("audit: archive: size %d: %w", c.Size, err)
	}
	if err != nil || !p.Check(n.Sigs).Met {
		return nil, nil // cosigned under an earlier policy
	}
	return signed, nil
}

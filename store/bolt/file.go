package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/tenon-auth/tenon/store"
)

// A file is an open bbolt file with one owner. After a write that did not succeed as a whole nobody knows what is on the
// disk: a second fsync may answer "fine" about pages that the kernel has already given up. So the file is broken from then on,
// and every call fails until it is opened again.
type file struct {
	db      *bbolt.DB
	handle  *os.File
	path    string
	created bool // by this process: nobody wrote to it before
	broken  atomic.Pointer[error]
	commit  func(*bbolt.Tx) error // bbolt's own, but in tests that let it fail
}

// ErrDamaged means that the file is not what this package wrote.
var ErrDamaged = errors.New("store/bolt: damaged file")

var (
	metaBucket = []byte("meta")
	formatKey  = []byte("format")
)

// fileConfig says how a file is opened.
type fileConfig struct {
	path   string
	format string        // the layout of its content
	wait   time.Duration // how long another process may still hold it
	rescan bool          // find the free pages by reading the file on open, instead of writing their list with every commit
}

// openFile opens or creates a file.
func openFile(c fileConfig) (*file, error) {
	f := &file{path: c.path, commit: (*bbolt.Tx).Commit}
	path := c.path
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.created = true
	case err != nil:
		return nil, fmt.Errorf("store/bolt: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("store/bolt: %s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("store/bolt: %s can be reached by other users (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	if err := f.open(c); err != nil {
		return nil, err
	}
	if err := f.settle(c.format); err != nil {
		return nil, errors.Join(err, f.db.Close())
	}
	return f, nil
}

// open lets bbolt take the file. A damaged one can make bbolt panic; that becomes an error. What bbolt has mapped by then, and
// with it the lock, stays until the process ends.
func (f *file) open(c fileConfig) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("%w: %s: %v", ErrDamaged, f.path, p), f.handle.Close())
		}
	}()
	f.db, err = bbolt.Open(f.path, 0o600, &bbolt.Options{
		Timeout:        cmp.Or(c.wait, time.Second), // bbolt reads zero as forever
		FreelistType:   bbolt.FreelistMapType,       // constant time, also when the file has many holes
		NoFreelistSync: c.rescan,
		OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
			handle, err := os.OpenFile(name, flag, perm)
			f.handle = handle
			return handle, err
		},
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return &Locked{Path: f.path, Owner: readOwner(f.path)}
	}
	if errors.Is(err, bbolterrors.ErrInvalid) || errors.Is(err, bbolterrors.ErrChecksum) || errors.Is(err, bbolterrors.ErrVersionMismatch) {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, f.path, err)
	}
	if err != nil {
		return fmt.Errorf("store/bolt: cannot open %s: %w", f.path, err)
	}
	return nil
}

// settle makes a new file durable as a name, says who owns it, and makes sure that it is of the right format.
func (f *file) settle(format string) error {
	if err := writeOwner(f.path); err != nil {
		return fmt.Errorf("store/bolt: %w", err)
	}
	if f.created {
		if err := syncDir(filepath.Dir(f.path)); err != nil {
			return fmt.Errorf("store/bolt: %w", err)
		}
	}
	var found []byte
	err := f.view(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(metaBucket); b != nil {
			found = bytes.Clone(b.Get(formatKey))
		} else if name, _ := tx.Cursor().First(); name != nil {
			return fmt.Errorf("store/bolt: %s is a bbolt file of another program", f.path)
		}
		return nil
	})
	if err != nil || string(found) == format {
		return err
	}
	if found != nil {
		return fmt.Errorf("store/bolt: %s holds %q, this version reads %q", f.path, found, format)
	}
	return f.update(func(tx *bbolt.Tx) error { // new, or its maker died before this line
		b, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		return b.Put(formatKey, []byte(format))
	})
}

// view runs fn in a read transaction. Slices from it are in bbolt's memory map and end with the transaction: copy them.
func (f *file) view(fn func(*bbolt.Tx) error) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.name(f.db.View(fn))
}

// update runs fn in a write transaction and makes it durable. An error of fn leaves everything as it was; a failure to
// commit, or a panic on the way, breaks the file.
func (f *file) update(fn func(*bbolt.Tx) error) (err error) {
	tx, err := f.db.Begin(true)
	if err != nil {
		return f.name(err)
	}
	finished := false
	defer func() {
		if !finished {
			f.breakWith(errPanicked)
			_ = tx.Rollback()
		}
	}()
	if err := f.fault(); err != nil { // asked under bbolt's write lock: nobody can break it meanwhile
		finished = true
		return errors.Join(err, tx.Rollback())
	}
	if err := fn(tx); err != nil {
		finished = true
		return errors.Join(err, tx.Rollback())
	}
	if err := f.commit(tx); err != nil {
		f.breakWith(err)
		_ = tx.Rollback() // bbolt has done so itself in most cases, and says that it is closed
		finished = true
		return fmt.Errorf("%w: %w", store.ErrUncertain, f.fault())
	}
	finished = true
	return nil
}

func (f *file) breakWith(cause error) {
	err := fmt.Errorf("store/bolt: %s is out of service until it is opened again, a write to it failed: %w", f.path, cause)
	f.broken.CompareAndSwap(nil, &err)
}

// fault is the reason why the file must not be used, or nil.
func (f *file) fault() error {
	if err := f.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *file) name(err error) error {
	if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return err
}

// close waits for running transactions, gives up the lock and removes the note of who holds it.
func (f *file) close() error {
	removeOwner(f.path)
	if err := f.db.Close(); err != nil {
		return fmt.Errorf("store/bolt: %w", err)
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

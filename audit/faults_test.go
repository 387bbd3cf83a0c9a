package audit_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A failingDisk fails at its nth write, and from then on. What it was writing is there in part.
type failingDisk struct {
	audit.Disk
	left int
	with error
}

func (d *failingDisk) fails() bool { d.left--; return d.left < 0 }

func (d *failingDisk) Create(path string, data []byte, perm fs.FileMode) (audit.Written, error) {
	fails := d.fails()
	if fails {
		data = data[:len(data)/2]
	}
	f, err := d.Disk.Create(path, data, perm)
	if err != nil {
		return nil, err
	}
	if fails {
		return nil, errors.Join(f.Close(), d.with)
	}
	return &failingFile{f, d}, nil
}

// A failingFile is written to the system, and may never reach the disk.
type failingFile struct {
	audit.Written
	disk *failingDisk
}

func (f *failingFile) Sync() error {
	if f.disk.fails() {
		return f.disk.with
	}
	return f.Written.Sync()
}

func (d *failingDisk) Rename(from, to string) error {
	if d.fails() {
		return d.with
	}
	return d.Disk.Rename(from, to)
}

// SyncDir fails like an fsync: the names may be durable or not.
func (d *failingDisk) SyncDir(dir string) error {
	if d.fails() {
		return d.with
	}
	return d.Disk.SyncDir(dir)
}

// A full disk or a failed fsync at any write of publishing: it stops and says so, nothing that was published changes, no
// checkpoint stands over tiles that are not there, no leaf is lost; and when the disk is well again, a new start goes on.
func TestPublishOnAFailingDisk(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	d.write(t, 250)
	d.publish(t)
	d.close()
	failures := 0
	for failOnce(t, dir, failures, []error{syscall.ENOSPC, syscall.EIO}[failures%2]) {
		failures++
		d = openDesk(t, dir, nil)
		d.publish(t)
		d.close()
	}
	if failures < 20 {
		t.Errorf("only %d places to fail were found", failures)
	}
	d = openDesk(t, dir, nil)
	d.publish(t)
	entries := verify(t, d.log(), keyOf(t, dir))
	t.Logf("%d failures, %d entries", failures, len(entries))
	once := &desk{dir: t.TempDir()}
	replay(t, once, dir, entries)
	for path, data := range files(t, once.log()) {
		if got := readFile(t, d.log(), path); string(got) != data {
			t.Errorf("%s is not what it would be without failures", path)
		}
	}
}

// failOnce writes entries over the edge of a bundle and publishes them on a disk that fails at the given write. It reports
// whether that write was reached.
func failOnce(t *testing.T, dir string, at int, with error) bool {
	t.Helper()
	before := files(t, filepath.Join(dir, "log"))
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: db, Origin: testOrigin})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{dir: dir, store: db, book: book}
	last := d.write(t, 260) + 259
	c := audit.PublisherConfig{Book: book, Dir: d.log(), Signer: signer}
	disk := &failingDisk{audit.RealDisk(), at, with}
	if d.publisher, err = audit.OpenPublisherOn(t.Context(), c, disk); err == nil {
		defer d.publisher.Close()
		if err = d.publisher.Publish(t.Context()); err != nil {
			disk.left = 1 << 30 // the disk is well again, and still nobody knows what is on it
			if again := d.publisher.Publish(t.Context()); !errors.Is(again, with) {
				t.Errorf("write %d: went on after a failure: %v", at, again)
			}
			if _, again := d.publisher.Receipt(t.Context(), last); !errors.Is(again, with) {
				t.Errorf("write %d: a receipt after a failure: %v", at, again)
			}
			if again := d.publisher.Cosigned(d.publisher.Signed()); !errors.Is(again, with) {
				t.Errorf("write %d: a cosignature was taken after a failure: %v", at, again)
			}
		}
	}
	if err != nil && !errors.Is(err, with) {
		t.Fatalf("write %d: %v", at, err)
	}
	verify(t, d.log(), signer.Verifier()) // whatever the checkpoint says is there
	unchanged(t, before, files(t, d.log()))
	if _, lost := db.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(last)}); lost != nil {
		t.Errorf("write %d: the last leaf: %v", at, lost)
	}
	return err != nil
}

// unchanged makes sure that published files say what they said. Partial tiles may have become part of full ones.
func unchanged(t *testing.T, before, after map[string]string) {
	t.Helper()
	for path, data := range before {
		now, there := after[path]
		if !there {
			tile, err := audit.ParseTilePath(path)
			if err != nil {
				t.Fatal(err)
			}
			full := after[audit.TilePath(audit.FullTile(tile))]
			if tile.W == audit.TileWidth || len(full) < len(data) {
				t.Errorf("%s is gone", path)
				continue
			}
			now = full[:len(data)]
		}
		if now != data {
			t.Errorf("%s has changed", path)
		}
	}
}

// A disk that fails while details are erased leaves the erasure undone, and the next one does it.
func TestEraseOnAFailingDisk(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	d.write(t, 600)
	d.publish(t)
	d.close()
	done := false
	for at := 0; !done; at++ {
		db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
		if err != nil {
			t.Fatal(err)
		}
		book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: db, Origin: testOrigin})
		if err != nil {
			t.Fatal(err)
		}
		signer, err := audit.LoadKey(filepath.Join(dir, "key"))
		if err != nil {
			t.Fatal(err)
		}
		disk := &failingDisk{audit.RealDisk(), at, syscall.EIO}
		p, err := audit.OpenPublisherOn(t.Context(), audit.PublisherConfig{Book: book, Dir: filepath.Join(dir, "log"), Signer: signer}, disk)
		if err == nil {
			var n int64
			n, err = p.Erase(t.Context(), audit.Erasure{Thumbprint: digestOf("A")})
			if done = err == nil; done && n != 150 {
				t.Errorf("erased %d, want 150", n)
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, audit.ErrNoEntry) {
			t.Fatalf("write %d: %v", at, err)
		}
		if errors.Is(err, audit.ErrNoEntry) { // the last failure came after the commit
			done = true
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	d = openDesk(t, dir, nil)
	for n := range int64(3) {
		for _, o := range d.openings(t, n) {
			if o.Proof == "eyJ.proof.AAAA" {
				t.Fatalf("entry %d still has its proof", o.Index)
			}
		}
	}
}

// What a killed publisher left in tmp is thrown away, and nobody reads there.
func TestTmpIsEmptied(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	d.publish(t)
	d.close()
	left := filepath.Join(dir, "log", "tmp", "1")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := maps.Clone(files(t, filepath.Join(dir, "log")))
	d = openDesk(t, dir, nil)
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still there")
	}
	d.publish(t)
	unchanged(t, before, files(t, d.log()))
}

// An orderly disk knows which names a loss of power could take back.
type orderlyDisk struct {
	audit.Disk
	t       *testing.T
	pending map[string]string // directory -> a name in it that is not durable yet
	empty   map[string]bool   // files whose content is not durable yet
	heads   int
}

func (d *orderlyDisk) Create(path string, data []byte, perm fs.FileMode) (audit.Written, error) {
	f, err := d.Disk.Create(path, data, perm)
	d.empty[path] = true
	return &orderlyFile{f, d, path}, err
}

// An orderly file tells its disk when its content is durable.
type orderlyFile struct {
	audit.Written
	disk *orderlyDisk
	path string
}

func (f *orderlyFile) Sync() error {
	delete(f.disk.empty, f.path)
	return f.Written.Sync()
}

func (d *orderlyDisk) Rename(from, to string) error {
	if d.empty[from] {
		d.t.Errorf("%s gets its name before its content is durable", to)
	}
	if filepath.Base(to) == "checkpoint" {
		d.heads++
		for _, name := range d.pending {
			d.t.Errorf("a checkpoint is written before the name %s is durable", name)
		}
	}
	d.pending[filepath.Dir(to)] = to
	return d.Disk.Rename(from, to)
}

func (d *orderlyDisk) SyncDir(dir string) error {
	delete(d.pending, dir)
	return d.Disk.SyncDir(dir)
}

// A checkpoint comes when all its tiles are durable, and leaves and openings go when it is.
func TestOrderOnDisk(t *testing.T) {
	dir := t.TempDir()
	openDesk(t, dir, nil).close()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	disk := &orderlyDisk{Disk: audit.RealDisk(), t: t, pending: map[string]string{}, empty: map[string]bool{}}
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: &watchfulStore{db, t, disk}, Origin: testOrigin})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{dir: dir, store: db, book: book}
	if d.publisher, err = audit.OpenPublisherOn(t.Context(), audit.PublisherConfig{Book: book, Dir: d.log(), Signer: signer}, disk); err != nil {
		t.Fatal(err)
	}
	defer d.publisher.Close()
	for range 4 {
		d.write(t, 200)
		d.publish(t)
	}
	if disk.heads != 4 {
		t.Errorf("%d checkpoints", disk.heads)
	}
}

// A watchfulStore lets nothing go while a file may still be lost.
type watchfulStore struct {
	store.Store
	t    *testing.T
	disk *orderlyDisk
}

func (s *watchfulStore) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	for _, name := range s.disk.pending {
		if len(c.Deletes) > 0 {
			s.t.Errorf("%d records leave the store before the name %s is durable", len(c.Deletes), name)
		}
	}
	return s.Store.Commit(ctx, c)
}

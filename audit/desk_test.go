package audit_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A desk is everything that writing a log needs, in one directory.
type desk struct {
	dir       string
	store     store.Store
	close     func()
	book      *audit.Book
	publisher *audit.Publisher
}

func (d *desk) log() string { return filepath.Join(d.dir, "log") }

// newDesk opens a new log.
func newDesk(t testing.TB) *desk { return openDesk(t, t.TempDir(), nil) }

// openDesk opens the log in a directory. The configurations may be changed before they are used.
func openDesk(t testing.TB, dir string, change func(*audit.BookConfig, *audit.PublisherConfig)) *desk {
	t.Helper()
	d, err := tryDesk(t.Context(), dir, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// tryDesk opens the log in a directory, or says why not, and then leaves nothing open.
func tryDesk(ctx context.Context, dir string, change func(*audit.BookConfig, *audit.PublisherConfig)) (*desk, error) {
	if change == nil {
		change = func(*audit.BookConfig, *audit.PublisherConfig) {}
	}
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
	if err != nil {
		return nil, err
	}
	d := &desk{dir: dir, store: db}
	closers := []func() error{db.Close}
	d.close = func() {
		for i := len(closers) - 1; i >= 0; i-- {
			_ = closers[i]()
		}
		closers = nil
	}
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), testOrigin)
	if err != nil {
		d.close()
		return nil, err
	}
	bc, pc := audit.BookConfig{Store: db, Origin: testOrigin}, audit.PublisherConfig{Dir: d.log(), Signer: signer}
	change(&bc, &pc)
	if d.book, err = audit.OpenBook(ctx, bc); err != nil {
		d.close()
		return nil, err
	}
	pc.Book = d.book
	if d.publisher, err = audit.OpenPublisher(ctx, pc); err != nil {
		d.close()
		return nil, err
	}
	closers = append(closers, d.publisher.Close)
	return d, nil
}

// issued is an issuance as an issuer writes it.
func issued(jkt string) audit.Entry {
	e := audit.Entry{
		Type: audit.TokenIssued, Client: "tpp-4711", Proof: "eyJ.proof." + jkt[:4],
		Detail: map[string]string{"ip": "192.0.2.7", "ua": "curl <8>"},
		Token: audit.TokenFacts{
			ID: "jti-" + jkt[:4], Account: "alice", Audience: []string{"https://api.bank.example"}, Scope: tenon.Scope{"payments"},
			Expires: time.Unix(1795354321, 0), KeyID: "as-2026-11", Claims: digestOf("c"),
		},
	}
	e.Confirmation.JKT = jkt
	return e
}

// write appends n entries, many in one Change, and returns the index of the first.
func (d *desk) write(t testing.TB, n int) uint64 {
	t.Helper()
	var first uint64
	for done := 0; done < n; {
		some := make([]audit.Entry, min(n-done, 100))
		for i := range some {
			some[i] = issued(digestOf(string(rune('A' + i%4))))
		}
		at, err := d.book.Append(t.Context(), some...)
		if err != nil {
			t.Fatal(err)
		}
		if done == 0 {
			first = at
		}
		done += len(some)
	}
	return first
}

func (d *desk) publish(t testing.TB) {
	t.Helper()
	if err := d.publisher.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// leaves reads all leaves that are in the store.
func (d *desk) leaves(t testing.TB) []store.Record {
	t.Helper()
	records, err := d.store.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// lastLeaf reads the newest leaf in the store.
func (d *desk) lastLeaf(t testing.TB) audit.Leaf {
	t.Helper()
	all := d.leaves(t)
	leaf, err := audit.ParseLeaf(all[len(all)-1].Body)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// opening finds the opening of an entry: beside its bundle, or in the store.
func (d *desk) opening(t testing.TB, index uint64) audit.Opening {
	t.Helper()
	for _, o := range d.openings(t, int64(index)/audit.TileWidth) {
		if o.Index == index {
			return o
		}
	}
	return audit.Opening{}
}

func (d *desk) openings(t testing.TB, bundle int64) []audit.Opening {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(d.log(), audit.OpeningsPath(bundle)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := audit.ParseOpenings(data)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// verify reads the log from its files alone and works everything out again with package tlog. It returns the entries.
func verify(t testing.TB, dir string, key note.Verifier) [][]byte {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := audit.OpenSigned(signed, note.VerifierList(key))
	if err != nil {
		t.Fatal(err)
	}
	var entries [][]byte
	var hashes []tlog.Hash
	stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			found[i] = hashes[x]
		}
		return found, nil
	})
	for n := int64(0); n*audit.TileWidth < head.Size; n++ {
		tile := audit.EntryTile(n, head.Size)
		some, err := audit.SplitEntries(readFile(t, dir, audit.TilePath(tile)), tile.W)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range some {
			if _, err := audit.ParseLeaf(entry); err != nil {
				t.Errorf("entry %d: %v", len(entries), err)
			}
			more, err := tlog.StoredHashes(int64(len(entries)), entry, stored)
			if err != nil {
				t.Fatal(err)
			}
			hashes, entries = append(hashes, more...), append(entries, entry)
		}
	}
	if root, err := tlog.TreeHash(head.Size, stored); err != nil || root != head.Root {
		t.Fatalf("the entries have the root %v, %v; the checkpoint of %d says %v", root, err, head.Size, head.Root)
	}
	for _, tile := range tlog.NewTiles(audit.TileHeight, 0, head.Size) {
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, dir, audit.TilePath(tile)); string(got) != string(want) {
			t.Errorf("%s holds other hashes", audit.TilePath(tile))
		}
	}
	return entries
}

func readFile(t testing.TB, dir, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files reads all published files of a log, by path.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); strings.HasPrefix(rel, "tile/") {
			data, err := os.ReadFile(path)
			found[rel] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// keyOf is the public half of the key in a desk's directory.
func keyOf(t testing.TB, dir string) note.Verifier {
	t.Helper()
	signer, err := audit.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return signer.Verifier()
}

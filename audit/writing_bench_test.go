package audit_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// BenchmarkBookAdd turns an issuance into a leaf and its opening. Its raw cost is one SHA-256 over the bytes of both.
func BenchmarkBookAdd(b *testing.B) {
	d := newDesk(b)
	e := issued(digestOf("k"))
	var ch store.Change
	if err := d.book.Add(b.Context(), &ch, e); err != nil {
		b.Fatal(err)
	}
	raw := append(append([]byte(nil), ch.Leaves[0].Body...), ch.Leaves[0].Aside...)
	var adding, hashing time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		var ch store.Change
		if err := d.book.Add(b.Context(), &ch, e); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		sha256.Sum256(raw)
		adding, hashing = adding+middle.Sub(start), hashing+time.Since(middle)
	}
	b.ReportMetric(float64(len(raw)), "bytes")
	b.ReportMetric(float64(adding)/float64(hashing), "x-raw")
}

// cpu is what this process has used, in the kernel too.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoggedCommit commits a record from 64 callers with an entry beside it, published and taken out of the store again. Its
// raw cost is the same commit without an entry, in turns.
func BenchmarkLoggedCommit(b *testing.B) {
	d := newDesk(b)
	round := func(n int, logged bool) (wall, used time.Duration) {
		start, before := time.Now(), cpu(b)
		var wg sync.WaitGroup
		for caller := range 64 {
			wg.Go(func() {
				for i := range 8 {
					ch := store.Change{Inserts: []store.Record{{Key: store.Key{Kind: "codes", ID: fmt.Sprintf("%d.%t.%d.%d", n, logged, caller, i)}, Body: make([]byte, 200)}}}
					if logged {
						if err := d.book.Add(context.Background(), &ch, issued(digestOf("k"))); err != nil {
							b.Error(err)
						}
					}
					if _, err := d.store.Commit(context.Background(), &ch); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if logged {
			if err := d.publisher.Publish(context.Background()); err != nil {
				b.Error(err)
			}
		}
		return time.Since(start), cpu(b) - before
	}
	var with, without, withCPU, withoutCPU time.Duration
	n := 0
	for b.Loop() {
		wall, used := round(n, false)
		without, withoutCPU = without+wall, withoutCPU+used
		wall, used = round(n, true)
		with, withCPU = with+wall, withCPU+used
		n++
	}
	entries := float64(n * 64 * 8)
	b.ReportMetric(float64(withCPU-withoutCPU)/entries/1000, "cpu-µs/entry")
	b.ReportMetric(float64(withCPU)/float64(withoutCPU), "cpu-x-raw")
	b.ReportMetric(float64(with)/float64(without), "x-raw")
}

// BenchmarkPublish publishes a backlog of leaves. Its raw cost is their RFC 6962 hashes.
func BenchmarkPublish(b *testing.B) {
	const leaves = 1 << 14
	var publishing, hashing time.Duration
	n := 0
	for b.Loop() {
		d := newDesk(b)
		d.write(b, leaves)
		all := d.leaves(b)
		start := time.Now()
		d.publish(b)
		middle := time.Now()
		for _, leaf := range all {
			tlog.RecordHash(leaf.Body)
		}
		publishing, hashing = publishing+middle.Sub(start), hashing+time.Since(middle)
		n += len(all)
		d.close()
	}
	b.ReportMetric(float64(n)/publishing.Seconds(), "leaves/s")
	b.ReportMetric(float64(publishing)/float64(hashing), "x-raw")
}

// A looseDisk writes files without an fsync, to make large logs in a short time.
type looseDisk struct{ audit.Disk }

func (d looseDisk) Create(path string, data []byte, perm fs.FileMode) (audit.Written, error) {
	f, err := d.Disk.Create(path, data, perm)
	return looseFile{f}, err
}

// A looseFile is as durable as it happens to be.
type looseFile struct{ audit.Written }

func (looseFile) Sync() error { return nil }

func (looseDisk) SyncDir(string) error { return nil }

// An endless store shows so many leaves, all the same behind those that are really there.
type endless struct {
	store.Store
	leaves uint64
	leaf   []byte
}

func (s *endless) Scan(ctx context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	if prefix.Kind != store.Leaves || after == "" {
		return s.Store.Scan(ctx, prefix, after, n)
	}
	last, err := store.ParseLeafID(after)
	var found []store.Record
	for i := last + 1; err == nil && i < s.leaves && len(found) < n; i++ {
		found = append(found, store.Record{Key: store.Key{Kind: store.Leaves, ID: store.LeafID(i)}, Body: s.leaf})
	}
	return found, err
}

// largeLog publishes a log of so many entries.
func largeLog(b *testing.B, entries uint64) *audit.Publisher {
	b.Helper()
	dir := b.TempDir()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	leaf, err := audit.Leaf{Type: audit.LogHeartbeat, Time: 1, Outcome: audit.OK}.Bytes()
	if err != nil {
		b.Fatal(err)
	}
	book, err := audit.OpenBook(b.Context(), audit.BookConfig{Store: &endless{db, entries, leaf}, Origin: testOrigin})
	if err != nil {
		b.Fatal(err)
	}
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), testOrigin)
	if err != nil {
		b.Fatal(err)
	}
	p, err := audit.OpenPublisherOn(b.Context(), audit.PublisherConfig{Book: book, Dir: filepath.Join(dir, "log"), Signer: signer}, looseDisk{audit.RealDisk()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	for range 2 { // the first sees what is really there
		if err := p.Publish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if got := p.Newest().Size; got != int64(entries) {
		b.Fatalf("the log has %d entries, not %d", got, entries)
	}
	return p
}

// BenchmarkReceipt proves entries of a large log. Its raw cost is checking the proof, which hashes as often as the tree is deep.
func BenchmarkReceipt(b *testing.B) {
	sizes := map[string]uint64{"1M": 1_000_000}
	if os.Getenv("TENON_LONG") != "" {
		sizes["10M"] = 10_000_000
	}
	for name, size := range sizes {
		b.Run(name, func(b *testing.B) {
			p := largeLog(b, size)
			head := p.Newest()
			leaf, err := audit.Leaf{Type: audit.LogHeartbeat, Time: 1, Outcome: audit.OK}.Bytes()
			if err != nil {
				b.Fatal(err)
			}
			hash := tlog.RecordHash(leaf)
			var proving, checking time.Duration
			for b.Loop() {
				i := 2 + rand.Uint64N(size-2)
				start := time.Now()
				data, err := p.Receipt(b.Context(), i)
				if err != nil {
					b.Fatal(err)
				}
				proving += time.Since(start)
				r, err := audit.ParseReceipt(data)
				if err != nil {
					b.Fatal(err)
				}
				start = time.Now()
				if err := tlog.CheckRecord(r.Proof, head.Size, head.Root, r.Index, hash); err != nil {
					b.Fatal(err)
				}
				checking += time.Since(start)
			}
			b.ReportMetric(float64(proving.Microseconds())/float64(b.N), "µs/proof")
			b.ReportMetric(float64(proving)/float64(checking), "x-raw")
		})
	}
}

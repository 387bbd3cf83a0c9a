package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

func open(t testing.TB, c bolt.Config) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func insert(id string) *store.Change {
	return &store.Change{Inserts: []store.Record{{Key: store.Key{Kind: "codes", ID: id}, Body: []byte(id)}}, Leaves: []store.Leaf{{Body: []byte(id)}}}
}

func TestOneConflictFailsOnlyItself(t *testing.T) {
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var batches []bolt.Batch
	s := open(t, bolt.Config{Path: filepath.Join(t.TempDir(), "db"), Observe: func(b bolt.Batch) {
		batches = append(batches, b) // leaders come one after the other
		once.Do(func() { close(held); <-hold })
	}})
	var wg sync.WaitGroup
	commit := func(id string, check func(store.Receipt, error)) {
		wg.Go(func() { check(s.Commit(context.Background(), insert(id))) })
	}
	commit("first", func(_ store.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	<-held // everybody else comes while the first batch is not finished
	var mu sync.Mutex
	won, lost, indices := 0, 0, map[uint64]bool{}
	for range 3 {
		for _, id := range []string{"first", "second", "third", "fourth"} {
			commit(id, func(r store.Receipt, err error) {
				mu.Lock()
				defer mu.Unlock()
				var conflict *store.Conflict
				switch {
				case err == nil:
					won++
					indices[r.First] = true
				case errors.As(err, &conflict) && conflict.Key.ID == id:
					lost++
				default:
					t.Errorf("%s: %v", id, err)
				}
			})
		}
	}
	for s.Waiting() < 12 {
		runtime.Gosched()
	}
	close(hold)
	wg.Wait()
	if won != 3 || lost != 9 || !indices[1] || !indices[2] || !indices[3] {
		t.Errorf("%d won, %d lost, leaves %v; want 3, 9 and the leaves 1 to 3", won, lost, indices)
	}
	if len(batches) != 2 || batches[1].Changes != 12 || batches[1].Conflicts != 9 || batches[1].Err != nil {
		t.Errorf("batches %+v", batches)
	}
}

func TestAPanicInObserveLeavesTheStoreUsable(t *testing.T) {
	panics := true
	s := open(t, bolt.Config{Path: filepath.Join(t.TempDir(), "db"), Observe: func(bolt.Batch) {
		if panics {
			panic("a hook that fails")
		}
	}})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = s.Commit(t.Context(), insert("a"))
	}()
	panics = false
	if receipt, err := s.Commit(t.Context(), insert("b")); err != nil || receipt.First != 1 {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestRunSweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		c := insert("brief")
		c.Inserts[0].Expires = time.Now().Add(time.Second)
		if _, err := s.Commit(ctx, c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if n, err := s.Sweep(ctx); n != 0 || err != nil {
			t.Errorf("%d records were left, %v", n, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func TestBackupIsAWholeStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, bolt.Config{Path: filepath.Join(dir, "db")})
	if _, err := s.Commit(t.Context(), insert("before")); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	if err := s.Backup(&copied); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), insert("after")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "copy"), copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	restored := open(t, bolt.Config{Path: filepath.Join(dir, "copy")})
	if _, err := restored.Get(t.Context(), store.Key{Kind: "codes", ID: "before"}); err != nil {
		t.Error(err)
	}
	if _, err := restored.Get(t.Context(), store.Key{Kind: "codes", ID: "after"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what came after the backup: %v", err)
	}
	if err := restored.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if st, err := restored.Stats(); err != nil || st.Leaves != 1 || st.Version != 1 || st.Size != int64(copied.Len()) {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	bucket := func(tx *bbolt.Tx, path ...string) *bbolt.Bucket {
		b := tx.Bucket([]byte(path[0]))
		for _, name := range path[1:] {
			b = b.Bucket([]byte(name))
		}
		return b
	}
	minute := func(tx *bbolt.Tx) *bbolt.Bucket {
		name, _ := bucket(tx, "expiry").Cursor().First()
		return bucket(tx, "expiry").Bucket(name)
	}
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	listed := func(version uint64, name string) []byte {
		return append(binary.BigEndian.AppendUint64(nil, version), name...)
	}
	for name, tamper := range map[string]func(*bbolt.Tx) error{
		"a record too short": func(tx *bbolt.Tx) error {
			return bucket(tx, "records", "codes").Put([]byte("lasting"), []byte("short"))
		},
		"a version that was not given": func(tx *bbolt.Tx) error { return bucket(tx, "meta").Put([]byte("version"), make([]byte, 8)) },
		"a leaf that was not appended": func(tx *bbolt.Tx) error { return bucket(tx, "meta").Put([]byte("leaf"), make([]byte, 8)) },
		"a leaf appended and lost":     func(tx *bbolt.Tx) error { return bucket(tx, "leaves").DeleteBucket(number(1)) },
		"a leaf cut": func(tx *bbolt.Tx) error {
			return bucket(tx, "leaves").Bucket(number(1)).Put([]byte("batch"), make([]byte, 15))
		},
		"a leaf with another length": func(tx *bbolt.Tx) error {
			return bucket(tx, "leaves").Bucket(number(1)).Put([]byte("batch"), bytes.Repeat([]byte{1}, 30))
		},
		"a leaf of no version": func(tx *bbolt.Tx) error {
			return bucket(tx, "leaves").Bucket(number(1)).Put([]byte("batch"), make([]byte, 16))
		},
		"a batch without leaves":       func(tx *bbolt.Tx) error { return bucket(tx, "leaves").Bucket(number(1)).Delete([]byte("batch")) },
		"a batch under another index":  func(tx *bbolt.Tx) error { return rename(bucket(tx, "leaves"), string(number(1)), string(number(2))) },
		"a batch that is pruned":       func(tx *bbolt.Tx) error { return bucket(tx, "meta").Put([]byte("oldest"), number(1)) },
		"an oldest leaf that is not":   func(tx *bbolt.Tx) error { return bucket(tx, "meta").Put([]byte("oldest"), number(9)) },
		"an expiry that nobody lists":  func(tx *bbolt.Tx) error { return minute(tx).Delete(listed(1, "codes\x00brief")) },
		"a listing of nothing":         func(tx *bbolt.Tx) error { return minute(tx).Put(listed(1, "codes\x00nobody"), nil) },
		"a listing of what stays":      func(tx *bbolt.Tx) error { return minute(tx).Put(listed(2, "codes\x00lasting"), nil) },
		"a listing of another version": func(tx *bbolt.Tx) error { return minute(tx).Put(listed(2, "codes\x00brief"), nil) },
		"a listing without kind":       func(tx *bbolt.Tx) error { return minute(tx).Put(listed(1, "codes"), nil) },
		"a listing without version":    func(tx *bbolt.Tx) error { return minute(tx).Put([]byte("codes"), nil) },
		"an expiry beyond all years": func(tx *bbolt.Tx) error {
			return bucket(tx, "records", "codes").Put([]byte("lasting"), bytes.Repeat([]byte{0xff}, 16))
		},
		"a kind that cannot be":          func(tx *bbolt.Tx) error { return rename(bucket(tx, "records"), "codes", "Codes") },
		"a record removed, not unlisted": func(tx *bbolt.Tx) error { return bucket(tx, "records", "codes").Delete([]byte("brief")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
			c := insert("brief")
			c.Inserts[0].Expires = time.Now().Add(time.Hour)
			for _, c := range []*store.Change{c, insert("lasting")} {
				if _, err := s.Commit(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := s.Tamper(tamper); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(t.Context()); err == nil {
				t.Error("check found nothing")
			}
		})
	}
}

// rename moves the records of a kind.
func rename(records *bbolt.Bucket, from, to string) error {
	b, err := records.CreateBucket([]byte(to))
	if err != nil {
		return err
	}
	if err := records.Bucket([]byte(from)).ForEach(func(k, v []byte) error { return b.Put(k, v) }); err != nil {
		return err
	}
	return records.DeleteBucket([]byte(from))
}

// A version number is not read from too few bytes.
func TestCountersAreEightBytes(t *testing.T) {
	s := open(t, bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
	if _, err := s.Commit(t.Context(), insert("a")); err != nil {
		t.Fatal(err)
	}
	err := s.Tamper(func(tx *bbolt.Tx) error {
		if got := binary.BigEndian.Uint64(tx.Bucket([]byte("meta")).Get([]byte("leaf"))); got != 1 {
			t.Errorf("the next leaf is %d", got)
		}
		return tx.Bucket([]byte("meta")).Put([]byte("leaf"), []byte("1"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), insert("b")); !errors.Is(err, bolt.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged: a counter that reads as zero would give indices twice", err)
	}
}

package audit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// However the entries are spread over checkpoints, the tree is the one that package tlog makes of them.
func TestPublishMakesTheTree(t *testing.T) {
	d := newDesk(t)
	key := keyOf(t, d.dir)
	var before [][]byte
	for _, n := range []int{1, 2, 251, 1, 1, 255, 256, 257, 1000, 3} {
		d.write(t, n)
		d.publish(t)
		entries := verify(t, d.log(), key)
		if len(entries) != len(before)+n+2*min(1, max(0, 1-len(before))) {
			t.Fatalf("%d entries after %d and %d more", len(entries), len(before), n)
		}
		for i := range before {
			if string(before[i]) != string(entries[i]) {
				t.Fatalf("entry %d has changed", i)
			}
		}
		before = entries
	}
}

// The published files are a function of the leaves: whoever publishes in other steps, or is opened anew in between, writes the
// same bytes.
func TestPublishIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	total := 0
	for total < 1200 {
		n := 1 + rand.IntN(300)
		d.write(t, n)
		total += n
		d.publish(t)
		d.close()
		d = openDesk(t, dir, nil)
	}
	d.publish(t)
	want := verify(t, d.log(), keyOf(t, dir))
	once := &desk{dir: t.TempDir()}
	replay(t, once, dir, want)
	got, all := files(t, d.log()), files(t, once.log())
	for path, data := range all {
		if got[path] != data {
			t.Errorf("%s differs when it is published at once", path)
		}
		delete(got, path)
	}
	for path := range got {
		if !strings.Contains(path, ".p/") {
			t.Errorf("%s is there only when the log is published in steps", path)
		}
	}
	if a, b := readFile(t, d.log(), "checkpoint"), readFile(t, once.log(), "checkpoint"); string(a) != string(b) {
		t.Errorf("checkpoints differ: %s %s", a, b)
	}
}

// replay puts given entries into a new store, as they are, and publishes them in one go with the key of another directory.
func replay(t *testing.T, d *desk, keyDir string, entries [][]byte) {
	t.Helper()
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(d.dir, "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	signer, err := audit.LoadKey(filepath.Join(keyDir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	var leaves []store.Leaf
	for _, entry := range entries {
		leaves = append(leaves, store.Leaf{Body: entry})
	}
	ch := store.Change{Leaves: leaves, Inserts: []store.Record{
		{Key: store.Key{Kind: "log", ID: "origin"}, Body: []byte(`{"origin":"` + signer.Name() + `"}`)},
		{Key: store.Key{Kind: "log-keys", ID: "announced"}, Body: []byte(`{"keys":["` + signer.String() + `"]}`)},
	}}
	if _, err := db.Commit(t.Context(), &ch); err != nil {
		t.Fatal(err)
	}
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: endAt{db, len(entries)}, Origin: signer.Name()})
	if err != nil {
		t.Fatal(err)
	}
	if d.publisher, err = audit.OpenPublisher(t.Context(), audit.PublisherConfig{Book: book, Dir: d.log(), Signer: signer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.publisher.Close() })
	d.publish(t)
}

// endAt is a store that does not show what was appended after so many leaves.
type endAt struct {
	store.Store
	n int
}

func (s endAt) Scan(ctx context.Context, prefix store.Key, after string, n int) ([]store.Record, error) {
	records, err := s.Store.Scan(ctx, prefix, after, n)
	for i, r := range records {
		if prefix.Kind == store.Leaves && r.Key.ID >= store.LeafID(uint64(s.n)) {
			return records[:i], err
		}
	}
	return records, err
}

// Leaves and openings leave the store when the files that hold them are there, but for the last one.
func TestStoreStaysSmall(t *testing.T) {
	d := newDesk(t)
	d.write(t, 1022)
	d.publish(t) // 1024: four full bundles
	if n := len(d.leaves(t)); n != 256 {
		t.Errorf("%d leaves are left after 1024, want the last 256", n)
	}
	d.write(t, 1)
	d.publish(t)
	if n := len(d.leaves(t)); n != 1 {
		t.Errorf("%d leaves are left after 1025, want 1", n)
	}
	for bundle := range int64(4) {
		if n := len(d.openings(t, bundle)); n < 254 {
			t.Errorf("bundle %d has %d openings", bundle, n)
		}
	}
	if _, err := os.Stat(filepath.Join(d.log(), "tile/entries/000.p")); err == nil {
		t.Error("partial tiles of a full one are left")
	}
	info, err := os.Stat(filepath.Join(d.log(), audit.OpeningsPath(0)))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("openings are %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(d.log()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the log's directory is %v, %v", info.Mode(), err)
	}
}

// What is published must not change, so a file that says something else stops everything.
func TestPublishedBytesDoNotChange(t *testing.T) {
	d := newDesk(t)
	d.write(t, 300)
	path := filepath.Join(d.log(), "tile/0/000")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("somebody's"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.publisher.Publish(t.Context()); !errors.Is(err, audit.ErrPublished) {
			t.Fatalf("published over it: %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := d.publisher.Publish(t.Context()); !errors.Is(err, audit.ErrPublished) {
		t.Errorf("went on after a failure without being opened again: %v", err)
	}
	if _, err := os.Stat(filepath.Join(d.log(), "checkpoint")); err == nil {
		t.Error("there is a checkpoint over tiles that are not there")
	}
	if string(readFile(t, d.dir, "key")) == "" || d.publisher.Signed() != nil {
		t.Error("a checkpoint is shown")
	}
}

func TestOneLogHasOneWriter(t *testing.T) {
	d := newDesk(t)
	d.write(t, 1)
	other, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: other, Origin: testOrigin})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.LoadKey(filepath.Join(d.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	c := audit.PublisherConfig{Book: book, Dir: d.log(), Signer: signer}
	if _, err := audit.OpenPublisher(t.Context(), c); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("a second writer: %v", err)
	}
	d.publish(t)
	if err := d.publisher.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenPublisher(t.Context(), c); err == nil {
		t.Error("another store took over the log")
	}
	if err := d.publisher.Publish(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("published after Close: %v", err)
	}
}

func TestPublisherConfigFaults(t *testing.T) {
	_, err := audit.OpenPublisher(t.Context(), audit.PublisherConfig{Interval: -1})
	for _, want := range []string{"Book", "Dir", "Signer", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	d := newDesk(t)
	skey, _, err := audit.GenerateKey("other.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.ParseKey(skey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenPublisher(t.Context(), audit.PublisherConfig{Book: d.book, Dir: t.TempDir(), Signer: signer}); err == nil {
		t.Error("a key of another log was taken")
	}
}

// The guard has its say before anything is published.
func TestGuard(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	d.write(t, 3)
	d.publish(t)
	want := d.publisher.Newest()
	d.close()
	ahead := errors.New("a witness is ahead")
	_, err := tryDesk(t.Context(), dir, func(_ *audit.BookConfig, p *audit.PublisherConfig) {
		p.Guard = func(_ context.Context, got audit.Checkpoint) error {
			if got != want {
				t.Errorf("the guard is shown %v, want %v", got, want)
			}
			return ahead
		}
	})
	if !errors.Is(err, ahead) {
		t.Errorf("opened: %v", err)
	}
	openDesk(t, dir, nil).publish(t)
}

// Run publishes what comes in within an interval, and says so when nothing does.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		var published []audit.Published
		d.close()
		d = openDesk(t, d.dir, func(_ *audit.BookConfig, p *audit.PublisherConfig) {
			p.Observe = func(e audit.Published) { published = append(published, e) }
		})
		defer d.close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.publisher.Run(ctx) }()
		synctest.Wait()
		start := d.publisher.Newest().Size
		d.write(t, 5)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := d.publisher.Newest().Size; got != start+5 {
			t.Errorf("%d entries are published after a second, want %d", got, start+5)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if got := d.publisher.Newest().Size; got != start+5 {
			t.Errorf("%d entries: a heartbeat came before a minute was over", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		beat := d.lastLeaf(t)
		if beat.Type != audit.LogHeartbeat || beat.Span.Count != 5 || beat.Span.To-beat.Span.From < 60_000 || d.publisher.Newest().Size != start+6 {
			t.Errorf("the heartbeat is %+v with %d entries", beat, d.publisher.Newest().Size)
		}
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if beat := d.lastLeaf(t); beat.Type != audit.LogHeartbeat || beat.Span.Count != 0 || d.publisher.Newest().Size != start+7 {
			t.Errorf("the next heartbeat is %+v with %d entries", beat, d.publisher.Newest().Size)
		}
		d.write(t, 7)
		cancel()
		if err := <-ended; err != nil || d.publisher.Newest().Size != start+14 {
			t.Errorf("ended with %v and %d entries, want %d", err, d.publisher.Newest().Size, start+14)
		}
		if len(published) == 0 || published[len(published)-1].Size != start+14 {
			t.Errorf("observed %+v", published)
		}
		verify(t, d.log(), keyOf(t, d.dir))
	})
}

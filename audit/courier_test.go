package audit_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// A shop is a log as a Courier sees it.
type shop struct {
	*history
	mu       sync.Mutex
	cosigned []int64 // sizes that came back
	broken   error
}

func (s *shop) Signed() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size == 0 {
		return nil
	}
	return s.signed()
}

func (s *shop) Prove(ctx context.Context, old int64, head audit.Checkpoint) (tlog.TreeProof, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.prove(ctx, old, head)
}

func (s *shop) Cosigned(signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cosigned = append(s.cosigned, sizeOf(s.t, signed))
	return s.broken
}

func (s *shop) append(n int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(n, text)
}

// A route is a courier on its way, with what it told on it.
type route struct {
	config audit.CourierConfig
	rounds []audit.Round
	ended  chan error
	stop   func()
}

func newRoute(t testing.TB, c audit.CourierConfig) *route {
	r := &route{ended: make(chan error, 1)}
	c.Observe = func(x audit.Round) { r.rounds = append(r.rounds, x) }
	r.config = c
	courier, err := audit.NewCourier(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.ended <- courier.Run(ctx) }()
	return r
}

// While entries come in all the time, each is cosigned within ten seconds, also when one witness never answers; and no witness is
// asked more often than every five seconds.
func TestCourierCosignsEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		town := newTown(t, 3)
		delete(town.hosts, "w3.example")
		log, dir := &shop{history: town.log}, t.TempDir()
		archive := openArchive(t, dir)
		r := newRoute(t, audit.CourierConfig{Log: log, Witnesses: town.client(2), Archive: archive})
		for second := range 60 {
			log.append(3, "entry")
			time.Sleep(time.Second)
			synctest.Wait()
			if newest, err := archive.Newest(); err != nil || second >= 10 && sizeOf(t, newest) < int64(3*(second-9)) {
				t.Fatalf("after %d s the newest cosigned checkpoint has %d entries of %d", second, sizeOf(t, newest), log.size)
			}
		}
		r.stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if n := len(town.witnesses[0].asked); n < 10 || n > 14 {
			t.Errorf("a witness was asked %d times in a minute", n)
		}
		if len(log.cosigned) != len(r.rounds) || !slices.IsSorted(log.cosigned) {
			t.Errorf("%d rounds, the log was told of %v", len(r.rounds), log.cosigned)
		}
	})
}

// A checkpoint with a quorum is not taken round again. One without is, until it has one.
func TestCourierAsksUntilThereIsAQuorum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		town := newTown(t, 2)
		log := &shop{history: town.log}
		r := newRoute(t, audit.CourierConfig{Log: log, Witnesses: town.client(2), Archive: openArchive(t, t.TempDir())})
		time.Sleep(7 * time.Second) // an empty log is shown to nobody
		town.mu.Lock()
		away := town.hosts["w2.example"]
		delete(town.hosts, "w2.example")
		town.mu.Unlock()
		log.append(3, "entry")
		time.Sleep(21 * time.Second)
		synctest.Wait()
		if len(log.cosigned) != 0 || len(r.rounds) != 4 || r.rounds[3].Cosigned.Quorum.Met || len(r.rounds[3].Cosigned.Faults) != 1 {
			t.Errorf("without a quorum: %v %+v", log.cosigned, r.rounds)
		}
		town.mu.Lock()
		town.hosts["w2.example"] = away
		town.mu.Unlock()
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if !slices.Equal(log.cosigned, []int64{3}) || len(r.rounds) != 5 {
			t.Errorf("with a quorum: %v, %d rounds", log.cosigned, len(r.rounds))
		}
		r.stop()
		<-r.ended
	})
}

// The history has split when the witnesses that saw another one leave no quorum. One alone can be mistaken.
func TestCourierStopsWhenTheHistoryHasSplit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		others  int // how many witnesses saw another history
		finding string
	}{{"one of three", 1, ""}, {"two of three", 2, audit.Fork}, {"all", 3, audit.Fork}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				town := newTown(t, 3)
				log := &shop{history: town.log.grow(2, "entry")}
				other := log.fork(1).grow(2, "another")
				for _, w := range town.witnesses[:tt.others] {
					w.post(other.add(0))
				}
				log.grow(4, "entry")
				archive := openArchive(t, t.TempDir())
				r := newRoute(t, audit.CourierConfig{Log: log, Witnesses: town.client(2), Archive: archive})
				time.Sleep(time.Minute)
				r.stop()
				if err := <-r.ended; findingOf(err) != tt.finding || (err != nil) != (tt.finding != "") {
					t.Errorf("%v", err)
				}
				if newest, _ := archive.Newest(); (newest != nil) != (tt.finding == "") {
					t.Errorf("the archive has %q", newest)
				}
				if len(r.rounds) != 1 || len(r.rounds[0].Cosigned.Faults) != tt.others {
					t.Errorf("%+v", r.rounds)
				}
			})
		})
	}
}

// A process that takes over finds in the archive what the one before had cosigned, and asks nobody again.
func TestCourierGoesOnWithTheArchive(t *testing.T) {
	town := newTown(t, 2)
	log, dir := &shop{history: town.log.grow(4, "entry")}, t.TempDir()
	round := func() error {
		courier, err := audit.NewCourier(audit.CourierConfig{Log: log, Witnesses: town.client(2), Archive: openArchive(t, dir)})
		if err != nil {
			t.Fatal(err)
		}
		return courier.Round(t.Context())
	}
	for range 2 {
		if err := round(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(log.cosigned, []int64{4, 4}) || len(town.witnesses[0].asked) != 1 {
		t.Errorf("%v, asked %d times", log.cosigned, len(town.witnesses[0].asked))
	}
	path := filepath.Join(dir, audit.ArchivePath(4))
	kept := string(readFile(t, dir, audit.ArchivePath(4)))
	few := strings.SplitAfter(kept, "\n")
	for name, tt := range map[string]struct {
		kept  string
		fails bool
	}{
		"too few signatures for the quorum": {strings.Join(few[:len(few)-2], ""), false},
		"a damaged signature":               {kept[:len(kept)-20] + "AAAAAAAA" + kept[len(kept)-12:], true},
		"nothing":                           {"", true},
		"another checkpoint":                {string(log.fork(2).grow(2, "another").signed()), true},
	} {
		if err := os.WriteFile(path, []byte(tt.kept), 0o600); err != nil {
			t.Fatal(err)
		}
		before := len(town.witnesses[0].asked)
		if err := round(); (err != nil) != tt.fails || len(town.witnesses[0].asked) > before == tt.fails {
			t.Errorf("%s: %v, asked %d times", name, err, len(town.witnesses[0].asked)-before)
		}
	}
}

// It does not go on when the archive cannot be kept or the log is out of service. A checkpoint that is not the log's is told of.
func TestCourierFails(t *testing.T) {
	town := newTown(t, 1)
	log, dir := &shop{history: town.log.grow(4, "entry")}, t.TempDir()
	c := audit.CourierConfig{Log: log, Witnesses: town.client(1), Archive: openArchive(t, dir)}
	var rounds []audit.Round
	c.Observe = func(r audit.Round) { rounds = append(rounds, r) }
	courier, err := audit.NewCourier(c)
	if err != nil {
		t.Fatal(err)
	}
	away := filepath.Join(dir, "away")
	if err := os.Rename(filepath.Join(dir, "archive"), away); err != nil {
		t.Fatal(err)
	}
	if err := courier.Round(t.Context()); err == nil || len(log.cosigned) != 0 {
		t.Errorf("without an archive: %v %v", err, log.cosigned)
	}
	if err := os.Rename(away, filepath.Join(dir, "archive")); err != nil {
		t.Fatal(err)
	}
	log.broken = errors.New("broken")
	if err := courier.Round(t.Context()); !errors.Is(err, log.broken) {
		t.Errorf("with a broken log: %v", err)
	}
	log.key = newHistory(t).key
	before := len(rounds)
	if err := courier.Round(t.Context()); err != nil || len(rounds) != before+1 || findingOf(rounds[before].Err) != audit.UntrustedKey {
		t.Errorf("under another key: %v %+v", err, rounds)
	}
	if _, err := audit.NewCourier(audit.CourierConfig{Interval: -1}); err == nil || strings.Count(err.Error(), "required") != 3 || !strings.Contains(err.Error(), "negative") {
		t.Errorf("an empty configuration: %v", err)
	}
}

// A real log: receipts end in the cosigned checkpoint, and whoever verifies the directory finds witnesses and time windows.
func TestCourierOfAPublisher(t *testing.T) {
	town := newTown(t, 3)
	d := newDesk(t)
	signer, err := audit.LoadKey(filepath.Join(d.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	town.log.key = signer
	for _, w := range town.witnesses {
		w.config.Logs[0] = signer.Verifier()
		w.open(t)
	}
	town.hosts["w2.example"] = http.NotFoundHandler()
	courier, err := audit.NewCourier(audit.CourierConfig{Log: d.publisher, Witnesses: town.client(2), Archive: openArchive(t, d.log())})
	if err != nil {
		t.Fatal(err)
	}
	var first uint64
	for _, n := range []int{5, 260, 1} {
		for range n {
			if first, err = d.book.Append(t.Context(), audit.Entry{Type: audit.ClientChanged, Client: "tpp-4711"}); err != nil {
				t.Fatal(err)
			}
		}
		d.publish(t)
		if err := courier.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := d.publisher.Receipt(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	r, err := audit.ParseReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := town.policy(2).Open(r.Checkpoint); err != nil || !h.Quorum.Met {
		t.Errorf("the receipt ends in %q: %v", r.Checkpoint, err)
	}
	source, err := audit.OpenDir(d.log())
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	report, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: source, Policy: town.policy(2)})
	if err != nil || len(report.Findings) != 0 {
		t.Fatalf("%v %+v", err, report)
	}
	if report.Counts.Archived != 3 || report.Counts.InWindow != int64(first)+1 || !report.Witnesses.Met {
		t.Errorf("%+v %+v", report.Counts, report.Witnesses)
	}
}

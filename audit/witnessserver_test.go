package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// What a witness signs is accepted by this package and by another implementation.
func TestWitnessCosigns(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log
	theirs, err := torchwood.NewCosignatureVerifier(w.config.Cosigner.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	old := int64(0)
	for _, n := range []int{1, 0, 1, 5, 300, 0} { // 0: asked again about the same
		log.grow(n, "entry")
		rec := w.post(log.add(old))
		if rec.Code != http.StatusOK {
			t.Fatalf("from %d to %d: %d %s", old, log.size, rec.Code, rec.Body)
		}
		for _, v := range []note.Verifier{w.config.Cosigner.Verifier(), theirs} {
			n, err := note.Open(append([]byte(log.head().Format()+"\n"), rec.Body.Bytes()...), note.VerifierList(v))
			if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
				t.Errorf("%T: %v %+v", v, err, n)
			}
		}
		old = log.size
	}
}

// The requests that C2SP tlog-witness refuses, and ours. Each is one step away from one that is accepted before and after.
func TestWitnessRefuses(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log.grow(5, "entry")
	if rec := w.post(log.add(0)); rec.Code != http.StatusOK {
		t.Fatal(rec.Code, rec.Body)
	}
	common := log.fork(5)
	log.grow(4, "entry")
	other, stranger := newHistory(t), newHistory(t)
	fork := common.fork(3).grow(6, "another")
	good := log.add(5)
	body := string(good.Format())
	with := func(change func(a *audit.AddCheckpoint)) string {
		a := good
		change(&a)
		return string(a.Format())
	}
	signedBy := func(text string, by note.Signer) string {
		return with(func(a *audit.AddCheckpoint) { a.Signed = log.sign(text, by) })
	}
	named := func(s note.Signer, name string) note.Signer { return renamed{s, name} }
	for _, tt := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"the origin is unknown: 404", signedBy(strings.Replace(log.head().Format(), "log.example/1", "log.example/2", 1), named(log.key, "log.example/2")), 404, ""},
		{"no signature by a trusted key: 403", signedBy(log.head().Format(), other.key), 403, ""},
		{"a signature by a key that is not the log's under its name: 403", signedBy(log.head().Format(), stranger.key), 403, ""},
		{"a wrong signature by the log's key: 403", strings.Replace(body, log.head().Root.String(), fork.head().Root.String(), 1), 403, ""},
		{"no signature at all", "old 5\n\n" + log.head().Format() + "\n", 400, ""},
		{"old size above the checkpoint's: 400", with(func(a *audit.AddCheckpoint) { a.Old, a.Proof = 10, nil }), 400, ""},
		{"old size below the last: 409", with(func(a *audit.AddCheckpoint) { a.Old, a.Proof = 4, log.add(4).Proof }), 409, "5\n"},
		{"old size above the last: 409", with(func(a *audit.AddCheckpoint) { a.Old, a.Proof = 6, log.add(6).Proof }), 409, "5\n"},
		{"old size 0: 409", with(func(a *audit.AddCheckpoint) { a.Old, a.Proof = 0, nil }), 409, "5\n"},
		{"a smaller tree: 409", string(log.fork(4).add(4).Format()), 409, "5\n"},
		{"a smaller tree, with the right old size: 400", string(audit.AddCheckpoint{Old: 5, Signed: log.fork(4).signed()}.Format()), 400, ""},
		{"the same size and another root: 409", string(common.fork(3).grow(2, "another").add(5).Format()), 409, "5\n"},
		{"the same size and a proof", string(audit.AddCheckpoint{Old: 5, Proof: good.Proof, Signed: common.signed()}.Format()), 422, ""},
		{"a log that split before: 422", string(fork.add(5).Format()), 422, ""},
		{"no proof: 422", with(func(a *audit.AddCheckpoint) { a.Proof = nil }), 422, ""},
		{"a proof with a hash too many: 422", with(func(a *audit.AddCheckpoint) { a.Proof = append(tlog.TreeProof{{}}, a.Proof...) }), 422, ""},
		{"a proof of another step: 422", with(func(a *audit.AddCheckpoint) { a.Proof = log.add(6).Proof }), 422, ""},
		{"an extension line", signedBy(log.head().Format()+"more\n", log.key), 400, ""},
		{"more than 63 hashes", with(func(a *audit.AddCheckpoint) { a.Proof = make(tlog.TreeProof, 64) }), 400, ""},
		{"a zero before the old size", strings.Replace(body, "old 5", "old 05", 1), 400, ""},
		{"a sign before the old size", strings.Replace(body, "old 5", "old +5", 1), 400, ""},
		{"no old size", strings.Replace(body, "old 5\n", "", 1), 400, ""},
		{"no empty line before the checkpoint", strings.Replace(body, "\n\n", "\n", 1), 400, ""},
		{"a hash that is too short", strings.Replace(body, good.Proof[0].String(), "AAAA", 1), 400, ""},
		{"nothing", "", 400, ""},
		{"too long", body + strings.Repeat("x", 1<<17), 413, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := postTo(w.server.Handler(), tt.body)
			if rec.Code != tt.status || strings.Contains(rec.Body.String(), "—") {
				t.Fatalf("%d %q, want %d", rec.Code, rec.Body, tt.status)
			}
			if tt.says != "" && (rec.Body.String() != tt.says || rec.Header().Get("Content-Type") != "text/x.tlog.size") {
				t.Errorf("%q %q", rec.Body, rec.Header())
			}
		})
		if rec := w.post(common.add(5)); rec.Code != http.StatusOK {
			t.Fatalf("after %s: %d", tt.name, rec.Code)
		}
	}
	if rec := postTo(w.server.Handler(), body); rec.Code != http.StatusOK {
		t.Errorf("the request itself: %d %s", rec.Code, rec.Body)
	}
}

// renamed is a signer under another name.
type renamed struct {
	note.Signer
	name string
}

func (r renamed) Name() string { return r.name }

func TestWitnessBeginsWithAnyLogOfItsKey(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log
	empty := log.head()
	if rec := postTo(w.server.Handler(), "old 0\n\n"+string(log.sign(strings.Replace(empty.Format(), "47DEQ", "57DEQ", 1), log.key))); rec.Code != http.StatusConflict {
		t.Errorf("an empty log with the root of another: %d", rec.Code)
	}
	if rec := w.post(log.add(0)); rec.Code != http.StatusOK {
		t.Errorf("the empty log: %d", rec.Code)
	}
	log.grow(7, "entry")
	if rec := w.post(audit.AddCheckpoint{Proof: make(tlog.TreeProof, 1), Signed: log.signed()}); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a proof that extends nothing: %d", rec.Code) // C2SP tlog-witness: the proof must be empty if the old size is zero
	}
	if rec := w.post(log.add(0)); rec.Code != http.StatusOK {
		t.Errorf("the first checkpoint: %d", rec.Code)
	}
}

func TestWitnessTakesOnlyPosts(t *testing.T) {
	w := newTown(t, 1).witnesses[0]
	for _, tt := range []struct {
		method, path string
		status       int
	}{{"GET", "/add-checkpoint", 405}, {"PUT", "/add-checkpoint", 405}, {"POST", "/", 404}, {"POST", "/add-checkpoint/x", 404}} {
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, httptest.NewRequest(tt.method, tt.path, nil))
		if rec.Code != tt.status {
			t.Errorf("%s %s: %d", tt.method, tt.path, rec.Code)
		}
	}
}

// Started anew, a witness knows what it signed: neither another log of the same size nor one that does not extend it.
func TestWitnessRemembers(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log.grow(5, "entry")
	w.post(log.add(0))
	fork := log.fork(2).grow(3, "another")
	for range 2 {
		w.open(t)
		if rec := w.post(fork.add(5)); rec.Code != http.StatusConflict {
			t.Errorf("another log of the same size: %d", rec.Code)
		}
		if rec := w.post(fork.fork(5).grow(1, "another").add(5)); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("another log: %d", rec.Code)
		}
		if rec := w.post(fork.add(0)); rec.Code != http.StatusConflict || rec.Body.String() != "5\n" {
			t.Errorf("from the beginning: %d %s", rec.Code, rec.Body)
		}
		if rec := w.post(log.add(5)); rec.Code != http.StatusOK {
			t.Errorf("the log: %d", rec.Code)
		}
	}
}

// A log's evidence against itself is written to the witness's own log: nobody else may ever see it.
func TestWitnessWritesDownTwoHistories(t *testing.T) {
	for name, grown := range map[string]int{"two roots for one size": 0, "no extension": 1} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			town := newTown(t, 1)
			w, log := town.witnesses[0], town.log.grow(5, "entry")
			w.config.Log = slog.New(slog.NewJSONHandler(&out, nil))
			w.open(t)
			w.post(log.add(0))
			fork := log.fork(2).grow(3+grown, "another")
			w.post(log.fork(5).grow(1, "entry").add(0))
			if strings.Contains(out.String(), "two histories") {
				t.Error("an outdated size was taken for a second history")
			}
			w.post(fork.add(5))
			if !strings.Contains(out.String(), "two histories") || !strings.Contains(out.String(), fork.head().Root.String()) {
				t.Errorf("not written down: %s", &out)
			}
		})
	}
}

// onWrite calls a function when the answer is about to leave.
type onWrite struct {
	http.ResponseWriter
	do func()
}

func (o onWrite) Write(b []byte) (int, error) {
	o.do()
	return o.ResponseWriter.Write(b)
}

// When an answer leaves, its memory is on the disk: a witness that is killed at that instant, and started with what the disk had
// then, does not sign the opposite.
func TestWitnessRemembersBeforeItAnswers(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log
	for range 5 {
		old := log.size
		fork := log.fork(old).grow(3, "another")
		log.grow(3, "entry")
		copied := t.TempDir()
		writes := 0
		h := onWriteHandler(w.server.Handler(), func() {
			writes++
			if err := os.CopyFS(copied, os.DirFS(w.config.Dir)); err != nil {
				t.Fatal(err)
			}
		})
		if rec := postTo(h, string(log.add(old).Format())); rec.Code != http.StatusOK || writes != 1 {
			t.Fatalf("%d, %d writes", rec.Code, writes)
		}
		config := w.config
		config.Dir = copied
		again := &neighbour{config: config}
		again.open(t)
		if rec := again.post(fork.add(old)); rec.Code != http.StatusConflict {
			t.Fatalf("it signed another log of %d entries: %d", log.size, rec.Code)
		}
		if rec := again.post(log.add(log.size)); rec.Code != http.StatusOK { // the answer that was lost can be had again
			t.Fatalf("asked again: %d", rec.Code)
		}
	}
}

func onWriteHandler(h http.Handler, do func()) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { h.ServeHTTP(onWrite{rw, do}, r) })
}

// Of many who ask at once with different histories, only one history is signed.
func TestWitnessSignsOneOfManyAtOnce(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log.grow(1, "entry")
	w.post(log.add(0))
	for old := int64(1); old < 9; old++ {
		var wait sync.WaitGroup
		codes := make([]int, 8)
		forks := make([]*history, len(codes))
		for i := range forks {
			forks[i] = log.fork(old).grow(1, fmt.Sprint("history ", i))
		}
		for i, f := range forks {
			a := f.add(old)
			wait.Go(func() { codes[i] = w.post(a).Code })
		}
		wait.Wait()
		signed := 0
		for i, code := range codes {
			if code == http.StatusOK {
				signed++
				log = forks[i]
			}
		}
		if signed != 1 {
			t.Fatalf("%d histories of %d entries were signed: %v", signed, old+1, codes)
		}
	}
}

// When the disk does not keep its memory, a witness signs nothing for that log until it is started anew.
func TestWitnessOnAFailingDisk(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log.grow(5, "entry")
	w.post(log.add(0))
	log.grow(1, "entry")
	away := w.config.Dir + ".away"
	if err := os.Rename(w.config.Dir, away); err != nil {
		t.Fatal(err)
	}
	if rec := w.post(log.add(5)); rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), w.config.Dir) {
		t.Errorf("without a disk: %d %s", rec.Code, rec.Body)
	}
	if err := os.Rename(away, w.config.Dir); err != nil {
		t.Fatal(err)
	}
	if rec := w.post(log.add(5)); rec.Code != http.StatusInternalServerError {
		t.Errorf("it goes on as if nothing had happened: %d", rec.Code)
	}
	w.open(t)
	if rec := w.post(log.add(5)); rec.Code != http.StatusOK {
		t.Errorf("started anew: %d %s", rec.Code, rec.Body)
	}
}

func TestOpenWitnessServerRefuses(t *testing.T) {
	town := newTown(t, 1)
	w := town.witnesses[0]
	w.post(town.log.grow(3, "entry").add(0))
	if _, err := audit.OpenWitnessServer(w.config); !errors.Is(err, audit.ErrLocked) {
		t.Errorf("a second one in the same directory: %v", err)
	}
	for name, change := range map[string]func(*audit.WitnessServerConfig){
		"no key":            func(c *audit.WitnessServerConfig) { c.Cosigner = nil },
		"no directory":      func(c *audit.WitnessServerConfig) { c.Dir = "" },
		"no logs":           func(c *audit.WitnessServerConfig) { c.Logs = nil },
		"one key twice":     func(c *audit.WitnessServerConfig) { c.Logs = append(c.Logs, c.Logs[0]) },
		"no name for a log": func(c *audit.WitnessServerConfig) { c.Logs = []note.Verifier{witnessKey(t, "é").Verifier()} },
	} {
		c := w.config
		c.Dir = t.TempDir()
		change(&c)
		if _, err := audit.OpenWitnessServer(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	path := stateFile(t, w.config.Dir)
	data := readFile(t, w.config.Dir, filepath.Base(path))
	other := newHistory(t)
	other.key = town.log.key
	for name, damaged := range map[string]string{
		"empty":            "",
		"torn":             string(data[:len(data)/2]),
		"another size":     strings.Replace(string(data), "\n3\n", "\n2\n", 1),
		"signed by others": string(newHistory(t).grow(1, "x").signed()),
	} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := audit.OpenWitnessServer(w.config); err == nil {
			_ = s.Close()
			t.Errorf("memory %s: accepted", name)
		}
	}
}

func stateFile(t testing.TB, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "????????????????*"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// A log may change its key, and a witness too: the memory stays.
func TestWitnessKnowsALogByItsOrigin(t *testing.T) {
	town := newTown(t, 1)
	w, log := town.witnesses[0], town.log.grow(3, "entry")
	w.post(log.add(0))
	next := newHistory(t).key
	w.config.Logs = append(w.config.Logs, next.Verifier())
	w.config.Cosigner = witnessKey(t, "witness.example/new")
	w.open(t)
	log.key = next
	if rec := w.post(log.fork(1).grow(2, "another").add(3)); rec.Code != http.StatusConflict {
		t.Errorf("another log under the new key: %d", rec.Code)
	}
	if rec := w.post(log.grow(2, "entry").add(3)); rec.Code != http.StatusOK {
		t.Errorf("the log under the new key: %d", rec.Code)
	}
}

func FuzzAddCheckpoint(f *testing.F) {
	town := newTown(f, 1)
	w, log := town.witnesses[0], town.log.grow(3, "entry")
	f.Add(log.add(0).Format())
	f.Add(log.grow(4, "entry").add(3).Format())
	f.Add([]byte("old 0\n\n\n"))
	f.Add([]byte("old 18446744073709551616\nAAAA\n\nx\n1\nAAAA\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if rec := postTo(w.server.Handler(), string(body)); rec.Code >= 500 {
			t.Errorf("%d", rec.Code)
		}
		a, err := audit.ParseAddCheckpoint(body)
		if err == nil && !bytes.Equal(a.Format(), body) {
			t.Errorf("%q is written as %q", body, a.Format())
		}
	})
}

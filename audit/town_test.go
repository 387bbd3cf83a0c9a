package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// A town is a log and its witnesses, without a network between them.
type town struct {
	t         testing.TB
	log       *history
	witnesses []*neighbour
	mu        sync.Mutex
	hosts     map[string]http.Handler // what answers at each witness's host
}

// A neighbour is a witness of the town.
type neighbour struct {
	name   string
	config audit.WitnessServerConfig
	server *audit.WitnessServer
	asked  []*http.Request
}

// newTown opens witnesses w1, w2 … for a new log.
func newTown(t testing.TB, witnesses int) *town {
	t.Helper()
	town := &town{t: t, log: newHistory(t), hosts: map[string]http.Handler{}}
	for i := range witnesses {
		w := &neighbour{name: fmt.Sprintf("w%d", i+1), config: audit.WitnessServerConfig{
			Cosigner: witnessKey(t, fmt.Sprintf("witness.example/%d", i+1)), Dir: t.TempDir(), Logs: []note.Verifier{town.log.key.Verifier()},
		}}
		w.open(t)
		town.witnesses = append(town.witnesses, w)
		town.hosts[w.name+".example"] = w
	}
	return town
}

func witnessKey(t testing.TB, name string) *audit.Cosigner {
	t.Helper()
	skey, _, err := audit.GenerateCosigner(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := audit.NewCosigner(skey, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open starts the witness, or starts it anew.
func (w *neighbour) open(t testing.TB) {
	t.Helper()
	if w.server != nil {
		if err := w.server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	server, err := audit.OpenWitnessServer(w.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.server = server
}

func (w *neighbour) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.asked = append(w.asked, r)
	w.server.Handler().ServeHTTP(rw, r)
}

// post sends the witness a request as it is.
func (w *neighbour) post(a audit.AddCheckpoint) *httptest.ResponseRecorder {
	return postTo(w.server.Handler(), string(a.Format()))
}

func postTo(h http.Handler, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/add-checkpoint", strings.NewReader(body)))
	return rec
}

// RoundTrip makes the town's hosts reachable. Who is not there does not answer, until the caller gives up.
func (t *town) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	host, ok := t.hosts[r.URL.Host]
	t.mu.Unlock()
	if !ok {
		<-r.Context().Done()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	host.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// policy names all witnesses. The quorum is so many of them.
func (t *town) policy(quorum int) *audit.Policy {
	t.t.Helper()
	var text strings.Builder
	text.WriteString("log " + t.log.key.String() + "\n")
	var names strings.Builder
	for _, w := range t.witnesses {
		text.WriteString(fmt.Sprintf("witness %s %s https://%s.example\n", w.name, w.config.Cosigner.Verifier(), w.name))
		names.WriteString(" " + w.name)
	}
	if quorum == 0 {
		return mustPolicy(t.t, text.String()+"quorum none\n")
	}
	return mustPolicy(t.t, fmt.Sprintf("%sgroup g %d%s\nquorum g\n", text.String(), quorum, names.String()))
}

func (t *town) client(quorum int) *audit.Witnesses {
	t.t.Helper()
	w, err := audit.NewWitnesses(audit.WitnessesConfig{Policy: t.policy(quorum), Client: &http.Client{Transport: t}, Timeout: 2 * time.Second})
	if err != nil {
		t.t.Fatal(err)
	}
	return w
}

// cosign has a log cosigned as it is now.
func (t *town) cosign(w *audit.Witnesses, log *history) *audit.Cosigned {
	t.t.Helper()
	c, err := w.Cosign(t.t.Context(), log.signed(), log.prove)
	if err != nil {
		t.t.Fatal(err)
	}
	return c
}

// A history is a log in memory, all of whose sizes can be signed.
type history struct {
	t      testing.TB
	key    *audit.LogSigner
	size   int64
	hashes []tlog.Hash
}

func newHistory(t testing.TB) *history {
	t.Helper()
	skey, _, err := audit.GenerateKey("log.example/1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ParseKey(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &history{t: t, key: key}
}

// fork is another log under the same key that has its first entries in common with this one.
func (h *history) fork(common int64) *history {
	return &history{t: h.t, key: h.key, size: common, hashes: slices.Clone(h.hashes[:tlog.StoredHashCount(common)])}
}

func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		found[i] = h.hashes[x]
	}
	return found, nil
}

// grow appends n entries that consist of a text and their index.
func (h *history) grow(n int, text string) *history {
	h.t.Helper()
	for range n {
		hashes, err := tlog.StoredHashes(h.size, fmt.Appendf(nil, "%s %d", text, h.size), h)
		if err != nil {
			h.t.Fatal(err)
		}
		h.hashes, h.size = append(h.hashes, hashes...), h.size+1
	}
	return h
}

func (h *history) head() audit.Checkpoint { return h.headAt(h.size) }

func (h *history) headAt(size int64) audit.Checkpoint {
	h.t.Helper()
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		h.t.Fatal(err)
	}
	return audit.Checkpoint{Origin: h.key.Name(), Size: size, Root: root}
}

func (h *history) signed() []byte { return h.sign(h.head().Format(), h.key) }

func (h *history) sign(text string, by ...note.Signer) []byte {
	h.t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, by...)
	if err != nil {
		h.t.Fatal(err)
	}
	return signed
}

func (h *history) prove(_ context.Context, old int64, head audit.Checkpoint) (tlog.TreeProof, error) {
	return tlog.ProveTree(head.Size, old, h)
}

// add is the request by which a witness at the old size comes to cosign the log as it is now.
func (h *history) add(old int64) audit.AddCheckpoint {
	h.t.Helper()
	a := audit.AddCheckpoint{Old: old, Signed: h.signed()}
	if 0 < old && old < h.size {
		var err error
		if a.Proof, err = tlog.ProveTree(h.size, old, h); err != nil {
			h.t.Fatal(err)
		}
	}
	return a
}

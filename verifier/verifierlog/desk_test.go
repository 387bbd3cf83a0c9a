package verifierlog_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier"
	"github.com/tenon-auth/tenon/verifier/verifierlog"
	"github.com/tenon-auth/tenon/verifier/verifiertest"
)

const payments = verifiertest.Audience + "/payments"

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A desk is an API with a log of its own.
type desk struct {
	t        *testing.T
	issuer   *verifiertest.Issuer
	verifier *verifier.Verifier
	store    *bolt.Store
	book     *audit.Book
	log      *verifierlog.Log
	dir      string
	events   []verifier.Event
}

// newDesk makes one. With a queue of one and nobody who writes, the second verdict is missed.
func newDesk(t *testing.T, c verifierlog.Config) *desk {
	t.Helper()
	d := &desk{t: t, issuer: verifiertest.NewIssuer(t), dir: t.TempDir()}
	d.store = must(bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "log.db")}))
	t.Cleanup(func() { d.store.Close() })
	d.book = must(audit.OpenBook(t.Context(), audit.BookConfig{Store: d.store, Origin: "api.example.com/log"}))
	c.Book = d.book
	d.log = must(verifierlog.New(c))
	config := d.issuer.Config(verifiertest.Audience)
	config.Recorder = d.log
	config.Observe = func(_ context.Context, e verifier.Event) { d.events = append(d.events, e) }
	d.verifier = must(verifier.New(config))
	return d
}

// send sends a request through the middleware to a route that needs the scope payments.
func (d *desk) send(r *http.Request) int {
	d.t.Helper()
	w := new(recorded)
	d.verifier.Middleware(verifier.Require("payments")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
	}))).ServeHTTP(w, r)
	return w.status
}

// recorded is an answer of which only the status is looked at.
type recorded struct {
	header http.Header
	status int
}

func (r *recorded) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}
func (r *recorded) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorded) WriteHeader(status int)      { r.status = status }

// written has the log write what waits, and reads the log as an auditor does. What is not about requests is left out.
func (d *desk) written() []audit.Match {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	cancel()
	if err := d.log.Run(ctx); err != nil {
		d.t.Fatal(err)
	}
	source, policy := d.publish()
	var all []audit.Match
	must(audit.Find(d.t.Context(), audit.FindConfig{Source: source, Policy: policy}, func(m audit.Match) error {
		switch m.Leaf.Type {
		case audit.LogOpened, audit.LogKey:
		default:
			all = append(all, m)
		}
		return nil
	}))
	return all
}

// publish writes the log's files, and holds them to an auditor's verification with the kept proofs.
func (d *desk) publish() (audit.Source, *audit.Policy) {
	d.t.Helper()
	signer := must(audit.LoadOrCreateKey(filepath.Join(d.dir, "key"), d.book.Origin()))
	p := must(audit.OpenPublisher(d.t.Context(), audit.PublisherConfig{Book: d.book, Dir: filepath.Join(d.dir, "log"), Signer: signer}))
	defer p.Close()
	if err := p.Publish(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	source := must(audit.OpenDir(filepath.Join(d.dir, "log")))
	d.t.Cleanup(func() { source.Close() })
	policy := must(audit.ParsePolicy([]byte("log " + signer.String() + "\nquorum none\n")))
	report := must(audit.Verify(d.t.Context(), audit.VerifyConfig{
		Source: source, Policy: policy, Openings: true, Proofs: audit.ProofRules{Check: checkProof},
	}))
	if !report.Clean() {
		d.t.Fatalf("the log is not in order: %v", report.Findings)
	}
	return source, policy
}

// checkProof verifies a kept proof as an auditor's tool does: but for method, address and time, which are taken as it says.
func checkProof(proof string) (thumbprint, htm, htu string, iat time.Time, err error) {
	var said struct {
		HTM, HTU, ATH string
		IAT           int64
	}
	payload := must(base64.RawURLEncoding.DecodeString(strings.Split(proof, ".")[1]))
	if err := json.Unmarshal(payload, &said); err != nil {
		return "", "", "", time.Time{}, err
	}
	at := time.Unix(said.IAT, 0)
	checker := must(dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Now: func() time.Time { return at }}))
	checked, err := checker.Check(dpop.Request{Method: said.HTM, URL: said.HTU, Proofs: []string{proof}})
	if err != nil {
		return "", "", "", time.Time{}, err
	}
	return checked.Thumbprint(), said.HTM, said.HTU, at, nil
}

// A line is what a test looks at of an entry.
type line struct {
	Type   audit.Type
	Out    audit.Outcome
	Reason string
	About  int // place in the list, -1 for none
	Count  int64
	Proof  bool
}

func linesOf(all []audit.Match) []line {
	var lines []line
	for _, m := range all {
		l := line{m.Leaf.Type, m.Leaf.Outcome, m.Leaf.Reason, -1, m.Leaf.Span.Count, m.Leaf.Evidence.Proof != ""}
		for i := range all {
			if m.Leaf.Evidence.About != nil && uint64(all[i].Index) == *m.Leaf.Evidence.About {
				l.About = i
			}
		}
		lines = append(lines, l)
	}
	return lines
}

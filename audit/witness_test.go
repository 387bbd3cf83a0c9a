package audit_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

// findingOf is the name of the finding that an error is, or "".
func findingOf(err error) string {
	if f, ok := errors.AsType[*audit.Finding](err); ok {
		return f.Name
	}
	return ""
}

// A log grows, and all witnesses cosign it, whatever each of them saw before.
func TestCosign(t *testing.T) {
	town := newTown(t, 3)
	client, log := town.client(3), town.log
	for i, n := range []int{1, 1, 0, 300, 5} {
		log.grow(n, "entry")
		if i == 3 { // one was away for a round
			town.witnesses[1].post(log.add(2))
		}
		c := town.cosign(client, log)
		if !c.Quorum.Met || len(c.Quorum.Satisfied) != 3 || len(c.Faults) != 0 {
			t.Fatalf("size %d: %+v %v", log.size, c.Quorum, c.Faults)
		}
		h, err := town.policy(3).Open(c.Note)
		if err != nil || !h.Quorum.Met || h.Checkpoint != log.head() || h.Checkpoint != c.Checkpoint {
			t.Fatalf("size %d: %v %+v", log.size, err, h)
		}
	}
}

// Another implementation of policies is content with what was collected.
func TestCosignSatisfiesTorchwood(t *testing.T) {
	town := newTown(t, 3)
	c := town.cosign(town.client(2), town.log.grow(9, "entry"))
	var text strings.Builder
	var names strings.Builder
	for _, w := range town.witnesses {
		text.WriteString(fmt.Sprintf("witness %s %s\n", w.name, w.config.Cosigner.Verifier()))
		names.WriteString(" " + w.name)
	}
	policy, err := torchwood.ParsePolicy([]byte("log " + town.log.key.String() + "\n" + text.String() + "group g all" + names.String() + "\nquorum g\n"))
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := torchwood.VerifyCheckpoint(c.Note, policy)
	if err != nil || head.N != 9 {
		t.Errorf("%v %v", head, err)
	}
}

// After the first round a witness is told the right old size at once. Old cosignatures are not sent along.
func TestCosignLearnsSizes(t *testing.T) {
	town := newTown(t, 2)
	log := town.log.grow(3, "entry")
	town.cosign(town.client(2), log)
	client := town.client(2) // which knows nothing
	var asked []int
	for range 3 {
		town.cosign(client, log.grow(2, "entry"))
		asked = append(asked, len(town.witnesses[0].asked))
	}
	if want := []int{3, 4, 5}; !slices.Equal(asked, want) {
		t.Errorf("requests after each round: %v, want %v", asked, want)
	}
}

// What the other two say counts, whatever the third one does: 2 of 3.
func TestCosignWithABadWitness(t *testing.T) {
	reply := func(status int, kind, body string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
		}
	}
	for _, tt := range []struct {
		name, finding string
		bad           func(town *town) http.Handler
	}{
		{"away", "", func(*town) http.Handler { return nil }},
		{"slow", "", func(*town) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}},
		{"forges its cosignature", "", func(town *town) http.Handler {
			return alter(town.witnesses[2], func(line string) string { return line[:len(line)-20] + "AAAAAAAA" + line[len(line)-12:] })
		}},
		{"cosigns another checkpoint", "", func(town *town) http.Handler {
			other := newTown(town.t, 0)
			other.log.grow(5, "another")
			line := other.log.sign(other.log.head().Format(), town.witnesses[2].config.Cosigner)
			return reply(200, "text/plain", strings.SplitAfterN(string(line), "\n\n", 2)[1])
		}},
		{"passes on what another one signs", "", func(town *town) http.Handler { return town.witnesses[0].server.Handler() }},
		{"adds a line to what is signed", "", func(town *town) http.Handler {
			text := town.log.head().Format() + "\n" + "more\n"
			more := town.log.sign(text, anything{town.witnesses[2].config.Cosigner})
			return reply(200, "text/plain", strings.TrimPrefix(string(more), town.log.head().Format()+"\n"))
		}},
		{"signs without a time", "", func(town *town) http.Handler {
			return reply(200, "text/plain", "— witness.example/3 AAAA\n")
		}},
		{"says nothing", "", func(*town) http.Handler { return reply(200, "text/plain", "") }},
		{"says too much", "", func(town *town) http.Handler {
			return alter(town.witnesses[2], func(line string) string { return strings.Repeat(line, 1000) })
		}},
		{"knows no such log", "", func(*town) http.Handler { return reply(404, "text/plain", "") }},
		{"knows another key", "", func(*town) http.Handler { return reply(403, "text/plain", "") }},
		{"is broken", "", func(*town) http.Handler { return reply(500, "text/plain", "") }},
		{"sends elsewhere", "", func(town *town) http.Handler {
			town.hosts["elsewhere.example"] = town.witnesses[2]
			return http.RedirectHandler("https://elsewhere.example/add-checkpoint", http.StatusPermanentRedirect)
		}},
		{"never agrees on the old size", "", func(*town) http.Handler { return reply(409, "text/x.tlog.size", "1\n") }},
		{"refuses the old size without saying which is right", "", func(*town) http.Handler { return reply(409, "text/plain", "9\n") }},
		{"says nonsense about the old size", "", func(*town) http.Handler { return reply(409, "text/x.tlog.size", "09\n") }},
		{"is ahead", audit.LocalBehindWitness, func(*town) http.Handler { return reply(409, "text/x.tlog.size", "6\n") }},
		{"saw another log of this size", audit.SplitView, func(*town) http.Handler { return reply(409, "text/x.tlog.size", "5\n") }},
		{"saw another log before", audit.Fork, func(town *town) http.Handler {
			town.witnesses[2].post(town.log.fork(1).grow(2, "another").add(0))
			return town.witnesses[2].server.Handler()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				town := newTown(t, 3)
				log := town.log.grow(5, "entry")
				if h := tt.bad(town); h != nil {
					town.hosts["w3.example"] = h
				} else {
					delete(town.hosts, "w3.example")
				}
				start := time.Now()
				c := town.cosign(town.client(2), log)
				if !c.Quorum.Met || !slices.Equal(c.Quorum.Satisfied, []string{"w1", "w2"}) {
					t.Errorf("%+v", c.Quorum)
				}
				if len(c.Faults) != 1 || c.Faults[0].Witness != "w3" || findingOf(c.Faults[0].Err) != tt.finding {
					t.Errorf("%v", c.Faults)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
				if h, err := town.policy(2).Open(c.Note); err != nil || !h.Quorum.Met || len(h.Forged) != 0 {
					t.Errorf("%+v %v", h, err)
				}
				if c := town.cosign(town.client(3), log); c.Quorum.Met {
					t.Error("three of three without the third")
				}
			})
		})
	}
}

// anything signs what is no checkpoint.
type anything struct{ *audit.Cosigner }

func (anything) Sign([]byte) ([]byte, error) { return make([]byte, 72), nil }

// alter changes the signature line that a witness sends.
func alter(h http.Handler, change func(string) string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if rec.Code == http.StatusOK {
			body = change(body)
		}
		rw.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		rw.WriteHeader(rec.Code)
		_, _ = rw.Write([]byte(body))
	})
}

// All witnesses are asked at the same time.
func TestCosignAsksAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		town := newTown(t, 3)
		for _, w := range town.witnesses {
			town.hosts[w.name+".example"] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				<-time.After(time.Second)
				w.ServeHTTP(rw, r)
			})
		}
		start := time.Now()
		if c := town.cosign(town.client(3), town.log.grow(1, "entry")); !c.Quorum.Met || time.Since(start) != time.Second {
			t.Errorf("%+v after %s", c, time.Since(start))
		}
	})
}

// Only what was signed in this round comes back, whatever signatures the checkpoint had already.
func TestCosignBeginsWithTheLogsSignature(t *testing.T) {
	town := newTown(t, 2)
	client, log := town.client(2), town.log.grow(3, "entry")
	before := log.sign(log.head().Format(), log.key, town.witnesses[0].config.Cosigner, anything{town.witnesses[1].config.Cosigner})
	town.hosts["w1.example"] = http.NotFoundHandler()
	c, err := client.Cosign(t.Context(), before, log.prove)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(c.Note), "\n— "); n != 2 || !slices.Equal(c.Quorum.Satisfied, []string{"w2"}) {
		t.Errorf("%d signatures, %+v: %s", n, c.Quorum, c.Note)
	}
}

// A checkpoint that the policy's log did not sign is shown to nobody.
func TestCosignOnlyTheLogs(t *testing.T) {
	town := newTown(t, 1)
	client, other := town.client(1), newHistory(t).grow(3, "entry")
	if _, err := client.Cosign(t.Context(), other.signed(), other.prove); findingOf(err) != audit.UntrustedKey {
		t.Error(err)
	}
	if len(town.witnesses[0].asked) != 0 {
		t.Error("a witness was asked")
	}
}

func TestNewWitnessesRefuses(t *testing.T) {
	town := newTown(t, 2)
	vkey := func(i int) string { return town.witnesses[i].config.Cosigner.Verifier().String() }
	policy := func(urls ...string) *audit.Policy {
		var text strings.Builder
		text.WriteString("log " + town.log.key.String() + "\n")
		for i, u := range urls {
			text.WriteString(fmt.Sprintf("witness w%d %s %s\n", i, vkey(i), u))
		}
		return mustPolicy(t, text.String()+"group g any w0 w1\nquorum g\n")
	}
	for name, c := range map[string]audit.WitnessesConfig{
		"no policy":                     {},
		"http to another machine":       {Policy: policy("https://a.example", "http://b.example")},
		"http to what only looks local": {Policy: policy("https://a.example", "http://127.0.0.1.example")},
		"a password in the URL":         {Policy: policy("https://a.example", "https://u:p@b.example")},
		"a query in the URL":            {Policy: policy("https://a.example", "https://b.example?x=1")},
		"no URLs":                       {Policy: policy("", "")},
		"negative time":                 {Policy: policy("https://a.example", ""), Timeout: -1},
	} {
		if _, err := audit.NewWitnesses(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, ok := range [][]string{{"https://a.example", ""}, {"http://127.0.0.1:1", "http://localhost:2/x/"}, {"http://[::1]:1/", ""}} {
		if _, err := audit.NewWitnesses(audit.WitnessesConfig{Policy: policy(ok...)}); err != nil {
			t.Errorf("%v: %v", ok, err)
		}
	}
	twice := fmt.Sprintf("log %s\nwitness a %s https://a.example\nwitness b %s https://b.example\ngroup g all a b\nquorum g\n", town.log.key, vkey(0), vkey(0))
	if _, err := audit.ParsePolicy([]byte(twice)); err == nil {
		t.Error("one witness's key under two names: accepted")
	}
}

// Over a real connection.
func TestCosignOverHTTP(t *testing.T) {
	town := newTown(t, 1)
	mux := http.NewServeMux()
	mux.Handle("/w/", http.StripPrefix("/w", town.witnesses[0].server.Handler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	policy := mustPolicy(t, fmt.Sprintf("log %s\nwitness w %s %s/w/\nquorum w\n", town.log.key, town.witnesses[0].config.Cosigner.Verifier(), server.URL))
	client, err := audit.NewWitnesses(audit.WitnessesConfig{Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c := town.cosign(client, town.log.grow(2, "entry"))
		if diff := cmp.Diff(audit.Quorum{Met: true, Satisfied: []string{"w"}, Needed: 1, Known: 1}, c.Quorum); diff != "" {
			t.Error(diff, c.Faults)
		}
		n, err := note.Open(c.Note, policy)
		if err != nil {
			t.Fatal(err)
		}
		at, err := audit.CosignatureTime(n.Sigs[1])
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("cosigned at %s: %v", at, err)
		}
	}
}

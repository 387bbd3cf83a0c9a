package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

// entries reads all leaves in the store of one type.
func (d *desk) ofType(t testing.TB, what audit.Type) []audit.Leaf {
	t.Helper()
	var found []audit.Leaf
	for _, r := range d.leaves(t) {
		leaf, err := audit.ParseLeaf(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if leaf.Type == what {
			found = append(found, leaf)
		}
	}
	return found
}

func summaries(t testing.TB, d *desk, c audit.SummariesConfig) *audit.Summaries {
	t.Helper()
	c.Book = d.book
	s, err := audit.NewSummaries(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// However many knock, the log grows by a few entries, and the counts add up.
func TestRefusalsAreFolded(t *testing.T) {
	d := newDesk(t)
	s := summaries(t, d, audit.SummariesConfig{Threshold: 3})
	const callers, each = 8, 2500
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := range each {
				e := issued(digestOf(string(rune('a' + i%26))))
				e.Type, e.Reason = audit.TokenRefused, []string{"signature", "htu"}[i%2]
				if err := s.Refusal(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	before := len(d.leaves(t))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if grown := len(d.leaves(t)) - before; grown != 2 {
		t.Errorf("%d summaries, want one a reason", grown)
	}
	alone, folded := len(d.ofType(t, audit.TokenRefused)), int64(0)
	for _, leaf := range d.ofType(t, audit.RefusalSummary) {
		folded += leaf.Span.Count
		if leaf.Outcome != audit.Refused || leaf.Reason != "signature" && leaf.Reason != "htu" || leaf.Span.From > leaf.Span.To {
			t.Errorf("%+v", leaf)
		}
	}
	if alone != 6 || folded != callers*each-6 {
		t.Errorf("%d entries and %d folded, of %d", alone, folded, callers*each)
	}
	if err := s.Flush(t.Context()); err != nil || len(d.leaves(t)) != before+2 {
		t.Errorf("a flush of nothing wrote something, %v", err)
	}
	e := audit.Entry{Type: audit.TokenRefused, Reason: "htu"}
	if err := s.Refusal(t.Context(), e); err != nil || len(d.ofType(t, audit.TokenRefused)) != 7 {
		t.Errorf("the next window gives no entry of its own, %v", err)
	}
	if err := s.Flush(t.Context()); err != nil || len(d.ofType(t, audit.RefusalSummary)) != 2 {
		t.Errorf("a summary of nothing was written, %v", err)
	}
}

// A stranger who could invent reasons still fills nothing.
func TestReasonsAreBounded(t *testing.T) {
	d := newDesk(t)
	s := summaries(t, d, audit.SummariesConfig{Threshold: -1})
	const n = 3000
	for i := range n {
		if err := s.Refusal(t.Context(), audit.Entry{Type: audit.TokenRefused, Reason: fmt.Sprint("r", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := d.ofType(t, audit.RefusalSummary)
	total := int64(0)
	for _, leaf := range all {
		total += leaf.Span.Count
	}
	if len(all) > 300 || total != n || len(d.ofType(t, audit.TokenRefused)) != 0 {
		t.Errorf("%d summaries count %d of %d", len(all), total, n)
	}
}

func TestUsesAreFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		defer d.close()
		s := summaries(t, d, audit.SummariesConfig{Most: 2})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		use := func(token string) {
			e := audit.Entry{Client: token, About: new(uint64(7))}
			e.Confirmation.JKT, e.Token.Claims = digestOf("k"), digestOf(token)
			if err := s.Use(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		for range 5 {
			use("a")
			use("b")
			time.Sleep(time.Second)
		}
		if n := len(d.ofType(t, audit.UseSummary)); n != 0 {
			t.Errorf("%d summaries within the window", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		all := d.ofType(t, audit.UseSummary)
		if len(all) != 2 {
			t.Fatalf("%d summaries of two tokens", len(all))
		}
		for _, leaf := range all {
			want := audit.LeafSpan{Count: 5, From: start.UnixMilli(), To: start.Add(4 * time.Second).UnixMilli()}
			if leaf.Span != want || leaf.Token.Claims != digestOf(leaf.Token.Client) || leaf.Binding.Key == "" || *leaf.Evidence.About != 7 {
				t.Errorf("%+v", leaf)
			}
		}
		use("a")
		use("b")
		use("c") // makes room first
		if n := len(d.ofType(t, audit.UseSummary)); n != 4 {
			t.Errorf("%d summaries after a third token", n)
		}
		cancel()
		if err := <-ended; err != nil || len(d.ofType(t, audit.UseSummary)) != 5 {
			t.Errorf("at the end %v and %d summaries", err, len(d.ofType(t, audit.UseSummary)))
		}
	})
}

// What could not be written is not forgotten.
func TestFlushFails(t *testing.T) {
	var broken *brokenStore
	d := openDesk(t, t.TempDir(), func(b *audit.BookConfig, _ *audit.PublisherConfig) {
		broken = &brokenStore{Store: b.Store}
		b.Store = broken
	})
	s := summaries(t, d, audit.SummariesConfig{Threshold: -1, Most: 1})
	use := func(token string) error {
		return s.Use(t.Context(), audit.Entry{Token: audit.TokenFacts{Claims: digestOf(token)}})
	}
	refuse := func() error { return s.Refusal(t.Context(), audit.Entry{Reason: "htu"}) }
	if err := errors.Join(use("a"), use("a"), refuse()); err != nil {
		t.Fatal(err)
	}
	broken.broken = true
	if err := s.Flush(t.Context()); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if err := use("b"); !errors.Is(err, errBroken) {
		t.Errorf("room was made without writing: %v", err)
	}
	if err := errors.Join(use("a"), refuse()); err != nil {
		t.Error(err)
	}
	broken.broken = false
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	uses, refusals := d.ofType(t, audit.UseSummary), d.ofType(t, audit.RefusalSummary)
	if len(uses) != 1 || uses[0].Span.Count != 3 || len(refusals) != 1 || refusals[0].Span.Count != 2 {
		t.Errorf("%+v %+v", uses, refusals)
	}
	if err := s.Use(t.Context(), audit.Entry{}); err == nil {
		t.Error("a use of no token was counted")
	}
	for _, c := range []audit.SummariesConfig{{}, {Book: d.book, Window: -1}, {Book: d.book, Most: -1}} {
		if _, err := audit.NewSummaries(c); err == nil {
			t.Errorf("%+v: taken", c)
		}
	}
}

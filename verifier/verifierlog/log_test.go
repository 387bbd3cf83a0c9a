package verifierlog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier"
	"github.com/tenon-auth/tenon/verifier/verifierlog"
	"github.com/tenon-auth/tenon/verifier/verifiertest"
)

func TestWhatBecomesOfATokenIsWritten(t *testing.T) {
	d := newDesk(t, verifierlog.Config{})
	owner, thief := verifiertest.NewKey(t), verifiertest.NewKey(t)
	entry := func(c *tenon.Claims) { c.Log = &tenon.LogReference{Origin: "as.example.com/log", Index: 77} }
	token := d.issuer.Token(verifiertest.BoundTo(owner), verifiertest.Scope("payments"), entry)
	good := d.issuer.Request(owner, "POST", payments+"?iban=DE02", token)
	bearer := d.issuer.Request(owner, "POST", payments, token)
	bearer.Header.Set("Authorization", "Bearer "+token)
	stolen := d.issuer.Request(thief, "POST", payments, token)
	foreign := verifiertest.NewIssuer(t).Token(verifiertest.BoundTo(owner))
	for i, step := range []struct {
		request *http.Request
		status  int
	}{
		{good, 201},
		{d.issuer.Request(owner, "POST", payments, token), 201},
		{d.issuer.Request(owner, "POST", payments, token), 201},
		{good, 401},
		{stolen, 401},
		{bearer, 401},
		{d.issuer.Request(owner, "POST", payments, foreign), 401},
		{d.issuer.Request(owner, "POST", payments, d.issuer.Token(verifiertest.BoundTo(owner))), 403},
	} {
		if got := d.send(step.request); got != step.status {
			t.Fatalf("step %d: %d", i, got)
		}
	}
	all := d.written()
	want := []line{
		{audit.TokenUsed, audit.OK, "", -1, 0, true},
		{audit.ProofReplayed, audit.Refused, "replay", 0, 0, true},
		{audit.KeyMismatch, audit.Refused, "jkt", 0, 0, false}, // the foreign proof is in the detail record
		{audit.TokenUseRefused, audit.Refused, "downgrade", 0, 0, false},
		{audit.TokenUseRefused, audit.Refused, "issuer", -1, 0, false}, // not a token of the issuer's
		{audit.TokenUsed, audit.OK, "", -1, 0, true},                   // let through, and then without the scope
		{audit.TokenUseRefused, audit.Refused, "scope", 5, 0, false},
		{audit.UseSummary, audit.OK, "", 0, 2, false},
	}
	if diff := cmp.Diff(want, linesOf(all)); diff != "" {
		t.Fatal(diff)
	}

	first, mismatch, unknown := all[0], all[2], all[4]
	if first.Opening.Proof != good.Header.Get("DPoP") {
		t.Error("the accepted proof is not kept")
	}
	if !bytes.Contains(mismatch.Opening.Detail, []byte(stolen.Header.Get("DPoP"))) || mismatch.Leaf.Binding != first.Leaf.Binding {
		t.Error("the entry about the thief is not about the owner's key, or does not keep the thief's proof")
	}
	if unknown.Leaf.Token != (audit.LeafToken{}) || unknown.Leaf.Binding != (audit.LeafBinding{}) {
		t.Errorf("a token that was not verified is believed: %+v", unknown.Leaf)
	}
	payload := must(base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1]))
	if want := must(audit.ClaimsDigest(payload)); first.Leaf.Token.Claims != want || all[7].Leaf.Token.Claims != want {
		t.Errorf("the entry has the digest %s, the issuer's has %s", first.Leaf.Token.Claims, want)
	}
	for _, m := range all {
		for _, secret := range []string{token, good.Header.Get("DPoP"), "DE02", owner.Thumbprint()} {
			if bytes.Contains(m.Entry, []byte(secret)) {
				t.Errorf("entry %d says %s", m.Index, secret)
			}
		}
		if m.Opening != nil && bytes.Contains(m.Opening.Detail, []byte("DE02")) {
			t.Errorf("the detail of entry %d has the query", m.Index)
		}
	}
}

// The detail record of a first use is a line of the list that an auditor holds against the issuer's log.
func TestFirstUseCanBeReconciled(t *testing.T) {
	d := newDesk(t, verifierlog.Config{})
	owner, card := verifiertest.NewKey(t), verifiertest.NewCertificate(t)
	var ids []string
	entry := func(i uint64) func(*tenon.Claims) {
		return func(c *tenon.Claims) {
			c.Log = &tenon.LogReference{Origin: "as.example.com/log", Index: i}
			ids = append(ids, c.ID)
		}
	}
	d.send(d.issuer.Request(owner, "POST", payments, d.issuer.Token(verifiertest.BoundTo(owner), verifiertest.Scope("payments"), entry(5))))
	d.send(d.issuer.CertificateRequest(card, "POST", payments, d.issuer.Token(verifiertest.BoundToCertificate(card), verifiertest.Scope("payments"), entry(6))))
	var list bytes.Buffer
	for _, m := range d.written() {
		fmt.Fprintf(&list, "%s\n", m.Opening.Detail)
	}
	got := must(audit.ReadUses(&list))
	want := []audit.Use{
		{Line: 1, At: got[0].At, Origin: "as.example.com/log", Index: 5, TokenID: ids[0], Thumbprint: owner.Thumbprint()},
		{Line: 2, At: got[1].At, Origin: "as.example.com/log", Index: 6, TokenID: ids[1], Thumbprint: d.events[1].Thumbprint},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if since := time.Since(got[0].At); since < 0 || since > time.Hour {
		t.Errorf("the use was %v ago", since)
	}
}

// What says nothing about a token is not written: no token, half a request, and what could not be judged.
func TestWhatIsNotWritten(t *testing.T) {
	d := newDesk(t, verifierlog.Config{})
	bare := must(http.NewRequest("POST", payments, nil))
	bare.RequestURI = "/payments"
	if got := d.send(bare); got != 401 {
		t.Fatal(got)
	}
	for _, err := range []error{
		tenon.Refuse(tenon.UseDPoPNonce, "nonce", ""), tenon.Refuse(tenon.Unavailable, "unavailable", ""),
	} {
		config := d.issuer.Config(verifiertest.Audience)
		config.Recorder, config.Revocation = d.log, failing{err}
		v := must(verifier.New(config))
		key := verifiertest.NewKey(t)
		r := must(v.NewRequest(d.issuer.Request(key, "POST", payments, d.issuer.Token(verifiertest.BoundTo(key)))))
		if _, got := v.Verify(t.Context(), r); !errors.Is(got, err) {
			t.Fatal(got)
		}
	}
	if all := d.written(); len(all) > 0 {
		t.Errorf("written: %+v", linesOf(all))
	}
}

// failing is a revocation that ends in an error.
type failing struct{ err error }

func (f failing) Revoked(context.Context, string, *tenon.Claims) (bool, error) { return false, f.err }

func TestOtherCertificateIsAMismatch(t *testing.T) {
	d := newDesk(t, verifierlog.Config{})
	owner, thief := verifiertest.NewCertificate(t), verifiertest.NewCertificate(t)
	token := d.issuer.Token(verifiertest.BoundToCertificate(owner), verifiertest.Scope("payments"))
	none := d.issuer.CertificateRequest(owner, "POST", payments, token)
	none.TLS.PeerCertificates = nil
	d.send(d.issuer.CertificateRequest(thief, "POST", payments, token))
	d.send(none)
	want := []line{
		{audit.KeyMismatch, audit.Refused, "certificate", -1, 0, false},
		{audit.TokenUseRefused, audit.Refused, "certificate", -1, 0, false},
	}
	if diff := cmp.Diff(want, linesOf(d.written())); diff != "" {
		t.Error(diff)
	}
}

// A flood of refusals makes a few entries and one summary, and the numbers add up.
func TestFloodIsFolded(t *testing.T) {
	d := newDesk(t, verifierlog.Config{Refusals: 3})
	owner := verifiertest.NewKey(t)
	token := d.issuer.Token(verifiertest.BoundTo(owner))
	for range 50 {
		r := d.issuer.Request(owner, "POST", payments, token)
		r.Header.Set("Authorization", "Bearer "+token)
		d.send(r)
	}
	refused := line{audit.TokenUseRefused, audit.Refused, "downgrade", -1, 0, false}
	want := []line{refused, refused, refused, {audit.RefusalSummary, audit.Refused, "downgrade", -1, 47, false}}
	if diff := cmp.Diff(want, linesOf(d.written())); diff != "" {
		t.Error(diff)
	}
}

// When the queue is full nobody waits: what has no room is counted, told, and written as a number.
func TestFullQueueIsCounted(t *testing.T) {
	d := newDesk(t, verifierlog.Config{Queue: 1})
	owner, thief := verifiertest.NewKey(t), verifiertest.NewKey(t)
	token := d.issuer.Token(verifiertest.BoundTo(owner), verifiertest.Scope("payments"))
	for range 4 {
		if got := d.send(d.issuer.Request(owner, "POST", payments, token)); got != 201 {
			t.Fatalf("a request that cannot be written down is answered %d", got)
		}
	}
	for range 2 {
		d.send(d.issuer.Request(thief, "POST", payments, token))
	}
	if got, want := d.log.Stats(), (verifierlog.Stats{Waiting: 1, Missed: 5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	want := []line{
		{audit.TokenUsed, audit.OK, "", -1, 0, true},
		{audit.UseSummary, audit.OK, "queue_full", -1, 3, false},
		{audit.RefusalSummary, audit.Refused, "queue_full", -1, 2, false},
	}
	if diff := cmp.Diff(want, linesOf(d.written())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, linesOf(d.written())); diff != "" {
		t.Errorf("written once more: %s", diff)
	}
}

// A token that was forgotten has another first use: none goes by unseen.
func TestForgottenTokenIsUsedAgain(t *testing.T) {
	d := newDesk(t, verifierlog.Config{Tokens: 2})
	owner := verifiertest.NewKey(t)
	var tokens []string
	for range 3 {
		tokens = append(tokens, d.issuer.Token(verifiertest.BoundTo(owner), verifiertest.Scope("payments")))
	}
	for _, i := range []int{0, 1, 2, 0} {
		d.send(d.issuer.Request(owner, "POST", payments, tokens[i]))
		d.written() // so that each is a batch of its own
	}
	if all := d.written(); len(all) != 4 || all[3].Leaf.Type != audit.TokenUsed || all[3].Leaf.Token.Claims != all[0].Leaf.Token.Claims {
		t.Errorf("%+v", linesOf(all))
	}
}

// A log that cannot be written ends Run with the error, and every verdict is counted from the failed one on.
func TestBrokenLogSaysSo(t *testing.T) {
	broken := errors.New("no disk")
	s := &brokenStore{Store: must(bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "log.db")}))}
	defer s.Store.(*bolt.Store).Close()
	book := must(audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: "api.example.com/log"}))
	log := must(verifierlog.New(verifierlog.Config{Book: book, Queue: 3}))
	for i := range 3 {
		token := &verifier.Presented{Digest: [32]byte{byte(i)}, Payload: []byte(`{}`), Claims: tenon.Claims{ID: fmt.Sprint(i), Expires: time.Now()}}
		log.Record(verifier.Verdict{At: time.Now(), Method: "GET", Path: "/", Token: token})
	}
	s.err = broken
	if err := log.Run(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("Run ended with %v", err)
	}
	if got := log.Stats(); got.Missed != 3 {
		t.Errorf("%+v", got)
	}
	s.err = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
	records := must(s.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 10))
	last := must(audit.ParseLeaf(records[len(records)-1].Body))
	if last.Type != audit.UseSummary || last.Reason != "queue_full" || last.Span.Count != 3 {
		t.Errorf("the last entry is %+v", last)
	}
}

// A token made with a stolen signing key may say anything: it must not stop the log that is to convict it.
func TestStrangeTokenIsWrittenAllTheSame(t *testing.T) {
	d := newDesk(t, verifierlog.Config{})
	long := strings.Repeat("x", 20_000)
	d.log.Record(verifier.Verdict{At: time.Now(), Method: long, Path: long, Token: &verifier.Presented{
		Payload: []byte(`{"tlog":{},"status":{}}`), KeyID: long,
		Claims: tenon.Claims{
			ID: long, ClientID: "a\x00\xffb", Subject: long, Audience: []string{long, long}, Scope: tenon.Scope{long},
			Expires: time.Unix(1<<60, 0), Log: &tenon.LogReference{Origin: long, Index: 1 << 63},
		},
	}})
	all := d.written()
	if len(all) != 1 || all[0].Leaf.Type != audit.TokenUsed || all[0].Leaf.Token.Expires != 0 || all[0].Leaf.Token.Claims == "" {
		t.Errorf("%+v", all)
	}
}

// Counts are written once a window, also when nothing else happens.
func TestRunWritesCountsOnceAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		twin := &memoryStore{}
		book := must(audit.OpenBook(t.Context(), audit.BookConfig{Store: twin, Origin: "api.example.com/log"}))
		log := must(verifierlog.New(verifierlog.Config{Book: book}))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- log.Run(ctx) }()
		token := &verifier.Presented{Payload: []byte(`{}`), Claims: tenon.Claims{ID: "1", Expires: time.Now()}}
		for range 5 {
			log.Record(verifier.Verdict{At: time.Now(), Token: token})
		}
		synctest.Wait()
		if n := twin.size(); n != 2 { // log.opened, token.used
			t.Errorf("%d entries before the window ends", n)
		}
		time.Sleep(61 * time.Second) // of the bubble's own clock
		synctest.Wait()
		if n := twin.size(); n != 3 {
			t.Errorf("%d entries after the window", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]verifierlog.Config{
		"no book":           {},
		"a negative queue":  {Book: new(audit.Book), Queue: -1},
		"a negative window": {Book: new(audit.Book), Window: -1},
	} {
		if _, err := verifierlog.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Recording costs the caller next to nothing, whether or not there is room.
func BenchmarkRecord(b *testing.B) {
	s := must(bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "log.db")}))
	defer s.Close()
	book := must(audit.OpenBook(b.Context(), audit.BookConfig{Store: s, Origin: "api.example.com/log"}))
	log := must(verifierlog.New(verifierlog.Config{Book: book}))
	token := &verifier.Presented{Payload: []byte(`{}`), Claims: tenon.Claims{ID: "1", Expires: time.Now()}}
	v := verifier.Verdict{At: time.Now(), Method: "GET", Path: "/", Token: token}
	b.ReportAllocs()
	for b.Loop() {
		log.Record(v)
	}
}

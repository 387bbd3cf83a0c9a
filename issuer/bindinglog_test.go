package issuer_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// An entry is what these tests look at of a leaf.
type entry struct {
	Type   audit.Type
	Out    audit.Outcome
	Reason string
	Client string
	Count  int64
}

// entries gives those of the types, or all, from the given index on.
func (v *server) entries(from uint64, types ...audit.Type) []entry {
	v.t.Helper()
	var all []entry
	records, err := v.store.Scan(v.t.Context(), store.Key{Kind: store.Leaves}, "", 10_000)
	must(v.t, err)
	for _, r := range records {
		index, err := store.ParseLeafID(r.Key.ID)
		must(v.t, err)
		leaf, err := audit.ParseLeaf(r.Body)
		must(v.t, err)
		if index < from {
			continue
		}
		for _, wanted := range types {
			if leaf.Type == wanted {
				all = append(all, entry{leaf.Type, leaf.Outcome, leaf.Reason, leaf.Token.Client, leaf.Span.Count})
			}
		}
	}
	return all
}

// refusals are the types of what is refused.
var refusals = []audit.Type{audit.TokenRefused, audit.ProofReplayed, audit.RefusalSummary}

// withRefusals is a server that logs so many refusals of a reason before it folds them.
func withRefusals(t *testing.T, s setup, threshold int) (*server, *audit.Summaries) {
	t.Helper()
	var folded *audit.Summaries
	edit := s.edit
	s.edit = func(c *issuer.Config) {
		var err error
		folded, err = audit.NewSummaries(audit.SummariesConfig{Book: c.Log.Book.(*audit.Book), Threshold: threshold})
		must(t, err)
		c.Log.Refusals = folded
		if edit != nil {
			edit(c)
		}
	}
	return newServer(t, s), folded
}

func TestRefusalsAreLogged(t *testing.T) {
	v, _ := withRefusals(t, setup{}, 10)
	p := v.register("c", nil)
	p.refused(message{form: url.Values{"scope": {"everything"}}}, 400, tenon.InvalidScope, "scope")
	p.refused(message{assertion: part{Key: "other"}}, 401, tenon.InvalidClient, "signature")
	proof := p.proof(v.url+"/token", message{})
	p.accepted(message{proof: part{Raw: proof}})
	p.refused(message{proof: part{Raw: proof}}, 400, tenon.InvalidDPoPProof, "replay")
	want := []entry{
		{audit.TokenRefused, audit.Refused, "scope", "c", 0},
		{audit.TokenRefused, audit.Refused, "signature", "", 0}, // a stranger who says that he is c
		{audit.ProofReplayed, audit.Refused, "replay", "c", 0},
	}
	if diff := cmp.Diff(want, v.entries(0, refusals...)); diff != "" {
		t.Error(diff)
	}
}

// A challenge for a nonce is the first half of a request, and a server that cannot answer has refused nobody.
func TestWhatIsNoRefusalIsNotLogged(t *testing.T) {
	asking, _ := withRefusals(t, withNonces(0), 10)
	asking.register("c", nil).refused(message{}, 400, tenon.UseDPoPNonce, "nonce")
	hooks := &hookedStore{}
	failing, _ := withRefusals(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }}, 10)
	p := failing.register("c", nil)
	hooks.get = func(store.Key) error { return errors.New("no disk") }
	p.refused(message{}, 503, tenon.Unavailable, "unavailable")
	for _, v := range []*server{asking, failing} {
		if all := v.entries(0, refusals...); len(all) > 0 {
			t.Errorf("logged: %v", all)
		}
	}
}

// Nobody can make the log grow by knocking: beyond the threshold there is one entry, and the numbers add up.
func TestRefusalsAreFolded(t *testing.T) {
	v, folded := withRefusals(t, setup{}, 2)
	p := v.register("c", nil)
	for range 9 {
		p.refused(message{assertion: part{Key: "other"}}, 401, tenon.InvalidClient, "signature")
	}
	must(t, folded.Flush(t.Context()))
	alone := entry{audit.TokenRefused, audit.Refused, "signature", "", 0}
	want := []entry{alone, alone, {audit.RefusalSummary, audit.Refused, "signature", "", 7}}
	if diff := cmp.Diff(want, v.entries(0, refusals...)); diff != "" {
		t.Error(diff)
	}
}

// A request stays refused when that cannot be recorded, and the operator is told of both.
func TestRefusalThatCannotBeRecorded(t *testing.T) {
	hooks := &hookedStore{}
	noDisk := errors.New("no disk")
	v, _ := withRefusals(t, setup{edit: func(c *issuer.Config) {
		hooks.Store = c.Store
		book := newBook(t, hooks, c.Now)
		var err error
		c.Log.Refusals, err = audit.NewSummaries(audit.SummariesConfig{Book: book})
		must(t, err)
	}}, 10)
	p := v.register("c", nil)
	hooks.commit = func(*store.Change) error { return noDisk }
	got := p.refused(message{form: url.Values{"scope": {"everything"}}}, 400, tenon.InvalidScope, "scope")
	if !errors.Is(got.event.Err, noDisk) || strings.Contains(got.raw, "disk") {
		t.Errorf("the event has %v, the caller got %s", got.event.Err, got.raw)
	}
}

// brokenBook cannot be written.
type brokenBook struct {
	issuer.Recorder
	err error
}

func (b *brokenBook) Add(ctx context.Context, ch *store.Change, e audit.Entry) error {
	if b.err != nil {
		return b.err
	}
	return b.Recorder.Add(ctx, ch, e)
}

// No record, no deed: and the request that could not be recorded has cost the client nothing.
func TestNoTokenWithoutARecord(t *testing.T) {
	book := &brokenBook{}
	v := newServer(t, setup{edit: func(c *issuer.Config) { book.Recorder, c.Log.Book = c.Log.Book, book }})
	p := v.register("c", nil)
	book.err = errors.New("no clock")
	before := v.entries(0, audit.TokenIssued)
	again := message{assertion: part{Raw: p.assertion(part{})}, proof: part{Raw: p.proof(v.url+"/token", message{})}}
	got := p.refused(again, 503, tenon.Unavailable, "unavailable")
	if !errors.Is(got.event.Err, book.err) || strings.Contains(got.raw, "clock") || got.event.KeyID != "" {
		t.Errorf("event %+v, answer %s", got.event, got.raw)
	}
	if after := v.entries(0, audit.TokenIssued); len(after) != len(before) {
		t.Errorf("logged: %v", after)
	}
	book.err = nil
	p.accepted(again)
}

func TestNoRegistrationWithoutARecord(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	token := p.accepted(message{})
	v.admin.Log = &brokenBook{v.book, errors.New("no clock")}
	for name, act := range map[string]func() error{
		"add":    func() error { c := p.record; c.ID = "d"; _, err := v.admin.AddClient(t.Context(), c); return err },
		"update": func() error { _, err := v.admin.UpdateClient(t.Context(), p.record); return err },
		"remove": func() error { return v.admin.RemoveClient(t.Context(), "c") },
		"revoke": func() error {
			_, err := v.admin.Revoke(t.Context(), issuer.Revocation{TokenID: token.claims.ID})
			return err
		},
	} {
		if err := act(); err == nil {
			t.Errorf("%s: done without a record", name)
		}
	}
	if all := v.entries(0, audit.ClientChanged); len(all) != 1 {
		t.Errorf("%v", all)
	}
	if list := v.statusList(0); list.bytes[token.claims.Status.Index/8] != 0 {
		t.Error("revoked without a record")
	}
	v.admin.Log = nil
	if _, err := v.admin.UpdateClient(t.Context(), p.record); err == nil {
		t.Error("changed without a log")
	}
	p.accepted(message{}) // the client is as it was
}

func TestWhatAnOperatorDoesIsLogged(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	p.accepted(message{})
	p.record.Scope = tenon.Scope{"accounts"}
	_, err := v.admin.UpdateClient(t.Context(), p.record)
	must(t, err)
	_, err = v.admin.RotateKeyUnpublished(t.Context())
	must(t, err)
	must(t, v.admin.RemoveClient(t.Context(), "c"))
	changed := entry{audit.ClientChanged, audit.OK, "", "c", 0}
	key := entry{audit.ServerKey, audit.OK, "", "", 0}
	want := []entry{
		key,     // the first signing key
		changed, // added
		changed, // updated
		key,     // the next signing key
		changed, // disabled
		{audit.TokenRevoked, audit.OK, "", "c", 0},
		changed, // removed
	}
	got := v.entries(0, audit.ClientChanged, audit.ServerKey, audit.TokenRevoked)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A client that asks for it gets the proof that its token is in the log, which needs nothing else to be verified.
func TestReceiptComesWithTheToken(t *testing.T) {
	var publisher *audit.Publisher
	var policy *audit.Policy
	v := newServer(t, setup{edit: func(c *issuer.Config) {
		skey, vkey, err := audit.GenerateKey(c.Log.Book.Origin())
		must(t, err)
		signer, err := audit.ParseKey(skey)
		must(t, err)
		policy, err = audit.ParsePolicy([]byte("log " + vkey + "\nquorum none\n"))
		must(t, err)
		publisher, err = audit.OpenPublisher(t.Context(), audit.PublisherConfig{
			Book: c.Log.Book.(*audit.Book), Dir: filepath.Join(t.TempDir(), "log"), Signer: signer,
		})
		must(t, err)
		t.Cleanup(func() { publisher.Close() })
		c.Log.Receipt = publisher.Receipt
	}})
	p := v.register("c", nil)
	got := p.send(message{form: url.Values{"binding_receipt": {"true"}}})
	token := v.open(got.body.AccessToken)
	index := token.claims.Log.Index
	record, err := v.store.Get(t.Context(), store.Key{Kind: store.Leaves, ID: store.LeafID(index)})
	must(t, err)
	proven, err := audit.VerifyReceipt(policy, record.Body, []byte(got.body.Receipt), audit.L1)
	if err != nil || proven.Index != int64(index) {
		t.Fatalf("%v: %+v", err, proven)
	}
	report, err := audit.VerifyToken(t.Context(), audit.TokenConfig{
		Policy: policy, Token: token.payload, Entry: record.Body, Receipt: []byte(got.body.Receipt), Level: audit.L1,
	})
	must(t, err)
	if report.Exit() != audit.ExitClean {
		t.Errorf("%v", report.Findings)
	}
	if got := p.send(message{}); got.body.Receipt != "" {
		t.Error("a receipt that nobody asked for")
	}
	// A receipt that cannot be made costs the client nothing.
	must(t, publisher.Close())
	if got := p.send(message{form: url.Values{"binding_receipt": {"true"}}}); got.status != 200 || got.body.Receipt != "" || got.event.Err == nil {
		t.Errorf("%d %q %v", got.status, got.body.Receipt, got.event.Err)
	}
}

// The log commits to what it must not say.
func TestLogHoldsNoSecrets(t *testing.T) {
	v, _ := withRefusals(t, setup{}, 10)
	p := v.register("c", nil)
	m := message{assertion: part{Raw: p.assertion(part{})}, proof: part{Raw: p.proof(v.url+"/token", message{})}}
	got := p.send(m)
	token := v.open(got.body.AccessToken)
	p.refused(m, 400, tenon.InvalidDPoPProof, "replay")
	secrets := map[string]string{
		"token": got.body.AccessToken, "proof": m.proof.Raw, "assertion": m.assertion.Raw, "jti": token.claims.ID,
		"thumbprint": token.claims.Confirmation.JKT, "address": "127.0.0.1", "agent": "Go-http-client",
	}
	records, err := v.store.Scan(t.Context(), store.Key{Kind: store.Leaves}, "", 1000)
	must(t, err)
	for _, r := range records {
		for name, secret := range secrets {
			if secret == "" || strings.Contains(string(r.Body), secret) {
				t.Errorf("entry %s says the %s: %s", r.Key.ID, name, r.Body)
			}
		}
	}
	if len(records) < 4 {
		t.Errorf("%d entries only", len(records))
	}
}

// Time passes for the log as for the tokens: an entry is dated when its token is.
func TestEntryIsDatedAsItsToken(t *testing.T) {
	v := newServer(t, setup{})
	v.clock.advance(90 * time.Second)
	token := v.register("c", nil).accepted(message{})
	if off := time.UnixMilli(v.leaf(token.claims.Log.Index).Time).Sub(token.claims.IssuedAt); off < 0 || off > time.Second {
		t.Errorf("the entry is %v after the token", off)
	}
}

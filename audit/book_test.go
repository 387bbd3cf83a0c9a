package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

func TestAddWritesALeafThatItsOpeningOpens(t *testing.T) {
	d := newDesk(t)
	e := issued(digestOf("k"))
	e.About = new(uint64(1))
	before := time.Now().UnixMilli()
	index, err := d.book.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	d.publish(t)
	leaf, o := d.lastLeaf(t), d.opening(t, index)
	if leaf.Time < before || leaf.Time > time.Now().UnixMilli() {
		t.Errorf("the leaf's time is %d", leaf.Time)
	}
	salt := func(text string) audit.Salt {
		s, err := audit.ParseSalt(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := audit.Leaf{
		Type: audit.TokenIssued, Time: leaf.Time, Outcome: audit.OK,
		Binding: audit.LeafBinding{Method: audit.ByJKT, Key: audit.KeyCommitment(salt(o.KeySalt), digestOf("k"))},
		Token: audit.LeafToken{
			ID: audit.TokenCommitment(salt(o.TokenSalt), "jti-kkkk"), Claims: digestOf("c"), Account: audit.AccountCommitment(salt(o.AccountSalt), "alice"),
			Client: "tpp-4711", Audience: "https://api.bank.example", Scope: "payments", Expires: 1795354321, KeyID: "as-2026-11",
		},
		Evidence: audit.LeafEvidence{Proof: audit.ProofDigest(e.Proof), About: new(uint64(1)), Detail: audit.DetailCommitment(salt(o.Nonce), o.Detail)},
	}
	if diff := cmp.Diff(want, leaf); diff != "" {
		t.Error(diff)
	}
	var detail map[string]string
	if err := json.Unmarshal(o.Detail, &detail); err != nil || detail["ua"] != "curl <8>" || o.Proof != e.Proof {
		t.Errorf("the opening has the detail %s and the proof %q", o.Detail, o.Proof)
	}
	if raw, _ := leaf.Bytes(); strings.Contains(string(raw), "alice") || strings.Contains(string(raw), "jti-") || strings.Contains(string(raw), "192.0.2.7") {
		t.Errorf("the leaf tells what it should hide: %s", raw)
	}
}

// One key has one commitment, so that its history can be followed; two keys have two, and two tokens never share one.
func TestCommitmentsJoinWhatBelongsTogether(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	write := func(e audit.Entry) audit.Leaf {
		if _, err := d.book.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		return d.lastLeaf(t)
	}
	first, again, other := write(issued(digestOf("k"))), write(issued(digestOf("k"))), write(issued(digestOf("l")))
	d.close()
	d = openDesk(t, dir, nil)
	later := write(issued(digestOf("k")))
	if first.Binding.Key != again.Binding.Key || first.Binding.Key != later.Binding.Key || first.Token.Account != later.Token.Account {
		t.Error("one key has several commitments")
	}
	if first.Binding.Key == other.Binding.Key {
		t.Error("two keys have one commitment")
	}
	if first.Token.ID == again.Token.ID {
		t.Error("two entries about one jti can be joined without its salt")
	}
}

func TestBindingMethods(t *testing.T) {
	for name, tt := range map[string]struct {
		jkt, x5t string
		clear    bool
		want     audit.Method
		key      string // in clear
	}{
		"DPoP":              {jkt: digestOf("k"), want: audit.ByJKT},
		"certificate":       {x5t: digestOf("x"), want: audit.ByX5T},
		"both":              {jkt: digestOf("k"), x5t: digestOf("x"), want: audit.ByBoth},
		"DPoP, clear":       {jkt: digestOf("k"), clear: true, want: audit.ByClearJKT, key: digestOf("k")},
		"certificate clear": {x5t: digestOf("x"), clear: true, want: audit.ByClearX5T, key: digestOf("x")},
		"both, clear":       {jkt: digestOf("k"), x5t: digestOf("x"), clear: true, want: audit.ByClearAll, key: digestOf("k")},
		"unbound":           {},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDesk(t, t.TempDir(), func(b *audit.BookConfig, _ *audit.PublisherConfig) { b.ClearThumbprints = tt.clear })
			e := audit.Entry{Type: audit.TokenIssued}
			e.Confirmation.JKT, e.Confirmation.X5T = tt.jkt, tt.x5t
			index, err := d.book.Append(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			d.publish(t)
			got := d.lastLeaf(t).Binding
			if got.Method != tt.want || tt.clear && got.Key != tt.key || !tt.clear && (got.Key == "") != (tt.want == "") {
				t.Errorf("%+v, want %s", got, tt.want)
			}
			if salted := d.opening(t, index).KeySalt != ""; salted != (tt.want != "" && !tt.clear) {
				t.Errorf("salted %t", salted)
			}
		})
	}
}

// A stranger's keys and accounts must not fill the table of salts, and still the auditor can find them by the openings.
func TestRefusalsLeaveNoSalts(t *testing.T) {
	d := newDesk(t)
	e := issued(digestOf("k"))
	e.Type, e.Reason = audit.TokenRefused, "signature"
	index, err := d.book.Append(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if salts, err := d.store.Scan(t.Context(), store.Key{Kind: "salts"}, "", 10); err != nil || len(salts) > 0 {
		t.Errorf("%d salts after a refusal, %v", len(salts), err)
	}
	d.publish(t)
	leaf := d.lastLeaf(t)
	salt, err := audit.ParseSalt(d.opening(t, index).KeySalt)
	if err != nil || leaf.Binding.Key != audit.KeyCommitment(salt, digestOf("k")) || leaf.Outcome != audit.Refused {
		t.Errorf("%+v, %v", leaf, err)
	}
	if _, err := d.book.Append(t.Context(), issued(digestOf("k"))); err != nil {
		t.Fatal(err)
	}
	known := d.lastLeaf(t).Binding
	if _, err := d.book.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if got := d.lastLeaf(t).Binding; got != known {
		t.Error("a refusal of a known key is not joined to its history")
	}
}

// A Change gets an entry as a whole or stays as it was.
func TestAddLeavesNoChangeHalfMade(t *testing.T) {
	d := newDesk(t)
	for name, spoil := range map[string]func(*audit.Entry){
		"no type":                  func(e *audit.Entry) { e.Type = "" },
		"a detail that is no JSON": func(e *audit.Entry) { e.Detail = func() {} },
		"a detail in a list":       func(e *audit.Entry) { e.Detail = []int{1} },
		"a detail too large":       func(e *audit.Entry) { e.Detail = map[string]string{"a": strings.Repeat("a", 20_000)} },
		"a proof too large":        func(e *audit.Entry) { e.Proof = strings.Repeat("p", 20_000) },
		"a proof with NUL":         func(e *audit.Entry) { e.Proof = "\x00" },
		"a digest that is none":    func(e *audit.Entry) { e.Token.Claims = "c" },
		"an expiry before 1970":    func(e *audit.Entry) { e.Token.Expires = time.Unix(-5, 0) },
		"a negative count":         func(e *audit.Entry) { e.Span.Count = -1 },
	} {
		var ch store.Change
		if err := d.book.Add(t.Context(), &ch, issued(digestOf("k"))); err != nil {
			t.Fatal(err)
		}
		before := len(ch.Leaves[0].Aside)
		e := issued(digestOf("k"))
		spoil(&e)
		if err := d.book.Add(t.Context(), &ch, e); err == nil {
			t.Errorf("%s: added", name)
		}
		if len(ch.Leaves) != 1 || len(ch.Inserts) != 0 || len(ch.Leaves[0].Aside) != before {
			t.Errorf("%s: the change was altered: %d leaves", name, len(ch.Leaves))
		}
	}
}

// The openings of a Change that already has leaves and records of its own find their entries.
func TestOpeningsOfAChangeWithOtherLeaves(t *testing.T) {
	d := newDesk(t)
	d.write(t, 253) // with log.opened and log.key one short of a bundle
	silent, err := audit.Leaf{Type: audit.PolicyChanged, Time: time.Now().UnixMilli(), Outcome: audit.OK}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ch := store.Change{Leaves: []store.Leaf{{Body: silent}}, Inserts: []store.Record{{Key: store.Key{Kind: "tokens"}, Body: []byte("x")}}}
	for _, jkt := range []string{digestOf("k"), digestOf("l")} {
		if err := d.book.Add(t.Context(), &ch, issued(jkt)); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := d.store.Commit(t.Context(), &ch)
	if err != nil || receipt.First != 255 {
		t.Fatal(receipt, err)
	}
	d.publish(t)
	if o := d.opening(t, 255); o.Proof != "" {
		t.Errorf("a leaf of somebody else has the opening %v", o)
	}
	if got := d.opening(t, 256).Proof + " " + d.opening(t, 257).Proof; got != "eyJ.proof.kkkk eyJ.proof.llll" {
		t.Errorf("the proofs of 256 and 257 are %s", got)
	}
	d.write(t, 256)
	d.publish(t) // the leaves have left the store
	if got := d.opening(t, 256).Proof + " " + d.opening(t, 257).Proof; got != "eyJ.proof.kkkk eyJ.proof.llll" {
		t.Errorf("later the proofs of 256 and 257 are %s", got)
	}
	if rest := d.leaves(t); rest[0].Key.ID != store.LeafID(512) {
		t.Errorf("the leaves in the store begin with %v", rest[0].Key)
	}
}

func TestAChangeHasAnEnd(t *testing.T) {
	d := newDesk(t)
	var ch store.Change
	for range audit.TileWidth {
		if err := d.book.Add(t.Context(), &ch, audit.Entry{Type: audit.ClientChanged}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.book.Add(t.Context(), &ch, audit.Entry{Type: audit.ClientChanged}); err == nil {
		t.Error("more entries than a bundle has went into one change")
	}
}

// Whatever a stranger sends, the refusal can be logged: nothing makes a leaf too long or unreadable.
func TestEntriesAreMadeToFit(t *testing.T) {
	d := newDesk(t)
	for name, text := range map[string]string{
		"quotes": `"`, "control characters": "\x01", "NUL": "\x00", "not UTF-8": "\xff", "wide": "😀", "plain": "a", "DEL": "\x7f",
	} {
		long := strings.Repeat(text, 5000)
		e := issued(digestOf("k"))
		e.Reason, e.Client, e.Token.KeyID, e.Token.Audience, e.Token.Scope = long, long, long, []string{long, long}, []string{long}
		e.Token.Expires, e.About, e.Span = time.Unix(1<<40, 0), new(uint64(1<<53-1)), audit.LeafSpan{Count: 1<<53 - 1, From: 1<<53 - 1, To: 1<<53 - 1}
		e.Confirmation.X5T = digestOf("x")
		e.Outcome, e.Type = audit.Refused, audit.TokenUseRefused
		if _, err := d.book.Append(t.Context(), e); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		leaf := d.lastLeaf(t)
		if !strings.HasSuffix(leaf.Token.Scope, "…") || strings.ContainsAny(leaf.Token.Scope, "\x00\x01\x7f") || !utf8.ValidString(leaf.Token.Scope) {
			t.Errorf("%s: the scope is %q", name, leaf.Token.Scope)
		}
	}
	e := audit.Entry{Type: audit.ClientChanged, Client: strings.Repeat("a", 200)}
	if _, err := d.book.Append(t.Context(), e); err != nil || d.lastLeaf(t).Token.Client != e.Client {
		t.Errorf("a text that fits was changed to %q, %v", d.lastLeaf(t).Token.Client, err)
	}
}

func TestOutcomeFollowsTheReason(t *testing.T) {
	d := newDesk(t)
	for _, tt := range []struct {
		e    audit.Entry
		want audit.Outcome
	}{
		{audit.Entry{Type: audit.ClientChanged}, audit.OK},
		{audit.Entry{Type: audit.TokenRefused, Reason: "htu"}, audit.Refused},
		{audit.Entry{Type: audit.TokenRevoked, Reason: "lost", Outcome: audit.OK}, audit.OK},
	} {
		if _, err := d.book.Append(t.Context(), tt.e); err != nil || d.lastLeaf(t).Outcome != tt.want {
			t.Errorf("%+v has the outcome %s, %v", tt.e, d.lastLeaf(t).Outcome, err)
		}
	}
}

func TestOpenBookRefuses(t *testing.T) {
	open := func(t *testing.T) *bolt.Store {
		s, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	t.Run("no configuration", func(t *testing.T) {
		_, err := audit.OpenBook(t.Context(), audit.BookConfig{})
		if err == nil || !strings.Contains(err.Error(), "Store") || !strings.Contains(err.Error(), "Origin") {
			t.Errorf("%v", err)
		}
	})
	t.Run("another log", func(t *testing.T) {
		s := open(t)
		if _, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: "one.example"}); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: "two.example"}); err == nil {
			t.Error("opened as another log")
		}
	})
	t.Run("leaves of nobody", func(t *testing.T) {
		leaf, err := audit.Leaf{Type: audit.LogOpened, Outcome: audit.OK}.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"x", string(leaf)} {
			s := open(t)
			if _, err := s.Commit(t.Context(), &store.Change{Leaves: []store.Leaf{{Body: []byte(body)}}}); err != nil {
				t.Fatal(err)
			}
			if _, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: testOrigin}); err == nil {
				t.Errorf("took the leaf %s over that it did not write", body)
			}
		}
	})
	t.Run("a log without its leaves", func(t *testing.T) {
		s := open(t)
		if _, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: testOrigin}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), &store.Change{Prune: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: s, Origin: testOrigin}); err == nil {
			t.Error("opened without a single leaf")
		}
	})
}

func TestOpenAndCloseAreEntries(t *testing.T) {
	d := newDesk(t)
	if err := d.book.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var types []audit.Type
	for _, r := range d.leaves(t) {
		leaf, err := audit.ParseLeaf(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if leaf.Type == audit.LogOpened && leaf.Token.Audience != testOrigin {
			t.Errorf("log.opened of %q", leaf.Token.Audience)
		}
		types = append(types, leaf.Type)
	}
	if diff := cmp.Diff([]audit.Type{audit.LogOpened, audit.LogKey, audit.LogClosed}, types); diff != "" {
		t.Error(diff)
	}
}

// A brokenStore fails when it is told to.
type brokenStore struct {
	store.Store
	broken bool
}

var errBroken = errors.New("the store is broken")

func (s *brokenStore) Commit(ctx context.Context, c *store.Change) (store.Receipt, error) {
	if s.broken {
		return store.Receipt{}, errBroken
	}
	return s.Store.Commit(ctx, c)
}

// While a salt or a clock step cannot be committed, nothing can be logged, and so nothing can be done.
func TestAddFailsClosed(t *testing.T) {
	c := &wallAndUptime{wall: time.Now()}
	var broken *brokenStore
	d := openDesk(t, t.TempDir(), func(b *audit.BookConfig, _ *audit.PublisherConfig) {
		broken = &brokenStore{Store: b.Store}
		b.Store, b.Now, b.Uptime = broken, c.now, c.uptime
	})
	broken.broken = true
	var ch store.Change
	if err := d.book.Add(t.Context(), &ch, issued(digestOf("k"))); !errors.Is(err, errBroken) || !ch.Empty() {
		t.Errorf("without a salt: %v, %d leaves", err, len(ch.Leaves))
	}
	c.pass(0, time.Hour)
	for range 2 {
		if err := d.book.Add(t.Context(), &ch, audit.Entry{Type: audit.ClientChanged}); !errors.Is(err, errBroken) || !ch.Empty() {
			t.Errorf("without a clock step: %v, %d leaves", err, len(ch.Leaves))
		}
	}
	broken.broken = false
	if _, err := d.book.Append(t.Context(), issued(digestOf("k"))); err != nil {
		t.Fatal(err)
	}
	all := d.leaves(t)
	if step, err := audit.ParseLeaf(all[len(all)-2].Body); err != nil || step.Type != audit.ClockStep {
		t.Errorf("the step was not recorded after all: %+v, %v", step, err)
	}
}

// Many who see a key for the first time at once agree on its salt.
func TestFirstSightIsOne(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := d.book.Append(t.Context(), issued(digestOf("k"))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys := map[string]bool{}
	for _, r := range d.leaves(t)[2:] {
		leaf, err := audit.ParseLeaf(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		keys[leaf.Binding.Key] = true
	}
	if len(keys) != 1 {
		t.Errorf("one key has %d commitments", len(keys))
	}
}

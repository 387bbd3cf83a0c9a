package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

// story is a log with two keys, a revocation, uses, and an entry whose openings are gone.
func story(t testing.TB) *forge {
	f := newForge(t)
	f.issue(jktOf("a"), "jti-1", nil)                                                                                                                                                                             // 1
	f.issue(jktOf("b"), "jti-2", nil)                                                                                                                                                                             // 2
	f.leaf(audit.Leaf{Type: audit.TokenUsed, Evidence: audit.LeafEvidence{About: new(uint64(1))}})                                                                                                                // 3
	f.leaf(audit.Leaf{Type: audit.UseSummary, Evidence: audit.LeafEvidence{About: new(uint64(1))}, Span: audit.LeafSpan{Count: 40, From: forgeStart.UnixMilli() + 60_000, To: forgeStart.UnixMilli() + 119_000}}) // 4
	f.issue(jktOf("a"), "jti-3", func(l *audit.Leaf, o *audit.Opening) { l.Type, l.Evidence.About = audit.TokenRefreshed, new(uint64(1)) })                                                                       // 5
	f.leaf(audit.Leaf{Type: audit.GrantRevoked, Evidence: audit.LeafEvidence{About: new(uint64(1))}})                                                                                                             // 6
	f.leaf(audit.Leaf{Type: audit.ClientChanged, Token: audit.LeafToken{Client: "other"}})                                                                                                                        // 7
	f.publish(0, 1)
	return f
}

func find(t *testing.T, f *forge, q audit.Query) ([]int64, *audit.Search) {
	t.Helper()
	var found []int64
	s, err := audit.Find(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two"), Query: q}, func(m audit.Match) error {
		if string(m.Entry) != string(f.entries[m.Index]) {
			t.Errorf("entry %d has other bytes", m.Index)
		}
		found = append(found, m.Index)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Size != f.size() || s.Found != int64(len(found)) {
		t.Errorf("search %+v", s)
	}
	return found, s
}

func TestFind(t *testing.T) {
	f := story(t)
	for _, tt := range []struct {
		name string
		q    audit.Query
		want []int64
	}{
		{"everything", audit.Query{}, []int64{0, 1, 2, 3, 4, 5, 6, 7}},
		{"a key", audit.Query{Thumbprint: jktOf("a")}, []int64{1, 5}},
		{"a key and what is about its tokens", audit.Query{Thumbprint: jktOf("a"), Related: true}, []int64{1, 3, 4, 5, 6}},
		{"a key that is not there", audit.Query{Thumbprint: jktOf("z")}, nil},
		{"an account", audit.Query{Account: "alice"}, []int64{1, 2, 5}},
		{"a token", audit.Query{TokenID: "jti-2"}, []int64{2}},
		{"a client", audit.Query{Client: "other"}, []int64{7}},
		{"types", audit.Query{Types: []audit.Type{audit.TokenIssued, audit.GrantRevoked}}, []int64{1, 2, 6}},
		{"since, inclusive", audit.Query{Since: forgeStart.Add(6 * time.Second)}, []int64{6, 7}},
		{"until, exclusive", audit.Query{Until: forgeStart.Add(2 * time.Second)}, []int64{0, 1}},
		{"related, in time", audit.Query{TokenID: "jti-1", Related: true, Until: forgeStart.Add(4 * time.Second)}, []int64{1, 3}},
		{"all at once", audit.Query{Thumbprint: jktOf("a"), Account: "alice", TokenID: "jti-3", Client: "tpp-4711", Types: []audit.Type{audit.TokenRefreshed}}, []int64{5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, s := find(t, f, tt.q)
			if diff := cmp.Diff(tt.want, got); diff != "" || !s.Complete() {
				t.Errorf("complete %t: %s", s.Complete(), diff)
			}
		})
	}
}

// Where salts were erased the answer cannot be complete, and says so.
func TestFindSaysWhatItMayHaveMissed(t *testing.T) {
	f := story(t)
	f.openings[0] = f.openings[0][1:]
	f.writeTiles()
	got, s := find(t, f, audit.Query{Thumbprint: jktOf("a")})
	if diff := cmp.Diff([]int64{5}, got); diff != "" || s.Complete() || s.Closed != 1 || !strings.Contains(strings.Join(s.NotChecked, " "), "1 entries whose salts") {
		t.Errorf("%+v %s", s, diff)
	}
	if _, s := find(t, f, audit.Query{Client: "other"}); !s.Complete() {
		t.Errorf("what was asked for needs no salt: %+v", s)
	}
}

// Thumbprints that were logged in clear are found without salts, and others are told apart without.
func TestFindInClear(t *testing.T) {
	f := newForge(t)
	f.issue(jktOf("a"), "jti-1", func(l *audit.Leaf, o *audit.Opening) {
		l.Binding, o.KeySalt = audit.LeafBinding{Method: audit.ByClearJKT, Key: jktOf("a")}, ""
	})
	f.publish(0, 1)
	if got, s := find(t, f, audit.Query{Thumbprint: jktOf("a")}); len(got) != 1 || !s.Complete() {
		t.Errorf("%v, %+v", got, s)
	}
	if got, s := find(t, f, audit.Query{Thumbprint: jktOf("b")}); len(got) != 0 || !s.Complete() {
		t.Errorf("%v, %+v", got, s)
	}
}

// A search through a log that is not what was signed finds nothing but that.
func TestFindInAnAlteredLog(t *testing.T) {
	for name, harm := range map[string]func(f *forge){
		"an entry exchanged": func(f *forge) {
			bundle := f.read("tile/entries/000.p/8")
			f.write("tile/entries/000.p/8", bytes.Replace(bundle, []byte("other"), []byte("othor"), 1))
		},
		"an entry exchanged for a good one, hashes too": func(f *forge) {
			signed := f.read("checkpoint")
			f.rewrite(func() { f.entries[7] = f.entries[0] })
			f.write("checkpoint", signed)
		},
		"a bundle cut":  func(f *forge) { f.write("tile/entries/000.p/8", f.read("tile/entries/000.p/8")[:100]) },
		"a bundle gone": func(f *forge) { f.remove("tile/entries") },
	} {
		t.Run(name, func(t *testing.T) {
			f := story(t)
			harm(f)
			_, err := audit.Find(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two")}, func(audit.Match) error { return nil })
			want := audit.LeafMismatch
			if strings.HasPrefix(name, "a bundle") {
				want = audit.TileTorn
			}
			if got, ok := errors.AsType[*audit.Finding](err); !ok || got.Name != want {
				t.Errorf("want %s, got %v", want, err)
			}
		})
	}
}

func TestFindIsRefused(t *testing.T) {
	f := story(t)
	visit := func(audit.Match) error { return nil }
	for name, c := range map[string]audit.FindConfig{
		"no source":       {Policy: f.policy("two")},
		"no policy":       {Source: f.source()},
		"no thumbprint":   {Source: f.source(), Policy: f.policy("two"), Query: audit.Query{Thumbprint: "abc"}},
		"an unknown type": {Source: f.source(), Policy: f.policy("two"), Query: audit.Query{Types: []audit.Type{"token.eaten"}}},
	} {
		if _, err := audit.Find(t.Context(), c, visit); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	stop := errors.New("enough")
	_, err := audit.Find(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two")}, func(audit.Match) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestTimeline(t *testing.T) {
	f := story(t)
	line, err := audit.MakeTimeline(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two"), Query: audit.Query{Thumbprint: jktOf("a")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range line.Events {
		got = append(got, e.At.Format("15:04:05 ")+string(e.Type)+" "+string(e.Detail))
	}
	want := []string{
		`10:00:01 token.issued {"ip":"192.0.2.7"}`, "10:00:03 token.used ", "10:00:04 use.summary ",
		`10:00:05 token.refreshed {"ip":"192.0.2.7"}`, "10:00:06 grant.revoked ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]audit.Uses{{forgeStart, 1}, {forgeStart.Add(time.Minute), 40}}, line.Uses); diff != "" {
		t.Error(diff)
	}
	if line.Search.Size != f.size() || !line.Search.Complete() {
		t.Errorf("%+v", line.Search)
	}
	t.Run("a detail that was altered is left out", func(t *testing.T) {
		f.openings[0][0].Detail = []byte(`{"ip":"203.0.113.9"}`)
		f.writeTiles()
		line, err := audit.MakeTimeline(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two"), Query: audit.Query{TokenID: "jti-1"}})
		if err != nil || line.Events[0].Detail != nil {
			t.Errorf("%v, %s", err, line.Events[0].Detail)
		}
		r := f.verify(func(c *audit.VerifyConfig) { c.Openings = true })
		demand(t, r, wanted{audit.Malformed, 1, "", 1})
	})
}

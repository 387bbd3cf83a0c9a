package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

func TestReconcile(t *testing.T) {
	f := story(t) // the grant of entries 1 and 5 is revoked ten seconds past forgeStart at entry 6
	last := f.issue(jktOf("c"), "jti-4", nil)
	f.leaf(audit.Leaf{Type: audit.TokenRevoked, Evidence: audit.LeafEvidence{About: new(uint64(last.index))}})
	f.issue(jktOf("d"), "jti-5", nil)
	f.publish(0, 1)
	at := func(seconds int) int64 { return forgeStart.Unix() + int64(seconds) }
	line := func(time int64, index int, jti, jkt string) string {
		return fmt.Sprintf(`{"time":%d,"tlog":{"o":%q,"i":%d},"jti":%q,"jkt":%q,"path":"/pay"}`, time, f.origin, index, jti, jkt)
	}
	good := []string{
		line(at(2), 1, "jti-1", jktOf("a")),
		line(at(3), 2, "jti-2", jktOf("b")),
		line(at(15), 5, "jti-3", jktOf("a")), // within the delay after the revocation
		`{"time":"2026-11-22T10:00:03Z","tlog":{"o":"` + f.origin + `","i":2}}`,
		"",
	}
	reconcile := func(t *testing.T, lines ...string) *audit.Reconciliation {
		t.Helper()
		uses, err := audit.ReadUses(strings.NewReader(strings.Join(append(slices.Clone(good), lines...), "\n")))
		if err != nil {
			t.Fatal(err)
		}
		r, err := audit.Reconcile(t.Context(), audit.ReconcileConfig{Source: f.source(), Policy: f.policy("two"), Uses: uses, Audience: "https://api.bank.example"})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := reconcile(t)
	if len(r.Findings) != 0 || r.Exit() != 0 || r.Uses != 4 || r.Matched != 4 || r.Issued != 5 || r.Size != f.size() {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]int64{8, 10}, r.NeverUsed); diff != "" {
		t.Errorf("never used: %s", diff)
	}
	for _, tt := range []struct {
		name, line string
		want       string
		index      int64
	}{
		{"a token without an entry", fmt.Sprintf(`{"time":%d,"jti":"x"}`, at(1)), audit.UnloggedToken, -1},
		{"an entry that the log does not have", line(at(1), 99, "x", jktOf("a")), audit.MissingIndex, 99},
		{"an entry that is no issuance", line(at(1), 3, "x", jktOf("a")), audit.UnloggedToken, 3},
		{"another log", fmt.Sprintf(`{"time":%d,"tlog":{"o":"other","i":1}}`, at(1)), audit.OriginMismatch, 1},
		{"another key", line(at(1), 1, "jti-1", jktOf("t")), audit.BindingMismatch, 1},
		{"another token id", line(at(1), 1, "jti-9", jktOf("a")), audit.ClaimsMismatch, 1},
		{"after its grant was revoked", line(at(17), 1, "jti-1", jktOf("a")), audit.UseAfterRevoked, 1},
		{"refreshed, after its grant was revoked", line(at(17), 5, "jti-3", jktOf("a")), audit.UseAfterRevoked, 5},
		{"after it was revoked", line(at(20), int(last.index), "jti-4", jktOf("c")), audit.UseAfterRevoked, last.index},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := reconcile(t, tt.line)
			if len(r.Findings) != 1 || r.Findings[0].Name != tt.want || r.Findings[0].Index != tt.index || r.Exit() != 1 {
				t.Fatalf("want %s of %d, got %s", tt.want, tt.index, list(r.Findings))
			}
			if !strings.HasPrefix(r.Findings[0].Detail, "line 6, ") {
				t.Errorf("it does not say which line: %s", r.Findings[0].Detail)
			}
		})
	}
	t.Run("erased salts", func(t *testing.T) {
		f.openings[0] = nil
		f.writeTiles()
		if r := reconcile(t); len(r.Findings) != 0 || !strings.Contains(strings.Join(r.NotChecked, " "), "6 ids and keys") {
			t.Errorf("%+v", r)
		}
	})
}

func TestUsesAreRefused(t *testing.T) {
	for name, line := range map[string]string{
		"not JSON":           "hello",
		"no time":            `{"jti":"x"}`,
		"a time of words":    `{"time":"yesterday"}`,
		"a negative index":   `{"time":1,"tlog":{"o":"a","i":-1}}`,
		"a thumbprint short": `{"time":1,"jkt":"abc"}`,
		"a member twice":     `{"time":1,"time":2}`,
		"a long line":        `{"time":1,"x":"` + strings.Repeat("x", 70_000) + `"}`,
	} {
		if _, err := audit.ReadUses(strings.NewReader(`{"time":1}` + "\n" + line + "\n")); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := audit.Reconcile(t.Context(), audit.ReconcileConfig{}); err == nil {
		t.Error("no source and no policy: accepted")
	}
}

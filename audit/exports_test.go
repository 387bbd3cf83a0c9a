package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

// hostile is what strangers may get into a log: formulas, tags, control sequences, text that runs backwards.
var hostile = []string{
	"=HYPERLINK(\"http://evil.example\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r\n=1", " =1", ";=1", "\"=1", "＝1",
	"<script>alert(1)</script>", "a&b<c>", "\x1b]0;pwned\x07", "\u009b31m", "\u202egnp.exe", "\u200b", "\u2028x", "\x7f", "𝒳\U000e0041",
}

func hostileLog(t testing.TB) *forge {
	f := newForge(t)
	for _, s := range hostile {
		f.leaf(audit.Leaf{Type: audit.TokenRefused, Outcome: audit.Refused, Reason: s, Token: audit.LeafToken{Client: s, Scope: s, Audience: s, KeyID: s}})
	}
	f.issue(jktOf("a"), "jti-1", nil)
	f.publish(0, 1)
	return f
}

func export(t testing.TB, f *forge, format audit.Format) string {
	t.Helper()
	var b bytes.Buffer
	s, err := audit.Export(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two")}, format, &b)
	if err != nil || s.Found != f.size() {
		t.Fatalf("%+v, %v", s, err)
	}
	return b.String()
}

// inert fails when text could act on a terminal or in a page.
func inert(t *testing.T, text string) {
	t.Helper()
	for _, line := range strings.SplitAfter(text, "\n") {
		for i, r := range strings.TrimRight(line, "\r\n") {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 || r == 0x200b || r == 0xe0041 {
				t.Errorf("%U at %d of %q", r, i, line)
			}
		}
	}
}

func TestCSVIsInertInASpreadsheet(t *testing.T) {
	f := hostileLog(t)
	text := export(t, f, audit.CSV)
	inert(t, text)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != int(f.size())+1 || rows[0][0] != "index" || rows[1][2] != "log.opened" {
		t.Fatalf("%d rows, %q", len(rows), rows[0])
	}
	for _, row := range rows[1:] {
		for i, cell := range row {
			trimmed := strings.TrimLeft(cell, " \";,|")
			if trimmed != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(trimmed)[0]) {
				t.Errorf("column %s: %q begins a formula", rows[0][i], cell)
			}
		}
	}
	last := rows[len(rows)-1]
	if last[13] == "" || last[21] != `{"ip":"192.0.2.7"}` || last[1] != "2026-11-22T10:00:20.000Z" {
		t.Errorf("%q", last)
	}
}

func TestAnEmptyCSVHasItsHead(t *testing.T) {
	f := newForge(t)
	f.publish(0, 1)
	var b bytes.Buffer
	_, err := audit.Export(t.Context(), audit.FindConfig{Source: f.source(), Policy: f.policy("two"), Query: audit.Query{Client: "nobody"}}, audit.CSV, &b)
	if err != nil || !strings.HasPrefix(b.String(), "index,time,") || strings.Count(b.String(), "\r\n") != 1 {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestJSONLIsInertAndTheSame(t *testing.T) {
	f := hostileLog(t)
	text := export(t, f, audit.JSONL)
	inert(t, text)
	if strings.ContainsAny(text, "<>&\u009b") {
		t.Error("not fit for a page")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		var got struct {
			Index   int64           `json:"index"`
			Hash    string          `json:"hash"`
			Leaf    map[string]any  `json:"leaf"`
			Opening json.RawMessage `json:"opening"`
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		if err := json.Unmarshal(f.entries[i], &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Leaf); diff != "" || got.Index != int64(i) || len(got.Hash) != 44 {
			t.Errorf("line %d: %s", i, diff)
		}
		if (len(got.Opening) > 0) != (i == len(lines)-1) {
			t.Errorf("line %d: opening %s", i, got.Opening)
		}
	}
}

// What an opening says is exported only when the entry commits to it.
func TestExportLeavesOutWhatWasPutInLater(t *testing.T) {
	f := newForge(t)
	f.issue(jktOf("a"), "jti-1", nil)
	f.openings[0][0].Detail = []byte(`{"ip":"203.0.113.9"}`)
	f.openings[0][0].Proof = "another proof"
	f.publish(0, 1)
	for _, format := range []audit.Format{audit.JSONL, audit.CSV, audit.OCSF} {
		if text := export(t, f, format); strings.Contains(text, "203.0.113.9") || strings.Contains(text, "another proof") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// OCSF 1.8: what each class requires is there.
func TestOCSFHasWhatItsClassesRequire(t *testing.T) {
	f := hostileLog(t)
	for _, l := range []audit.Leaf{
		{Type: audit.TokenRevoked, Evidence: audit.LeafEvidence{About: new(uint64(1))}},
		{Type: audit.TokenUsed},
		{Type: audit.ProofReplayed, Outcome: audit.Refused, Reason: "replay"},
		{Type: audit.ExportMade},
		{Type: audit.PolicyChanged},
		{Type: audit.ErasureDone},
		{Type: audit.TokenIssued, Token: audit.LeafToken{Client: "c"}},
		{Type: audit.TokenExchanged, Outcome: audit.Refused, Reason: "scope"},
	} {
		f.leaf(l)
	}
	f.publish(0, 1)
	text := export(t, f, audit.OCSF)
	inert(t, text)
	required := map[float64][]string{
		3002: {"user", "service"}, 3003: {"user", "privileges"}, 6003: {"actor", "api", "src_endpoint"},
	}
	seen := map[float64]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		class, _ := e["class_uid"].(float64)
		seen[class] = true
		for _, name := range append(slices.Clone(required[class]), "activity_id", "category_uid", "metadata", "severity_id", "status_id", "time", "type_uid", "unmapped") {
			if e[name] == nil {
				t.Errorf("line %d, class %v: no %s", i, class, name)
			}
		}
		activity, _ := e["activity_id"].(float64)
		if e["type_uid"] != class*100+activity || e["category_uid"] != float64(int(class)/1000) {
			t.Errorf("line %d: %v", i, e)
		}
		metadata, _ := e["metadata"].(map[string]any)
		if metadata["version"] != "1.8.0" || metadata["log_name"] != f.origin {
			t.Errorf("line %d: %v", i, metadata)
		}
		refused := strings.Contains(string(f.entries[i]), `"out":"refused"`)
		if (e["status_id"] == 2.0) != refused {
			t.Errorf("line %d: status %v", i, e["status_id"])
		}
	}
	if len(seen) != 3 {
		t.Errorf("classes %v", seen)
	}
}

func TestExportIsRefused(t *testing.T) {
	f := newForge(t)
	f.publish(0, 1)
	for name, tt := range map[string]struct {
		c      audit.FindConfig
		format audit.Format
	}{
		"an unknown format":     {audit.FindConfig{Source: f.source(), Policy: f.policy("two")}, "xml"},
		"OCSF without a policy": {audit.FindConfig{Source: f.source()}, audit.OCSF},
		"CSV without a source":  {audit.FindConfig{Policy: f.policy("two")}, audit.CSV},
	} {
		if _, err := audit.Export(t.Context(), tt.c, tt.format, &bytes.Buffer{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What is printed about a finding is harmless on a terminal, whatever a log has made it say.
func TestFindingsAreInertOnATerminal(t *testing.T) {
	for _, s := range hostile {
		f := audit.Finding{Name: audit.Malformed, Index: 3, Path: "tile/" + s, Detail: s, Repair: s}
		inert(t, f.Error())
	}
}

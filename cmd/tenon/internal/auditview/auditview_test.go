package auditview_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/auditview"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

// shown gives what a page came to.
func shown(t terminal.Terminal, show func(auditview.Page)) string {
	var b bytes.Buffer
	show(auditview.Page{W: &b, T: t})
	return b.String()
}

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1204331: "1,204,331", -1234: "-1,234", -999: "-999"} {
		if got := auditview.Number(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 entry": auditview.Count(1, "entry"), "0 entries": auditview.Count(0, "entry"), "2,000 proofs": auditview.Count(2000, "proof"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4 * time.Second:      "4 s ago",
		119 * time.Second:    "119 s ago",
		2 * time.Minute:      "2 min ago",
		3 * time.Hour:        "3 h ago",
		30 * 24 * time.Hour:  "30 days ago",
		-90 * time.Second:    "90 s ahead of this machine's clock",
		-90 * 24 * time.Hour: "90 days ahead of this machine's clock",
	} {
		if got := auditview.Age(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// A detail record is anything; what is not understood shows nothing.
func TestDescribe(t *testing.T) {
	about := uint64(1204)
	for want, e := range map[string]audit.Event{
		"tpp  accounts":               {Client: "tpp", Scope: "accounts"},
		"GET /a%20b":                  {Detail: json.RawMessage(`{"htm":"GET","htu":"https://api.example/a%20b?q=1"}`)},
		"/path":                       {Detail: json.RawMessage(`{"htu":"/path"}`)},
		"from 192.0.2.1":              {Detail: json.RawMessage(`{"ip":"192.0.2.1","ua":"curl"}`)},
		"(12 times)  about #1,204":    {Count: 12, About: &about},
		"c":                           {Client: "c", Detail: json.RawMessage(`{"ip":7}`)},
		"d":                           {Client: "d", Detail: json.RawMessage(`[`)},
		"?[31mred?":                   {Client: "\x1b[31mred\u202e"},
		strings.Repeat("x", 51) + "…": {Client: strings.Repeat("x", 200)},
		strings.Repeat("é", 52) + "":  {Client: strings.Repeat("é", 52)},
		"":                            {},
	} {
		if got := auditview.Describe(&e); got != want {
			t.Errorf("%+v is %q, want %q", e, got, want)
		}
	}
}

// Many findings of one name are cut short and counted, and the grave ones come first.
func TestFindingsAreCounted(t *testing.T) {
	var all []audit.Finding
	all = append(all, audit.Finding{Name: audit.Redacted, Index: 1, Detail: "erased"})
	for i := range int64(30) {
		all = append(all, audit.Finding{Name: audit.LeafMismatch, Index: i, Detail: "it\x1b[2J"})
	}
	text := shown(terminal.Terminal{}, func(p auditview.Page) { p.Findings(all, map[string]int64{audit.LeafMismatch: 5}) })
	if strings.Count(text, "found       LEAF_MISMATCH entry ") != 20 || !strings.Contains(text, "and 15 more of LEAF_MISMATCH") {
		t.Errorf("%s", text)
	}
	if strings.Index(text, "REDACTED") < strings.LastIndex(text, "found       LEAF_MISMATCH") || strings.Contains(text, "\x1b") {
		t.Errorf("%q", text)
	}
}

// A long time is drawn in longer steps, and every use is in one of them.
func TestTimelineFitsTheScreen(t *testing.T) {
	begin := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	line := &audit.Timeline{Uses: []audit.Uses{{Minute: begin, Count: 1}, {Minute: begin.Add(599 * time.Minute), Count: 8}}}
	text := shown(terminal.Terminal{}, func(p auditview.Page) { p.Timeline(line) })
	first, _, _ := strings.Cut(text, "\n")
	want := "." + strings.Repeat("_", 58) + "# uses in 10 minutes, 2026-11-21 23:00 to 2026-11-22 09:00 UTC"
	if first != want {
		t.Errorf("%q, want %q", first, want)
	}
	line.Uses = line.Uses[:1]
	text = shown(terminal.Terminal{}, func(p auditview.Page) { p.Timeline(line) })
	if !strings.HasPrefix(text, "# uses a minute, 23:00 to 2026-11-21 23:01 UTC") && !strings.HasPrefix(text, "# uses a minute, 23:00 to 23:01 UTC") {
		t.Errorf("%q", text)
	}
}

// The eye is led to what matters, where there is colour.
func TestTimelineIsPainted(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	events := []audit.Event{
		{Type: audit.TokenIssued, Outcome: audit.OK, At: at},
		{Type: audit.ProofReplayed, Outcome: audit.Refused, Reason: "replay", At: at.Add(time.Hour)},
		{Type: audit.GrantRevoked, Outcome: audit.OK, At: at.Add(24 * time.Hour)},
		{Type: audit.TokenRefused, Outcome: audit.Refused, At: at.Add(24 * time.Hour)},
	}
	text := shown(terminal.Terminal{Colour: true, Unicode: true}, func(p auditview.Page) { p.Events(events) })
	lines := strings.Split(text, "\n")
	for i, want := range []string{"2026-11-21 09:00:00  token.issued", "\x1b[1;31m           10:00:00  proof.replayed", "\x1b[33m2026-11-22 09:00:00  grant.revoked", "           09:00:00  token.refused"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if !strings.HasSuffix(lines[3], "\x1b[1;31mrefused\x1b[0m") {
		t.Errorf("%q", lines[3])
	}
}

// "clean" names only what was looked at.
func TestCleanClaimsNoMore(t *testing.T) {
	r := &audit.Report{Origin: "log", Size: 2, Counts: audit.Counts{Leaves: 2}}
	text := shown(terminal.Terminal{}, func(p auditview.Page) { p.Report(r, 0) })
	for _, claim := range []string{"windows", "earlier", "proof", "detail"} {
		if strings.Contains(text, claim) {
			t.Errorf("it claims %q:\n%s", claim, text)
		}
	}
	r.Counts.InWindow = 1
	text = shown(terminal.Terminal{}, func(p auditview.Page) { p.Report(r, 0) })
	if !strings.Contains(text, "1 of 2 times inside their witness windows") {
		t.Errorf("%s", text)
	}
	r.Findings = []audit.Finding{{Name: audit.Stale, Index: -1}}
	text = shown(terminal.Terminal{}, func(p auditview.Page) { p.Report(r, 0) })
	if strings.Contains(text, "clean:") {
		t.Errorf("%s", text)
	}
}
